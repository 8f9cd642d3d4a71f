// One command of the program. Its members are its options: declare() names them, run() uses them.
#pragma once

#include "command_line/context.hpp"
#include "command_line/syntax.hpp"
#include "dstack/base/error.hpp"

#include <string>
#include <vector>

namespace dstack::cli {

class Action {
 public:
  Action() = default;
  Action(const Action&) = delete;
  Action& operator=(const Action&) = delete;
  virtual ~Action() = default;

  virtual void declare(Syntax& syntax) = 0;

  /// Sets the options. Overridden only by a command with argument rules of its own.
  virtual Result<void> parse(Syntax& syntax, const std::vector<std::string>& arguments) {
    return syntax.parse(arguments);
  }

  /// Refuses words that only the project's files show to be wrong, before any of them has an
  /// effect. `project`: what `--project` before the command's name says; empty: the current folder.
  virtual Result<void> check_words(const std::string& /*project*/) { return {}; }

  /// What `--help` prints.
  virtual Result<std::string> help(Context&, const Syntax& syntax) { return syntax.help(); }

  /// Whether the home has to be believed before run(): nothing of one that is not may be read.
  virtual bool opens_home() const { return true; }

  /// The exit code.
  virtual Result<int> run(Context& context) = 0;
};

}  // namespace dstack::cli
