// An engine that writes without an end is refused with the limit, and takes little memory
// meanwhile.
#include "dstack/backend/container_image.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/process/spawn.hpp"
#include "support/catch.hpp"
#include "support/text.hpp"

#include <signal.h>

using namespace dstack;
using namespace dstack::backend;
using dstack::test::holds;

namespace {

/// tests/unit/backend/engine.py, as long as the object lives.
class EndlessEngine {
 public:
  EndlessEngine() {
    auto output = make_pipe();
    REQUIRE(output);
    process::Command command;
    command.argv = {"python3", DSTACK_SOURCE_DIR "/tests/unit/backend/engine.py", socket()};
    command.descriptors = {{1, output->write_end.get()}};
    auto child = process::spawn(command);
    REQUIRE(child);
    child_.emplace(*std::move(child));
    output->write_end.reset();
    for (char letter = 0; letter != '\n';) {
      const auto ready = read_some(output->read_end.get(), &letter, 1);
      REQUIRE((ready && *ready == 1));
    }
  }

  EndlessEngine(const EndlessEngine&) = delete;
  EndlessEngine& operator=(const EndlessEngine&) = delete;

  ~EndlessEngine() {
    child_->signal(SIGKILL);
    child_->wait();
  }

  Engine open() const {
    auto engine = Engine::open({"docker", socket(), {}});
    if (!engine)
      FAIL(render(engine.error()));
    return *std::move(engine);
  }

 private:
  std::string socket() const { return (folder_.path() / "engine.sock").string(); }

  TemporaryFolder folder_ = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  std::optional<process::Child> child_;
};

std::string failure_of_pull(const Engine& engine, const std::string& image) {
  const auto pulled = pull_image(engine, image, "", {}, [](const std::string&) {});
  REQUIRE_FALSE(pulled);
  return pulled.error().message;
}

}  // namespace

TEST_CASE("an endless answer of the engine is refused at the limit") {
  const EndlessEngine server;
  const auto info = server.open().ask("GET", "/info");
  REQUIRE_FALSE(info);
  CHECK(holds(info.error().message, "is rejected: it is longer than 4.2 MB"));
}

TEST_CASE("an endless line of a pull ends the pull at the limit") {
  const EndlessEngine server;
  CHECK(holds(failure_of_pull(server.open(), "line"), "progress is longer than 1.0 MB"));
}

TEST_CASE("an engine's refusal is kept up to a limit, however long it is") {
  const EndlessEngine server;
  const std::string message = failure_of_pull(server.open(), "refused");
  CHECK(holds(message, "refused refused"));
  CHECK(message.size() < 70'000);
}

TEST_CASE("layers beyond what an image can have are not remembered") {
  PullProgress progress;
  std::size_t reported = 0;
  for (int layer = 0; layer < 100'000; ++layer)
    if (progress.take(Json{{"id", std::to_string(layer)}, {"status", "Download complete"}}))
      ++reported;
  CHECK(reported == 0);
  CHECK(progress.layers() == 1000);
}
