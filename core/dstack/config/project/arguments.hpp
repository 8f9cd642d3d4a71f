// Texts that become the arguments of a program: how they are split, and all variables of a workflow
// as arguments.
#pragma once

#include "dstack/config/yaml/reference_syntax.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::config {

/// One argument as written, before anything in it is replaced.
struct ArgumentWord {
  struct Part {
    std::string text;                    ///< comes before the reference
    std::optional<Reference> reference;  ///< points into the text that was split
    std::size_t index = 0;               ///< how many references come before it in that text
  };

  std::vector<Part> parts;
  bool is_bare_reference = false;  ///< one reference without anything around it, quotes included
};

/// Splits as a shell would, with every reference as one piece of a word: what takes its place never
/// changes the words. Nothing when a quote is left open, or when the text has a NUL. The result
/// refers to `text`.
std::optional<std::vector<ArgumentWord>> split_arguments(std::string_view text);

/// How a program is to be given variables.
enum class VariablesForm {
  options,  ///< `${{ variables }}`: `--lr 0.5`
  hydra,    ///< `${{ variables:hydra }}`: `lr=0.5`
  equals    ///< `${{ variables:equals }}`: `--lr=0.5`
};

/// The names in references, in the order of VariablesForm.
extern const std::vector<std::string> names_of_variables_forms;
std::optional<VariablesForm> variables_form(std::string_view name);
/// Whether it is `variables:` and anything.
bool looks_like_variables_form(std::string_view name);

struct NamedValue {
  std::string name;
  std::string value;
};

/// A variable without value is left out. As options, `true` is a bare `--fast`, and `false` is left
/// out; for Hydra both are values like any other.
std::vector<std::string> render_variables(const std::vector<NamedValue>& variables,
                                          VariablesForm form);

}  // namespace dstack::config
