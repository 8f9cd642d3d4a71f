// What is read of layers without a mount is what the kernel shows of them.
#include "dstack/store/layers/layered_folder.hpp"

#include "dstack/overlay/mount.hpp"
#include "dstack/overlay/written.hpp"
#include "dstack/store/layers/layers.hpp"
#include "support/overlays.hpp"
#include "unit/store/fixture.hpp"

#include <functional>
#include <random>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::store;

namespace {

/// Trees in a store, and the folders of an overlay over them.
class Bench {
 public:
  Bench() : objects(home_.home()) {
    for (const char* name : {"written", "work", "seen"})
      fs::create_directories(folder_.path() / name);
  }

  /// Files by their paths, with what they hold.
  void add(const std::map<std::string, std::string>& files) {
    const Path folder = folder_.path() / std::to_string(layers.trees.size());
    for (const auto& [path, text] : files)
      write_file(folder / path, text);
    add_folder(folder);
  }

  void add_folder(const Path& folder) {
    std::vector<std::string> warnings;
    layers.trees.push_back(value_of(objects.capture_folder(folder, warnings)));
    layers.written = folder_.path() / "written";
    layers.seen_at = folder_.path() / "seen";
  }

  /// What `work` makes of the mounted folder, in a process that sees it; its answer.
  std::string in_mount(const std::function<std::string(const Path& seen)>& work) {
    overlay::Overlay overlay{
        layers_folder(home_.home()), {}, layers.written, folder_.path() / "work", layers.seen_at};
    std::vector<Layer> used;
    for (auto tree = layers.trees.rbegin(); tree != layers.trees.rend(); ++tree) {
      const auto below = tree + 1 == layers.trees.rend() ? Below::nothing : Below::others;
      used.push_back(value_of(provide_layer(objects, *tree, below)));
      for (const std::string& name : used.back().names)
        overlay.lower.push_back(name);
    }
    Pipe answer = value_of(make_pipe());
    const pid_t child = ::fork();
    if (child == 0) {
      const auto in = overlay::Namespace::enter(overlay::usual_access());
      const auto mounted = in ? overlay::mount(overlay, *in) : Failure(in.error());
      (void)write_all(answer.write_end.get(),
                      mounted ? work(overlay.at) : "cannot mount: " + render(mounted.error()));
      ::_exit(0);
    }
    answer.write_end.reset();
    std::string text = value_of(read_all(answer.read_end.get()));
    ::waitpid(child, nullptr, 0);
    return text;
  }

  std::vector<std::string> paths() const {
    std::vector<std::string> paths;
    for (const files::FoundFile& entry : value_of(list(layers, objects)).entries)
      paths.push_back(entry.path);
    return paths;
  }

 private:
  TestHome home_;
  TemporaryFolder folder_ = make_test_folder();

 public:
  ObjectStore objects;
  LayeredFolder layers;
};

/// The tree and its times, as text.
std::string render_reference(const job::TreeReference& tree) {
  return tree.tree.render() + " " + tree.times.render();
}

/// Does something to a folder, as a job would; what cannot be done is not.
class Vandal {
 public:
  explicit Vandal(unsigned seed) : random_(seed) {}

  void act(const Path& folder) {
    const Path at = folder / random_path();
    boost::system::error_code error;
    switch (pick(9)) {
      case 0:
        fs::remove_all(at, error);
        return;
      case 1:
        fs::create_directories(at, error);
        return;
      case 2:  // a folder in the place of what was there
        fs::remove_all(at, error);
        fs::create_directories(at, error);
        return;
      case 3:
        fs::remove_all(at, error);
        fs::create_symlink(random_path(), at, error);
        return;
      case 4:
        fs::rename(at, folder / random_path(), error);
        return;
      case 5:
        (void)::chmod(at.c_str(), fs::is_directory(at, error) ? 0700 : 0755);
        return;
      case 6:
        std::ofstream(at.string(), std::ios::app) << "more";
        return;
      default:
        std::ofstream(at.string()) << "new " << pick(1000);
    }
  }

  std::string random_path() {
    std::string path = name();
    while (pick(3) > 0 && path.size() < 8)
      path += "/" + name();
    return path;
  }

  unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }

 private:
  std::string name() { return std::string(1, static_cast<char>('a' + pick(4))); }

  std::mt19937 random_;
};

}  // namespace

TEST_CASE("whatever is done in an overlay, reading its layers gives what it shows") {
  NEEDS_OVERLAYS();
  for (unsigned seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    Vandal vandal(seed);
    Bench bench;
    for (unsigned layer = 0; layer < 1 + seed % 4; ++layer) {
      const auto folder = make_test_folder();
      for (int i = 0; i < 12; ++i)
        vandal.act(folder.path());
      bench.add_folder(folder.path());
    }
    const std::string seen = bench.in_mount([&](const Path& folder) {
      for (int i = 0; i < 25; ++i)
        vandal.act(folder);
      std::vector<std::string> warnings;
      const auto tree = bench.objects.capture_folder(folder, warnings);
      return tree ? render_reference(*tree) : render(tree.error());
    });
    std::vector<std::string> warnings;
    const auto read = value_of(capture(bench.layers, bench.objects, "", warnings, Originals::stay));
    REQUIRE(read);
    CHECK(render_reference(*read) == seen);
  }
}

