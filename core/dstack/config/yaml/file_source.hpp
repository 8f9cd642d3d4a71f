// Reading the files that users write, and the errors that point into them.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/file.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::config {

/// Reads a YAML file as a text that errors can point into. `name` is for messages. A file
/// that is too large is refused without being read.
Result<std::shared_ptr<const SourceText>> read_source(const Path& file, std::string name);

/// The name of the file `stem`.yaml or `stem`.yml in `folder`; nothing where there is neither. Both
/// are an error that names them, each as `shown` + name.
Result<std::optional<std::string>> find_yaml_file(const Path& folder,
                                                  std::string_view stem,
                                                  std::string_view shown);

/// "1,000,000"
std::string with_separators(std::size_t number);
/// "the file exceeds the limit of 250,000 values"
Error too_many(std::string_view what, std::size_t limit, SourceLocation where);
Error file_too_large(SourceLocation where, std::size_t limit);

}  // namespace dstack::config
