// A folder to put first on PATH so that `python` and `python3` are a given interpreter, where its
// own folder is not suitable: /usr/bin may lack the name `python`, and would hide earlier entries
// of PATH.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/python/python.hpp"

namespace dstack::python {

/// The interpreter's own folder if everything in it belongs to it (an environment, pyenv's, uv's),
/// else a folder of links in the home, made once. An interpreter finds its library by the target of
/// the link.
Result<Path> bin_folder(const Interpreter& interpreter, const files::Home& home);

}  // namespace dstack::python
