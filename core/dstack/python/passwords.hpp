// Passwords among the installers' settings: what their output must not show.
#pragma once

#include <string>
#include <vector>

namespace dstack::python {

/// What must not be shown of a variable that a requirement file uses: its value; of an address only
/// the password; nothing of a path. Empty: nothing.
std::string hidden_part(const std::string& name, const std::string& value);

/// The passwords in the addresses of indexes and proxies among `NAME=VALUE`, and those that uv
/// takes in variables of their own.
std::vector<std::string> passwords_in(const std::vector<std::string>& environment);

}  // namespace dstack::python
