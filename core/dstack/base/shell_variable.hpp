// Variables as a shell writes them, in texts that no shell reads.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace dstack {

/// The first `$NAME` or `${NAME` of a text, as it stands there (with its closing brace); empty
/// where there is none.
std::string find_shell_variable(std::string_view text);
/// The first that has this name.
std::string find_shell_variable(std::string_view text, std::string_view name);
/// The text with another text for each of them, by its name and what stands before it (0: nothing);
/// no text leaves it as it is.
std::string replace_shell_variables(
    std::string_view text,
    const std::function<std::optional<std::string>(std::string_view name, char before)>&
        replacement);
/// The name alone, of what find_shell_variable() returns.
std::string_view name_of_shell_variable(std::string_view reference);
/// What a shell would replace in a path: a `~` at its start, `$(command)`, or the first `$NAME`;
/// empty: nothing. A file that is really called so can be written as `./~name`.
std::string unexpanded_word(std::string_view path);

}  // namespace dstack
