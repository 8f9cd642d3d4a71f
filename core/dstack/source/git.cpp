#include "dstack/source/git.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

extern char** environ;

namespace dstack::source {

namespace {

/// Those that say which configuration to use may stay: people name safe folders with them. The
/// others say which repository, index or work tree to use, or write to files of their own.
bool is_for_git(std::string_view variable) {
  if (!variable.starts_with("GIT_"))
    return true;
  return variable.starts_with("GIT_CONFIG_GLOBAL=") || variable.starts_with("GIT_CONFIG_SYSTEM=") ||
         variable.starts_with("GIT_CONFIG_NOSYSTEM=") ||
         variable.starts_with("GIT_CONFIG_COUNT=") || variable.starts_with("GIT_CONFIG_KEY_") ||
         variable.starts_with("GIT_CONFIG_VALUE_") || variable.starts_with("GIT_EXEC_PATH=");
}

/// Milliseconds without a word, after which it is worth asking why.
constexpr int long_wait = 1000;

void take(Fd& from, std::string& into) {
  std::array<char, 65536> buffer;
  const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
  if (count > 0)
    into.append(buffer.data(), static_cast<std::size_t>(count));
  else if (count == 0 || errno != EINTR)
    from.reset();
}

bool is_empty_folder(const Path& path) {
  boost::system::error_code error;
  return fs::is_directory(path, error) && fs::is_empty(path, error) && !error;
}

/// As Git judges the content of a HEAD.
bool is_head(std::string_view text) {
  constexpr std::size_t shortest_commit = 40;
  if (text.starts_with("ref:"))
    return trim(text.substr(4)).starts_with("refs/");
  return text.find_first_not_of("0123456789abcdefABCDEF") >= shortest_commit &&
         text.size() >= shortest_commit;
}

/// The value of `# name value` among the header lines of a status.
std::string header_value(std::string_view line, std::string_view name) {
  if (!line.starts_with(name))
    return {};
  const std::string_view value = line.substr(name.size());
  return value.starts_with('(') ? std::string() : std::string(value);
}

}  // namespace

Result<std::string> read_git_file(const Path& path) {
  auto text = read_file(path);
  if (!text && (text.error().number == ENOENT || text.error().number == ENOTDIR))
    return std::string();
  if (!text)
    text.error().code = ErrorCode::unavailable;
  return text;
}

Path find_git_entry(const Path& folder) {
  const Path start = fs::absolute(folder);

  struct stat status {};

  const bool is_known = ::stat(start.c_str(), &status) == 0;
  const dev_t device = status.st_dev;
  for (Path at = start; !at.empty(); at = at.parent_path()) {
    if (is_known && (::stat(at.c_str(), &status) != 0 || status.st_dev != device))
      return {};
    const Path entry = at / ".git";
    if (::lstat(entry.c_str(), &status) == 0 && (at == start || !is_empty_folder(entry)))
      return entry;
  }
  return {};
}

Result<Path> find_git_folder(const Path& entry) {
  if (is_folder(entry))
    return entry;
  DSTACK_TRY(const std::string text, read_git_file(entry));
  if (!text.starts_with("gitdir: "))
    return fail(broken_git_entry(entry, "it names no folder"));
  return fs::absolute(Path(std::string(trim(text.substr(8)))), entry.parent_path());
}

Result<void> check_git_entry(const Path& entry) {
  struct stat status {};

  if (::stat(entry.c_str(), &status) != 0 && errno == ENOENT)
    return fail(broken_git_entry(entry, "it is a link to nothing"));
  if (!S_ISDIR(status.st_mode))
    return {};
  status = {};
  if (::lstat((entry / "HEAD").c_str(), &status) != 0 && errno == ENOENT)
    return fail(broken_git_entry(entry, "it has no HEAD"));
  if (!S_ISLNK(status.st_mode)) {
    const auto head = read_git_file(entry / "HEAD");
    if (!head)
      return {};  // Git says why
    if (!is_head(*head))
      return fail(broken_git_entry(
          entry, trim(*head).empty() ? "its HEAD is empty" : "its HEAD names no branch or commit"));
  }
  if (::lstat((entry / "commondir").c_str(), &status) == 0)
    return {};  // the rest is elsewhere
  for (const char* name : {"objects", "refs"})
    if (::stat((entry / name).c_str(), &status) != 0 && errno == ENOENT)
      return fail(broken_git_entry(entry, fmt::format("it has no '{}'", name)));
  return {};
}

Error broken_git_entry(const Path& entry, std::string_view reason) {
  return make_error(
             ErrorCode::unavailable, "'{}' leads to no Git repository: {}", entry.string(), reason)
      .with_hint(
          "repair the repository ('git worktree repair' helps after it was moved), or remove "
          "this '.git'; without it every file that '.gitignore' does not name is code");
}

std::string prefix_in_repository(const Path& folder, const Path& entry) {
  const Path relative = real_path(folder).lexically_relative(real_path(entry.parent_path()));
  if (relative.empty() || relative == "." || *relative.begin() == "..")
    return {};
  return fmt::format("{}/", relative.string());
}

process::Command git_command(const Path& folder,
                             std::vector<std::string> arguments,
                             const std::vector<std::string>& variables) {
  process::Command command;
  // A folder that is laid out like a repository is none: a clone may bring one. And where the
  // user's own configuration names a folder of the project for hooks, they stay the project's.
  command.argv = {"git",
                  "-c",
                  "core.fsmonitor=false",
                  "-c",
                  "core.hooksPath=/dev/null",
                  "-c",
                  "core.quotePath=true",
                  "-c",
                  "safe.bareRepository=explicit"};
  for (std::string& argument : arguments)
    command.argv.push_back(std::move(argument));
  command.working_dir = folder.string();
  command.environment.emplace();
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (is_for_git(*variable) && !std::string_view(*variable).starts_with("LC_ALL="))
      command.environment->push_back(*variable);
  for (const char* variable : {"LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0"})
    command.environment->push_back(variable);
  for (const std::string& variable : variables)
    command.environment->push_back(variable);
  return command;
}

Result<Call> Call::start(process::Command command) {
  DSTACK_TRY(Pipe out, make_pipe());
  DSTACK_TRY(Pipe err, make_pipe());
  command.descriptors.emplace_back(1, out.write_end.get());
  command.descriptors.emplace_back(2, err.write_end.get());
  auto child = process::spawn(command);
  if (!child)
    return Failure(std::move(child).error());
  return Call(std::move(*child), std::move(out.read_end), std::move(err.read_end));
}

void Call::abandon() {
  child_.signal(SIGKILL);
  child_.wait();
}

Result<std::vector<process::Output>> finish_together(std::vector<Call> calls,
                                                     const WhenWaiting& when_waiting) {
  bool has_waited = !when_waiting;
  for (;;) {
    std::vector<pollfd> polled;
    for (const Call& call : calls) {
      polled.push_back({call.out_.get(), POLLIN, 0});
      polled.push_back({call.err_.get(), POLLIN, 0});
    }
    const bool is_open =
        std::any_of(polled.begin(), polled.end(), [](const pollfd& each) { return each.fd >= 0; });
    if (!is_open)
      break;
    const int ready = ::poll(polled.data(), polled.size(), has_waited ? -1 : long_wait);
    if (ready == 0 && !std::exchange(has_waited, true))
      if (auto why = when_waiting(); !why) {
        for (Call& call : calls)
          call.abandon();
        return Failure(std::move(why).error());
      }
    if (ready <= 0)
      continue;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (polled[2 * i].revents != 0)
        take(calls[i].out_, calls[i].out_text_);
      if (polled[2 * i + 1].revents != 0)
        take(calls[i].err_, calls[i].err_text_);
    }
  }
  std::vector<process::Output> outputs;
  for (Call& call : calls)
    outputs.push_back({call.child_.wait(), std::move(call.out_text_), std::move(call.err_text_)});
  return outputs;
}

