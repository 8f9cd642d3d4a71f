// The files of which `dstack providers new` makes a project, as they stand in the SDK. In them
// `@name@` is the provider's name, `@Class@` and `@crate@` what its language makes of it.
#pragma once

#include <string_view>
#include <vector>

namespace dstack::cli {

struct Template {
  std::string_view path;  ///< in the SDK: "templates/cpp/provider.cpp"
  std::string_view text;
};

const std::vector<Template>& all_templates();

}  // namespace dstack::cli
