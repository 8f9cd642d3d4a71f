// How the value of a secret that a file refers to is written in everything that is recorded: as the
// reference `${{ secrets.NAME }}` itself, in exactly this spelling. The value takes its place when
// the job starts, and only in texts that are known to hold references.
#pragma once

#include "dstack/base/error.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::config {

/// `${{ secrets.NAME }}`, or NAME in a list `secrets`, and its place.
struct SecretReference {
  std::string name;
  SourceLocation where;
};

inline constexpr std::string_view secret_scope = "secrets.";

std::string secret_reference(std::string_view name);
/// The name in the first reference as users may write it, with any spaces; `$${{` begins none.
std::optional<std::string> find_written_secret(std::string_view text);
/// The names that the references of a text have, in their order.
std::vector<std::string> secrets_in(std::string_view text);
/// The text with values in the place of its references; one without a value stays as it is.
std::string with_secrets(
    std::string_view text,
    const std::function<std::optional<std::string>(const std::string& name)>& value);

}  // namespace dstack::config
