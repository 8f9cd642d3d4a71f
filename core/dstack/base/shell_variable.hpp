// Variables as a shell writes them, in texts that no shell reads.
#pragma once

#include <string>
#include <string_view>

namespace dstack {

/// The first `$NAME` or `${NAME` of a text, as it stands there (with its closing brace); empty
/// where there is none.
std::string find_shell_variable(std::string_view text);
/// The first that has this name.
std::string find_shell_variable(std::string_view text, std::string_view name);
/// The name alone, of what these return.
std::string_view name_of_shell_variable(std::string_view reference);
/// What a shell would replace in a path: a `~` at its start, `$(command)`, or the first `$NAME`;
/// empty: nothing. A file that is really called so can be written as `./~name`.
std::string unexpanded_word(std::string_view path);

}  // namespace dstack