TEST_CASE("a tree that is laid out as what differs from another is seen as it is") {
  NEEDS_OVERLAYS();
  for (unsigned seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    Vandal vandal(seed);
    Bench bench;
    if (seed % 2 == 1)
      bench.add({{"a/b", "below"}, {"c", "below"}, {"d/a/b", "below"}});
    const auto folder = make_test_folder();
    for (int i = 0; i < 270; ++i)
      write_file(folder.path() / "many" / std::to_string(i), "");
    for (int i = 0; i < 12; ++i)
      vandal.act(folder.path());
    std::vector<std::string> warnings;
    const auto base = value_of(bench.objects.capture_folder(folder.path(), warnings));
    const Layer held = value_of(provide_layer(bench.objects, base, Below::others));
    for (unsigned i = 0; i < 1 + seed % 5; ++i)
      vandal.act(folder.path());
    bench.add_folder(folder.path());
    const std::string seen = bench.in_mount([&](const Path& at) {
      const auto tree = bench.objects.capture_folder(at, warnings);
      return tree ? render_reference(*tree) : render(tree.error());
    });
    const auto read = value_of(capture(bench.layers, bench.objects, "", warnings, Originals::stay));
    REQUIRE(read);
    CHECK(render_reference(*read) == seen);
    if (seed % 2 == 0)
      CHECK(render_reference(bench.layers.trees.front()) == seen);
  }
}

TEST_CASE("what comes from a tree keeps its digest, what was written has none") {
  NEEDS_OVERLAYS();
  Bench bench;
  bench.add({{"a", "1"}, {"b", "1"}});
  CHECK(bench.in_mount([](const Path& seen) {
    write_file(seen / "b", "2");
    return std::string("done");
  }) == "done");
  const auto listing = value_of(list(bench.layers, bench.objects));
  CHECK(listing.find("a")->digest);
  CHECK_FALSE(listing.find("b")->digest);
}

TEST_CASE("an artifact is what the job sees: added to, taken from, and replaced") {
  NEEDS_OVERLAYS();
  Bench bench;
  bench.add({{"data/old", "1"}, {"data/gone", "1"}, {"whole/x", "1"}});
  bench.in_mount([](const Path& seen) {
    write_file(seen / "data/new", "2");
    fs::remove(seen / "data/gone");
    fs::remove_all(seen / "whole");
    write_file(seen / "whole/y", "3");
    return std::string();
  });
  std::vector<std::string> warnings;
  const auto paths_of = [&](const std::string& artifact) {
    std::vector<std::string> paths;
    const auto tree =
        value_of(capture(bench.layers, bench.objects, artifact, warnings, Originals::go));
    REQUIRE(tree);
    for (const TreeFile& file : value_of(bench.objects.list(*tree)))
      paths.push_back(file.path);
    return paths;
  };
  CHECK(paths_of("data") == std::vector<std::string>{"data/new", "data/old"});
  CHECK(paths_of("whole") == std::vector<std::string>{"whole/y"});
  CHECK(paths_of("*/o*") == std::vector<std::string>{"data/old"});
  CHECK_FALSE(value_of(capture(bench.layers, bench.objects, "none", warnings, Originals::go)));
}

TEST_CASE("links on the way to an artifact are followed within the folder, and not out of it") {
  NEEDS_OVERLAYS();
  Bench bench;
  bench.add({{"runs/1/model", "m"}});
  const Path seen_at = bench.layers.seen_at;
  bench.in_mount([](const Path& seen) {
    fs::create_symlink("runs/1", seen / "latest");
    fs::create_symlink(seen / "runs", seen / "absolute");
    fs::create_symlink("/etc", seen / "out");
    fs::create_symlink("nothing", seen / "dangling");
    fs::create_symlink("circle", seen / "circle");
    return std::string();
  });
  const auto inside = [&](const std::string& path) {
    const auto matches = value_of(find_matches(bench.layers, bench.objects, path));
    return matches.empty() ? std::string() : matches.front().inside;
  };
  CHECK(inside("latest/model") == "runs/1/model");
  CHECK(inside("absolute/1/model") == "runs/1/model");
  CHECK(inside("latest/m*") == "runs/1/model");
  CHECK(failure_of(find_matches(bench.layers, bench.objects, "out/passwd"))
            .message.find("leads out of its folder") != std::string::npos);
  CHECK_FALSE(find_matches(bench.layers, bench.objects, "dangling"));
  CHECK_FALSE(find_matches(bench.layers, bench.objects, "circle"));
}

TEST_CASE("a large file that was written becomes the stored object itself") {
  NEEDS_OVERLAYS();
  Bench bench;
  bench.add({{"a", "1"}});
  bench.in_mount([](const Path& seen) {
    write_file(seen / "out/large", std::string(3'000'000, 'x'));
    return std::string();
  });
  std::vector<std::string> warnings;
  REQUIRE(value_of(capture(bench.layers, bench.objects, "out", warnings, Originals::go)));

  struct stat status {};

  REQUIRE(::lstat((bench.layers.written / "out/large").c_str(), &status) == 0);
  CHECK(status.st_nlink == 2);
}

TEST_CASE("files that two layers have in two versions are named") {
  Bench bench;
  bench.add({{"a/x", "1"}, {"b", "1"}, {"c/same", "1"}, {"d", "file"}});
  bench.add({{"a/x", "2"}, {"c/same", "1"}, {"d/x", "folder"}, {"e", "1"}});
  CHECK(value_of(replaced_files(bench.layers.trees, 1, bench.objects)) ==
        std::vector<std::string>{"a/x", "d"});
  CHECK(value_of(replaced_files(bench.layers.trees, 2, bench.objects)).empty());
}
