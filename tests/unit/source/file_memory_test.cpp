// Artifacts of jobs that work in the project itself, which are captured again and again.
#include "dstack/source/file_memory.hpp"

#include "dstack/base/progress.hpp"
#include "support/wait.hpp"
#include "unit/source/fixture.hpp"

#include <unistd.h>

using namespace dstack;
using namespace dstack::source;

namespace {

struct Artifact {
  TestProject project;
  std::vector<std::string> warnings;
  std::uint64_t read = 0;  ///< bytes, of the last capture

  job::TreeReference capture(const std::string& path = "out") {
    ProgressReporter reporter(std::chrono::seconds(1), [](const WorkState&) {});
    const ReportedWork reported(&reporter);
    IndexedFiles memory(project.objects, project.root, path);
    auto tree = test::value_of(project.objects.capture_matches(
        project.root, {{path, path}}, warnings, store::Originals::stay, &memory));
    read = reporter.state().done.bytes;
    return tree;
  }

  /// Of what was just written its times prove nothing yet.
  job::TreeReference capture_until_nothing_is_read() {
    job::TreeReference tree;
    test::wait_until([&] {
      tree = capture();
      return read == 0;
    });
    return tree;
  }
};

}  // namespace

TEST_CASE("what has not changed is not read again, what has changed is") {
  Artifact a;
  a.project.write("out/b/2", "two");
  a.project.write("out/a", "one");
  const auto first = a.capture();
  CHECK(a.read == 6);
  CHECK(a.capture_until_nothing_is_read() == first);

  a.project.write("out/a", "changed");
  const auto second = a.capture();
  CHECK(a.read == 7);
  CHECK(second.tree != first.tree);
  a.project.write("out/new", "n");
  ::unlink((a.project.root / "out/b/2").c_str());
  a.capture_until_nothing_is_read();
  const auto files = test::value_of(a.project.objects.list(a.capture()));
  REQUIRE(files.size() == 2);
  CHECK(files[0].path == "out/a");
  CHECK(test::value_of(a.project.objects.read_blob(files[0].digest)) == "changed");
  CHECK(files[1].path == "out/new");
}

TEST_CASE("much that was written in this moment is known the next time") {
  Artifact a;
  a.project.write("out/large", std::string(20'000'000, 'x'));
  a.capture();
  CHECK(a.read == 20'000'000);
  a.capture();
  CHECK(a.read == 0);
}

TEST_CASE("where the store has lost what was captured, all is read") {
  Artifact a;
  a.project.write("out/a", "one");
  a.capture_until_nothing_is_read();
  fs::remove_all(a.project.objects.home().root / "trees");
  fs::remove_all(a.project.objects.home().root / "objects");
  const auto files = test::value_of(a.project.objects.list(a.capture()));
  CHECK(a.read == 3);
  CHECK(test::value_of(a.project.objects.read_blob(files.at(0).digest)) == "one");
}
