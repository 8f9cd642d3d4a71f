// The SDK's template files of `dstack providers new`. In them `@name@` is replaced by the
// provider's name, `@Class@` and `@crate@` by its form in the language.
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