Result<std::vector<process::Output>> run_together(const std::vector<process::Command>& commands) {
  std::vector<Call> calls;
  for (const process::Command& command : commands) {
    auto call = Call::start(command);
    if (!call) {
      for (Call& started : calls)
        started.abandon();
      return Failure(std::move(call).error());
    }
    calls.push_back(std::move(*call));
  }
  return finish_together(std::move(calls));
}

Result<std::string> git_output(const process::Command& command) {
  DSTACK_TRY(std::vector<process::Output> outputs, run_together({command}));
  if (process::succeeded(outputs.front().status))
    return std::move(outputs.front().out);
  return fail(ErrorCode::unavailable, "git failed: {}", stderr_tail(outputs.front()));
}

std::string stderr_tail(const process::Output& output) {
  std::string_view cause = trim(output.err);
  // The first line is the cause; what follows is advice.
  cause = cause.substr(0, cause.find('\n'));
  for (const std::string_view prefix : {"fatal: ", "error: "})
    if (cause.starts_with(prefix))
      cause.remove_prefix(prefix.size());
  return cause.empty() ? process::render(output.status) : std::string(cause);
}

bool is_ownership_refusal(const process::Output& output) {
  return output.err.find("dubious ownership") != std::string::npos ||
         output.err.find("unsafe repository") != std::string::npos;
}

BranchFacts parse_status(std::string_view text) {
  BranchFacts facts;
  for (const std::string_view line : split(text, '\0')) {
    if (line.empty())
      continue;
    if (line.starts_with("? "))
      continue;
    if (!line.starts_with("# "))
      // A submodule without its folder is not checked out, as one with an empty folder.
      facts.has_changes = facts.has_changes || !line.starts_with("1 .D S");
    else if (line.starts_with("# branch.oid "))
      facts.commit = header_value(line, "# branch.oid ");
    else if (line == "# branch.head (unknown)")
      facts.is_broken = true;
    else if (line.starts_with("# branch.head "))
      facts.branch = header_value(line, "# branch.head ");
  }
  return facts;
}

std::string find_remote(const std::vector<GitSetting>& settings, const std::string& branch) {
  const auto url_of = [&](const std::string& name) {
    return find_setting(settings, fmt::format("remote.{}.url", name));
  };
  const std::string* wanted = find_setting(settings, fmt::format("branch.{}.remote", branch));
  for (const std::string& name :
       {wanted == nullptr ? std::string() : *wanted, std::string("origin")})
    if (const std::string* url = url_of(name))
      return without_credentials(*url);
  for (const GitSetting& setting : settings)
    if (setting.key.starts_with("remote.") && setting.key.ends_with(".url") &&
        setting.key.size() > 11)
      return without_credentials(setting.value);
  return {};
}

std::string without_credentials(std::string url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos)
    return url;  // a path, or user@host:path, whose user is no secret
  const std::size_t begin = scheme + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  const std::size_t at = url.rfind('@', end);
  if (at == std::string::npos || at < begin || at >= end)
    return url;
  const std::size_t colon = url.find(':', begin);
  const bool has_password = colon != std::string::npos && colon < at;
  // The user of ssh is part of the address, that of https is often a token.
  if (url.starts_with("ssh://") || url.starts_with("git+ssh://"))
    return has_password ? url.erase(colon, at - colon) : url;
  return url.erase(begin, at + 1 - begin);
}

}  // namespace dstack::source
