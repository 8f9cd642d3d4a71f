#include "dstack/process/start_failure.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

extern char** environ;

namespace dstack::process {

namespace {

/// One of ours, which exists: a failure to start it is not the user's fault.
bool is_own(const Command& command) {
  return command.program == own_program;
}

const std::string& program_of(const Command& command) {
  return command.program.empty() ? command.argv.front() : command.program;
}

bool can_be_entered(const std::string& folder) {
  const Fd opened(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return opened && ::access(folder.c_str(), X_OK) == 0;
}

/// The file that the system was asked to execute; nothing when there is none.
std::optional<std::string> file_of(const Command& command) {
  const std::string& program = program_of(command);
  if (program.find('/') == std::string::npos) {
    return find_program(program, environment_variable("PATH").value_or("/bin:/usr/bin"));
  }
  const bool relative = program.front() != '/' && !command.working_dir.empty();
  std::string file = relative ? command.working_dir + "/" + program : program;
  if (::access(file.c_str(), F_OK) != 0)
    return std::nullopt;
  return file;
}

/// What the first line of a script asks for; empty when the file is not a script.
std::string interpreter_of(const std::string& file) {
  const auto opened = open_source(file);
  std::array<char, 256> buffer;
  const ssize_t count = opened ? ::read(opened->get(), buffer.data(), buffer.size()) : 0;
  std::string_view line(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (!line.starts_with("#!"))
    return {};
  line = trim(line.substr(2, line.find('\n') - 2));
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

std::string hint_for_missing(const std::optional<std::string>& file) {
  if (!file)
    return "install it, or give its full path";
  const std::string interpreter = interpreter_of(*file);
  if (!interpreter.empty())
    return fmt::format(
        "its first line asks for '{}', which does not exist: install it, or correct the line",
        interpreter);
  return fmt::format(
      "the file exists, but the loader that it was built for does not: 'ldd {}' shows what is "
      "missing",
      *file);
}

std::string hint_for_length(const Command& command) {
  std::size_t all = 0;
  std::size_t longest = 0;
  const auto add = [&](std::string_view text) {
    all += text.size() + 1;
    longest = std::max(longest, text.size());
  };
  for (const std::string& argument : command.argv)
    add(argument);
  if (command.environment)
    for (const std::string& variable : *command.environment)
      add(variable);
  else
    for (char** variable = environ; *variable != nullptr; ++variable)
      add(*variable);
  return fmt::format(
      "its arguments and variables have {} bytes, the longest of them {}; the system limit is {} "
      "in all and {} in one: put long values into a file",
      all,
      longest,
      ::sysconf(_SC_ARG_MAX),
      longest_argument);
}

std::string hint_for(const Command& command, int error) {
  switch (error) {
    case ENOENT:
      return hint_for_missing(file_of(command));
    case ENOEXEC:
      return "it is neither a program for this machine nor a script whose first line names an "
             "interpreter, such as '#!/bin/sh'";
    case EACCES:
    case EPERM:
      return "it needs the x bit (chmod +x), as does what its first line names, and a file system "
             "that is not mounted 'noexec'";
    case ETXTBSY:
      return fmt::format("another process is writing to the file; 'fuser -v {}' names the process",
                         file_of(command).value_or(program_of(command)));
    case E2BIG:
      return hint_for_length(command);
    default:
      return {};
  }
}

}  // namespace

std::string shown(const Command& command) {
  std::string name = command.argv.front();
  if (is_own(command) && command.argv.size() > 1)
    name += fmt::format(" {}", command.argv[1]);
  return name;
}

Failure start_failure(const Command& command, int error) {
  if (!command.working_dir.empty() && !can_be_entered(command.working_dir)) {
    auto failure =
        fail_errno_of(error, "cannot start '{}' in '{}'", shown(command), command.working_dir);
    failure.value().hint = "check that the folder exists and that you may enter it";
    return failure;
  }
  auto failure = fail_errno_of(error, "cannot start '{}'", shown(command));
  Error& reported = failure.value();
  if (is_own(command)) {
    reported.code = ErrorCode::internal;
    if (error == E2BIG)
      reported.hint = hint_for_length(command);
    else if (error != EAGAIN && error != ENOMEM)
      reported.hint = "the program is dstack itself: check whether it is being replaced just now";
    return failure;
  }
  if (std::string hint = hint_for(command, error); !hint.empty())
    reported.hint = std::move(hint);
  if (error == ENOENT)
    reported.code = ErrorCode::not_found;
  return failure;
}

}  // namespace dstack::process
