// Ctrl-C, SIGTERM and the end of the terminal while a command writes: it ends by that signal, and
// takes with it what it was making. Kills at every call are in kill_sweep_test.cpp.
#include "dstack/files/drafts.hpp"
#include "support/sandbox.hpp"
#include "support/wait.hpp"

#include <signal.h>

using namespace dstack;
using namespace dstack::test;

namespace {

std::vector<std::string> drafts_below(const Path& folder) {
  std::vector<std::string> found;
  boost::system::error_code error;
  for (fs::recursive_directory_iterator next(folder, error), end; !error && next != end;
       next.increment(error))
    if (files::is_draft(next->path().filename().string()))
      found.push_back(next->path().string());
  return found;
}

/// Starts a download, and interrupts it when it has begun to write. How it ended.
process::ExitStatus interrupt_download(const Sandbox& box, const Path& folder, int number) {
  auto child =
      process::spawn(box.command({"artifacts", "download", box.last_run(), "-o", folder.string()}));
  REQUIRE(child);
  wait_until([&] { return !drafts_below(folder).empty(); });
  child->signal(number);
  return child->wait();
}

}  // namespace

TEST_CASE("an interrupted download leaves no draft, in the folder or in the home") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - name: big\n    provider: bash\n    artifacts: [big]\n"
      "    commands: ['mkdir big; yes something | head -c 200000000 > big/file']\n");
  box.ok({"run", "-q", "big"});
  const int number = GENERATE(SIGINT, SIGTERM, SIGHUP);
  const Path folder = box.root() / "there";
  const auto status = interrupt_download(box, folder, number);
  const auto* signaled = std::get_if<process::Signaled>(&status);
  REQUIRE(signaled != nullptr);
  CHECK(signaled->signal == number);
  CHECK(drafts_below(folder).empty());
  // The supervisor of the run may take a moment longer to tidy up after itself.
  wait_until([&] { return fs::is_empty(box.home() / "tmp"); });
}

TEST_CASE("a draft of a killed download goes with the next command, and is never code") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - name: big\n    provider: bash\n    artifacts: [big]\n"
      "    commands: ['mkdir big; yes something | head -c 200000000 > big/file']\n"
      "  - {name: list, provider: bash, commands: ['find . -name \".dstack-*\"; echo listed']}\n");
  box.ok({"run", "-q", "big"});
  const Path folder = box.project() / "there";
  const auto status = interrupt_download(box, folder, SIGKILL);
  REQUIRE(std::get_if<process::Signaled>(&status) != nullptr);
  const auto left = drafts_below(folder);
  REQUIRE(left.size() == 1);

  // Somebody else's file of such a name: on no record, so it stays, and is no code all the same.
  const std::string other = "there/.dstack-0123456789abcdef";
  box.file(other, "x");
  CHECK(box.ok({"run", "list"}) == "listed\n");
  CHECK_FALSE(fs::exists(left.front()));
  CHECK(fs::exists(box.project() / other));
}
