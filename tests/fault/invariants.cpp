#include "invariants.hpp"

#include "dstack/base/text.hpp"
#include "dstack/process/identity.hpp"
#include "sweep.hpp"

#include <set>
#include <thread>

namespace dstack::test {

namespace {

constexpr std::chrono::seconds patience(20);

Json parsed(const std::string& text, const std::string& what) {
  auto json = parse_json(text, what);
  if (!json)
    broken(what + " is no JSON: " + text);
  return *std::move(json);
}

Json all_runs(const Sandbox& box) {
  return parsed(succeed(box, {"ps", "-a", "--json"}), "the output of 'ps -a --json'");
}

/// Whether it becomes true in time.
bool comes_true(const std::function<bool()>& reached) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!reached()) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

std::vector<std::string> names_in(const Path& folder) {
  std::vector<std::string> names;
  boost::system::error_code error;
  for (fs::directory_iterator next(folder, error), end; !error && next != end;
       next.increment(error))
    names.push_back(next->path().filename().string());
  return names;
}

bool is_temporary(const std::string& name) {
  return name.find(".tmp-") != std::string::npos || name.starts_with(".dstack-") ||
         name.starts_with("held-") || name.starts_with(".removed-");
}

void check_no_temporary(const Path& top) {
  boost::system::error_code error;
  for (fs::recursive_directory_iterator next(top, error), end; !error && next != end;
       next.increment(error))
    if (is_temporary(next->path().filename().string()))
      broken("it left " + next->path().string());
}

void check_processes(const Sandbox& box) {
  std::vector<pid_t> left;
  const bool gone = comes_true([&] {
    left = process::with_environment("DSTACK_HOME", box.home().string());
    return left.empty();
  });
  if (gone)
    return;
  std::string words;
  for (const pid_t pid : left)
    words +=
        fmt::format("\n  {}: {}",
                    pid,
                    printable(read_kernel_file(fmt::format("/proc/{}/cmdline", pid)).value_or("")));
  broken("processes are left:" + words);
}

void check_run_folders(const Sandbox& box) {
  std::set<std::string> on_record;
  for (const Json& run : all_runs(box))
    on_record.insert(run["run"].get<std::string>());
  std::set<std::string> folders;
  for (const std::string& name : names_in(box.home() / "runs"))
    folders.insert(name);
  for (const std::string& name : folders)
    if (!on_record.contains(name))
      broken("the folder runs/" + name + " belongs to no run");
}

}  // namespace

bool is_final(const Json& run) {
  const auto status = run.at("status").get<std::string>();
  return status == "done" || status == "failed" || status == "stopped" || status == "aborted" ||
         status == "skipped";
}

void check_runs_end(const Sandbox& box) {
  const auto runs = all_runs(box);
  for (const Json& run : runs) {
    const auto name = run["run"].get<std::string>();
    if (is_final(run))
      continue;
    const auto followed = answer(box, {"logs", "-f", name});
    const Json now = parsed(succeed(box, {"show", name, "--json"}), "the output of 'show --json'");
    if (!is_final(now))
      broken(fmt::format("run {} is still {} after 'logs -f' has ended: {}",
                         name,
                         now["status"].get<std::string>(),
                         followed.err));
  }
}

void check_nothing_left(const Sandbox& box) {
  check_processes(box);
  check_run_folders(box);
  if (const auto names = names_in(box.home() / "tmp"); !names.empty())
    broken("tmp/ in the home still has " + quoted_list(names));
  check_no_temporary(box.home());
  check_no_temporary(box.project());
}

}  // namespace dstack::test
