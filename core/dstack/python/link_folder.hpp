// A folder to put first on PATH so that `python` and `python3` are a certain interpreter, where its
// own folder will not do: /usr/bin may lack the name `python`, and would hide what stands before it
// in PATH.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/python/python.hpp"

namespace dstack::python {

/// The interpreter's own folder when all in it belongs to it (an environment, pyenv's, uv's), else
/// a small folder of links in the home, made once. An interpreter finds its library by the file
/// behind the link.
Result<Path> bin_folder(const Interpreter& interpreter, const files::Home& home);

}  // namespace dstack::python
