// The bytes of a requirements file as text, as pip reads them: UTF-8; UTF-16 or UTF-32 with a byte
// order mark, as PowerShell writes them; or what a line `# -*- coding: latin-1 -*-` at the top
// says.
#pragma once

#include "dstack/base/error.hpp"

#include <string>
#include <string_view>

namespace dstack::python {

/// As UTF-8, without a byte order mark, and with a coding line that says so: the installers get the
/// text, not the bytes. `name` is the file's in errors, which have the place of what cannot be
/// read.
Result<std::string> decode_requirements(std::string_view bytes, const std::string& name);

}  // namespace dstack::python
