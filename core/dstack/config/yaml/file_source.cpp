#include "dstack/config/yaml/file_source.hpp"

#include "dstack/config/yaml/yaml.hpp"

#include <string_view>
#include <utility>

namespace dstack::config {

namespace {

/// A place in a file that was not read: its name and beginning, no text.
SourceLocation unread_place(std::string name) {
  SourceText source;
  source.name = std::move(name);
  SourceLocation where;
  where.source = std::make_shared<const SourceText>(std::move(source));
  where.line = 1;
  where.column = 1;
  return where;
}

}  // namespace

std::string with_separators(std::size_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

Result<std::shared_ptr<const SourceText>> read_source(const Path& file, std::string name) {
  boost::system::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (fs::exists(status) && !fs::is_regular_file(status))
    return fail(ErrorCode::configuration, "'{}' is not a file", name)
        .with_hint("a YAML file is expected there");
  const std::uintmax_t size = fs::exists(status) ? fs::file_size(file, error) : 0;
  if (!error && size > YamlLimits{}.bytes)
    return fail(file_too_large(unread_place(std::move(name)), YamlLimits{}.bytes));
  auto text = read_file(file);
  if (!text)
    return fail(std::move(text).error());
  return make_source_text(std::move(name), std::move(*text));
}

Result<std::optional<std::string>> find_yaml_file(const Path& folder,
                                                  std::string_view stem,
                                                  std::string_view shown) {
  std::optional<std::string> found;
  for (const std::string_view ending : {".yaml", ".yml"}) {
    const std::string name = fmt::format("{}{}", stem, ending);
    boost::system::error_code error;
    if (!fs::exists(folder / name, error))
      continue;
    if (found)
      return fail(ErrorCode::configuration,
                  "there are both '{}{}' and '{}{}'",
                  shown,
                  *found,
                  shown,
                  name)
          .with_hint("only one of them is read: merge the two, and remove one");
    found = name;
  }
  return found;
}

Error file_too_large(SourceLocation where, std::size_t limit) {
  return make_error(ErrorCode::configuration, "the file is larger than {} MiB", limit >> 20)
      .at(std::move(where))
      .with_hint(
          "split the workflows into several files in '.dstack/workflows'; keep data elsewhere");
}

Error too_many(std::string_view what, std::size_t limit, SourceLocation where) {
  return make_error(ErrorCode::configuration,
                    "the file exceeds the limit of {} {}",
                    with_separators(limit),
                    what)
      .at(std::move(where))
      .with_hint(
          "split the workflows into several files in '.dstack/workflows'; each alias repeats its "
          "whole anchor, so use fewer aliases");
}

}  // namespace dstack::config
