// The key `matrix` of a workflow: with which values of its variables it is run.
#pragma once

#include "dstack/config/yaml/value.hpp"
#include "dstack/provider/manifest/manifest.hpp"
#include "dstack/sweep/combinations.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::plan {

inline constexpr std::string_view matrix_key = "matrix";

struct Matrix {
  sweep::Space space;
  std::string workflow;  ///< `matrix: train`: that workflow's instead
  SourceLocation where;
  std::map<std::string, SourceLocation, std::less<>> places = {};  ///< of the values of each key
};

/// Whether the key is the host's for workflows of this provider: not where the provider declares a
/// property of that name.
bool has_matrix(const provider::Manifest& manifest);

/// Nothing where it is wrong, which is added to the errors.
std::optional<Matrix> read_matrix(const config::Value& value, std::vector<Error>& errors);

}  // namespace dstack::plan
