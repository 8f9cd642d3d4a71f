// Where a variable of a job comes from.
#pragma once

#include "dstack/base/error.hpp"

#include <string>
#include <string_view>

namespace dstack::plan {

struct VariableOrigin {
  enum class Kind {
    base,          ///< the base environment
    provider,      ///< what the provider adds
    file,          ///< a line of a file of the project's
    command_line,  ///< an override, or an option
    dstack,        ///< set by dstack itself: a reserved name, or what follows from `cpu`
    secret,        ///< the value holds references to secrets
    env_file,      ///< a line of a file of variables; the value is not known
  };

  Kind kind = Kind::base;
  std::string place = {};  ///< of Kind::file and Kind::env_file: `FILE:LINE`

  /// A value of a file.
  static VariableOrigin at(const SourceLocation& where);

  bool operator==(const VariableOrigin&) const = default;
};

/// As people read it and as plans are recorded: `base`, `provider`, `FILE:LINE`, `command line`,
/// `dstack`, `secret`, `env_file FILE:LINE`.
std::string render(const VariableOrigin& origin);
/// Any other text is a place.
VariableOrigin parse_variable_origin(std::string_view text);

}  // namespace dstack::plan
