// What a command's words mean: its options and arguments, from which come parsing, errors, help and
// completion. syntax.cpp is the only user of CLI11.
//
// What a value is called says what completion offers for it: RUN, WORKFLOW, PROVIDER, TAG, SECRET,
// WORKFLOW:TAG, FILE, DIR; several with '|' between them; words in lower case ("auto|never") are
// those that can be typed. Any other name offers nothing.
#pragma once

#include "dstack/base/error.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::cli {

enum class Need { optional, required };

struct Described {
  std::string syntax;  ///< "-n, --last N"
  std::string help;
};

struct DeclaredOption {
  std::vector<std::string> names;  ///< "-n", "--last"
  std::string value_name;          ///< "N"; empty: it takes no value
  std::string help;
  std::vector<std::string> choices = {};  ///< the only values, where a manifest says so
};

struct DeclaredArgument {
  std::string name;
  bool many = false;                      ///< takes all that are left
  std::vector<std::string> choices = {};  ///< as of an option
};

/// "-x" and longer, "--" included.
bool is_option(std::string_view word);

/// A section of a help: two columns, the right one wrapped nowhere, as helps are short on purpose.
/// Empty when there are no entries.
std::string render_section(const std::string& title, const std::vector<Described>& entries);

class Syntax {
 public:
  /// `command` as it is typed: "dstack artifacts list". `summary` is one sentence without its full
  /// stop.
  Syntax(std::string command, std::string summary);
  Syntax(Syntax&&) noexcept;
  ~Syntax();

  /// `names`: "-a,--all". The target keeps its value where the option is not given.
  Syntax& flag(const std::string& names, bool& target, const std::string& help);
  Syntax& option(const std::string& names,
                 const std::string& value_name,
                 std::string& target,
                 const std::string& help);
  Syntax& option(const std::string& names,
                 const std::string& value_name,
                 std::optional<std::size_t>& target,
                 const std::string& help);
  /// May be given several times; each adds to the target.
  Syntax& option(const std::string& names,
                 const std::string& value_name,
                 std::vector<std::string>& target,
                 const std::string& help);
  Syntax& argument(const std::string& name,
                   std::string& target,
                   Need need,
                   const std::string& help);
  /// Takes all that are left; the last argument of a command.
  Syntax& arguments(const std::string& name,
                    std::vector<std::string>& target,
                    Need need,
                    const std::string& help);
  /// The options declared from here on are those of every command, shown after the others.
  Syntax& common_options();
  Syntax& example(const std::string& line, const std::string& meaning);
  /// A paragraph of the help, before the examples.
  Syntax& note(const std::string& paragraph);
  /// Replaces the usage line after the command's name, where the words follow rules of their own.
  Syntax& usage(const std::string& words);

  /// Sets the targets. Unknown options come with a suggestion.
  Result<void> parse(const std::vector<std::string>& words);
  /// Takes the options before the first word that is none; returns that word and all after it. The
  /// first of them is an unknown option where there was one.
  Result<std::vector<std::string>> parse_leading(const std::vector<std::string>& words);
  std::string help() const;
  /// Those of every command included.
  std::vector<DeclaredOption> options() const;
  std::vector<DeclaredArgument> arguments() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dstack::cli
