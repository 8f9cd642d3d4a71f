// A list of checks and their results: what 'doctor' and 'providers check' show.
#pragma once

#include "command_line/context.hpp"

#include <string>
#include <vector>

namespace dstack::cli {

enum class Health { ok, note, warning, error };

struct Check {
  std::string subject;
  Health health = Health::ok;
  std::string detail;
  std::string hint = {};
};

/// One line each, with the hint below.
void print_checks(Context& context, const std::vector<Check>& checks);
/// An array of {check, status, detail, hint}.
void print_checks_as_json(Context& context, const std::vector<Check>& checks);
/// Success, unless one of them is an error.
int exit_code_of(const std::vector<Check>& checks);

}  // namespace dstack::cli
