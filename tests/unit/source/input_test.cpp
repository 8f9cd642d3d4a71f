#include "dstack/source/input.hpp"

#include "dstack/base/progress.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/wait.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using source::InputUse;

namespace {

/// A home and data beside it.
struct Place {
  TemporaryFolder temporary = *TemporaryFolder::make(fs::temp_directory_path(), "input-");
  files::Home home{temporary.path() / "home"};
  store::ObjectStore objects{home};
  std::vector<std::string> warnings;

  Path data(const std::string& path) const { return temporary.path() / "data" / path; }

  void write(const std::string& path, const std::string& text) const {
    REQUIRE(make_folders(data(path).parent_path()));
    REQUIRE(write_file_atomically(data(path), text, Durable::no));
  }

  source::CapturedInput capture(const Path& path, const std::string& at) {
    return test::value_of(source::capture_input(objects, path, at, warnings));
  }

  std::vector<std::string> paths(const job::TreeReference& tree) const {
    std::vector<std::string> all;
    for (const store::TreeFile& file : test::value_of(objects.list(tree)))
      all.push_back(file.path);
    return all;
  }

  std::vector<std::string> folders(const job::TreeReference& tree) const {
    std::vector<std::string> all;
    for (const store::TreeFolder& folder : test::value_of(objects.list_folders(tree)))
      all.push_back(folder.path);
    return all;
  }
};

}  // namespace

TEST_CASE("a file is captured at its place, with the digest of its content") {
  Place place;
  place.write("data.xml", "<x/>");

  const auto captured = place.capture(place.data("data.xml"), "in/the/project.xml");

  CHECK(captured.digest == sha256("<x/>"));
  CHECK(captured.facts.size == 4);
  CHECK(place.paths(captured.tree) == std::vector<std::string>{"in/the/project.xml"});
  CHECK(place.warnings.empty());
}

TEST_CASE(
    "a folder is captured whole at its place, also an empty one, and has one digest anywhere") {
  Place place;
  place.write("a/1", "one");
  place.write("a/b/2", "two");
  REQUIRE(make_folders(place.data("a/empty")));
  REQUIRE(make_folders(place.data("nothing")));

  const auto captured = place.capture(place.data("a"), "x/y");

  CHECK(captured.facts.files == 2);
  CHECK(captured.facts.size == 6);
  CHECK(place.paths(captured.tree) == std::vector<std::string>{"x/y/1", "x/y/b/2"});
  CHECK(place.folders(captured.tree) == std::vector<std::string>{"x", "x/y", "x/y/b", "x/y/empty"});
  CHECK(place.capture(place.data("a"), "elsewhere").digest == captured.digest);
  const auto nothing = place.capture(place.data("nothing"), "n");
  CHECK(place.folders(nothing.tree) == std::vector<std::string>{"n"});
}

TEST_CASE("an input that has not changed is not read again, one that has changed is") {
  Place place;
  place.write("big/a", "before");
  std::uint64_t read = 0;  // bytes, of the last time
  const auto capture = [&] {
    ProgressReporter reporter(std::chrono::seconds(1), [](const WorkState&) {});
    const ReportedWork reported(&reporter);
    auto captured = test::value_of(
        source::capture_input(place.objects, place.data("big"), "big", place.warnings));
    read = reporter.state().done.bytes;
    return captured;
  };

  const auto first = capture();
  CHECK(read == 6);
  // Of a file that was just written its times prove nothing yet.
  test::wait_until([&] {
    capture();
    return read == 0;
  });
  place.write("big/a", "after");
  const auto second = capture();
  CHECK(read == 5);
  CHECK(first.digest != second.digest);
}

TEST_CASE("a link at the path of an input is followed, links that lead out of it are named") {
  Place place;
  place.write("real/a", "a");
  REQUIRE(::symlink("real", place.data("link").c_str()) == 0);
  REQUIRE(::symlink("a", place.data("real/same").c_str()) == 0);
  REQUIRE(::symlink("../../elsewhere", place.data("real/out").c_str()) == 0);

  const auto captured = place.capture(place.data("link"), "x");

  CHECK(place.paths(captured.tree) == std::vector<std::string>{"x/a", "x/out", "x/same"});
  REQUIRE(place.warnings.size() == 1);
  CHECK(place.warnings[0].find("'out'") != std::string::npos);
  CHECK(place.warnings[0].find("'same'") == std::string::npos);
}

TEST_CASE("what cannot be an input is refused with its reason") {
  const Place place;
  place.write("a/b", "x");
  REQUIRE(::symlink("gone", place.data("dangling").c_str()) == 0);
  REQUIRE(::mkfifo(place.data("pipe").c_str(), 0600) == 0);
  REQUIRE(make_folders(place.home.root));
  const auto why = [&](const Path& path, InputUse use = InputUse::copy) {
    return test::failure_of(source::inspect_input(path, use, place.home));
  };

  CHECK(why(place.data("none")).code == ErrorCode::not_found);
  CHECK(why(place.data("a/b/c")).code == ErrorCode::not_found);
  CHECK(why(place.data("dangling")).message.find("is a link to 'gone'") != std::string::npos);
  CHECK(why(place.data("pipe")).message.find("neither a file nor a folder") != std::string::npos);
  CHECK(why(place.temporary.path()).message.find("keeps its copies") != std::string::npos);
  CHECK(source::inspect_input(place.temporary.path(), InputUse::link, place.home));
  if (::geteuid() == 0)
    return;
  REQUIRE(::chmod(place.data("a/b").c_str(), 0) == 0);
  CHECK(why(place.data("a")).message.find("cannot read 'b'") != std::string::npos);
  CHECK(why(place.data("a/b")).code == ErrorCode::unavailable);
  CHECK(source::inspect_input(place.data("a"), InputUse::link, place.home));
}
