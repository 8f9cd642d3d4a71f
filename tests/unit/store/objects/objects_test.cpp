// Capturing and laying out: what goes in comes out.
#include "dstack/store/objects/objects.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/home.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/job/tree_reference.hpp"
#include "support/blobs.hpp"
#include "support/wait.hpp"
#include "unit/store/fixture.hpp"

#include <csignal>
#include <set>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace dstack;
using namespace dstack::store;

namespace {

void set_time(const Path& path, std::int64_t nanoseconds) {
  const timespec time{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  const timespec both[2] = {time, time};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), both, AT_SYMLINK_NOFOLLOW) == 0);
}

/// Every entry below a folder as one line of text: type, mode, time, content.
std::vector<std::string> describe(const Path& folder) {
  const Fd root = value_of(open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  std::vector<std::string> lines;
  for (const files::FoundFile& entry : value_of(files::walk_folder(root.get(), "")).entries) {
    const Path path = folder / entry.path;
    struct stat status;
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    std::string line = entry.path + " " + std::to_string(static_cast<int>(entry.state.type)) + " " +
                       std::to_string(entry.state.modified);
    if (entry.state.type == files::EntryType::link)
      line += " -> " + fs::read_symlink(path).string();
    else
      line += " " + std::to_string(status.st_mode & 07777);
    if (S_ISREG(status.st_mode))
      line += " " + sha256(value_of(read_file(path))).render();
    lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// All objects of the store, by their names below the home.
std::set<std::string> stored(const files::Home& home) {
  std::set<std::string> names;
  if (!fs::exists(home.root))
    return names;
  const Fd root = value_of(open_file(home.root.string(), O_RDONLY | O_DIRECTORY));
  for (const char* folder : {"objects", "trees"})
    for (const files::FoundFile& entry : value_of(files::walk_folder(root.get(), folder)).entries)
      if (entry.state.type != files::EntryType::folder)
        names.insert(entry.path);
  return names;
}

struct Fixture {
  TestHome test;
  TemporaryFolder folder = make_test_folder();
  Path source = folder.path() / "source";
  Path target = folder.path() / "target";
  ObjectStore objects{test.home()};
  std::vector<std::string> warnings;

  Fixture() { fs::create_directories(source); }

  job::TreeReference capture() { return value_of(objects.capture_folder(source, warnings)); }

  void lay_out(const job::TreeReference& tree, LayOut mode = LayOut::fresh) {
    require_ok(objects.lay_out(tree, target, mode, &replaced));
  }

  std::vector<std::string> folders(const job::TreeReference& tree) const {
    std::vector<std::string> paths;
    for (const TreeFolder& found : value_of(objects.list_folders(tree)))
      paths.push_back(found.path);
    return paths;
  }

  mode_t mode(const Path& path) const {
    struct stat status;
    REQUIRE(::lstat((target / path).c_str(), &status) == 0);
    return status.st_mode & 07777;
  }

  std::vector<std::string> replaced;
};

/// Everything that a folder can hold that we keep.
void fill(const Path& folder) {
  write_file(folder / "plain", "text");
  write_file(folder / "empty", "");
  write_file(folder / "run.sh", "#!/bin/sh\n");
  ::chmod((folder / "run.sh").c_str(), 0755);
  write_file(folder / "copy.sh", "#!/bin/sh\n");
  write_file(folder / "deep/er/still" / std::string(200, 'n'), "x");
  write_file(folder / "a.b", "before the folder's content, but after the folder");
  write_file(folder / "a/c", "1");
  write_file(folder / "large", std::string(3'000'000, 'L'));
  write_file(folder / "larger", std::string(9'000'000, 'M') + "end");
  write_file(folder / "odd\nname\xff", "bytes");
  fs::create_directories(folder / "hollow/inner");
  fs::create_symlink("plain", folder / "link");
  fs::create_symlink("/nowhere/at all", folder / "dangling");
  fs::create_symlink("a", folder / "folder-link");
  set_time(folder / "plain", 1'000'000'000'123'456'789);
  set_time(folder / "link", 1'111'111'111'000'000'001);
  set_time(folder / "hollow/inner", 1'222'222'222'000'000'000);
  set_time(folder / "hollow", 1'000'000'000);
}

}  // namespace

TEST_CASE("a folder is laid out as it was captured") {
  Fixture f;
  fill(f.source);
  ::chmod((f.source / "plain").c_str(), 0664);  // only the x bit is kept, and what is closed
  ::chmod((f.source / "empty").c_str(), 0600);
  ::chmod((f.source / "run.sh").c_str(), 0700);
  ::chmod((f.source / "hollow").c_str(), 0750);
  const mode_t before = ::umask(GENERATE(mode_t{0022}, mode_t{0077}, mode_t{0}));

  const job::TreeReference tree = f.capture();
  f.lay_out(tree);
  ::umask(before);

  ::chmod((f.source / "plain").c_str(), 0644);
  for (const char* folder : {"deep", "deep/er", "deep/er/still", "a", "hollow/inner"})
    ::chmod((f.source / folder).c_str(), 0755);
  CHECK(describe(f.target) == describe(f.source));
  CHECK(f.warnings.empty());
  CHECK(tree.files == 13);
  CHECK(tree == f.capture());
  CHECK(has_no_drafts(f.test.home()));
}

TEST_CASE("objects are as readable as their x bit says, whatever the umask") {
  Fixture f;
  write_file(f.source / "a", "same");
  write_file(f.source / "b", "same");
  ::chmod((f.source / "a").c_str(), 0700);
  ::chmod((f.source / "b").c_str(), 0600);
  const mode_t before = ::umask(0077);

  f.capture();
  ::umask(before);

  struct stat status;
  REQUIRE(::lstat(f.objects.blob_path(sha256("same"), false).c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0644);
  REQUIRE(::lstat(f.objects.blob_path(sha256("same"), true).c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0755);
}

TEST_CASE("equal content is stored once and makes equal trees, whatever the times") {
  Fixture f;
  fill(f.source);
  const job::TreeReference first = f.capture();
  const auto objects = stored(f.test.home());
  set_time(f.source / "empty", 5);

  const job::TreeReference second = f.capture();

  CHECK(second.tree == first.tree);
  CHECK(second.times != first.times);
  CHECK(stored(f.test.home()).size() == objects.size() + 1);
}

TEST_CASE("an object that is cut short is written anew") {
  Fixture f;
  write_file(f.source / "file", "content");
  const job::TreeReference tree = f.capture();
  const Path object = f.objects.blob_path(sha256("content"), false);
  write_file(object, "con");
  CHECK(failure_of(f.objects.lay_out(tree, f.target, LayOut::fresh)).code == ErrorCode::damaged);

  f.capture();

  CHECK(value_of(read_file(object)) == "content");
}

TEST_CASE("a tree lists its files and folders") {
  Fixture f;
  fill(f.source);
  const job::TreeReference tree = f.capture();

  const auto files = value_of(f.objects.list(tree));
  REQUIRE(files.size() == tree.files);
  CHECK(std::is_sorted(
      files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; }));
  const auto plain = std::find_if(
      files.begin(), files.end(), [](const TreeFile& file) { return file.path == "plain"; });
  REQUIRE(plain != files.end());
  CHECK(plain->size == 4);
  CHECK(plain->digest == sha256("text"));
  CHECK(plain->modified == 1'000'000'000'123'456'789);
  CHECK(f.folders(tree) == std::vector<std::string>{
                               "a", "deep", "deep/er", "deep/er/still", "hollow", "hollow/inner"});
}

TEST_CASE("sockets, pipes and devices are left out and named") {
  Fixture f;
  write_file(f.source / "file", "x");
  REQUIRE(::mkfifo((f.source / "pipe").c_str(), 0600) == 0);

  const job::TreeReference tree = f.capture();

  CHECK(tree.files == 1);
  CHECK(f.warnings ==
        std::vector<std::string>{"'pipe' is left out: neither file, folder nor link"});
}

TEST_CASE("a file that cannot be read fails the capture by its name and leaves nothing behind") {
  if (::geteuid() == 0)
    SKIP("the superuser may read everything");
  Fixture f;
  write_file(f.source / "public", "x");
  write_file(f.source / "secret", "x");
  ::chmod((f.source / "secret").c_str(), 0);

  const auto tree = f.objects.capture_folder(f.source, f.warnings);

  REQUIRE_FALSE(tree);
  CHECK_THAT(tree.error().message, Catch::Contains("'secret': Permission denied"));
  CHECK(stored(f.test.home()).empty());
  CHECK(has_no_drafts(f.test.home()));
}

TEST_CASE("files are captured by a list, which learns their states and loses those that vanished") {
  Fixture f;
  write_file(f.source / "b/two", "2");
  write_file(f.source / "one", "1");
  write_file(f.source / "not listed", "3");
  std::vector<files::FoundFile> files{{.path = "one"}, {.path = "gone"}, {.path = "b/two"}};
  set_time(f.source / "b/two", 77);

  const job::TreeReference tree =
      value_of(f.objects.capture_files(f.source, files, Known::perhaps, f.warnings));

  CHECK(tree.files == 2);
  CHECK(tree.bytes == 2);
  REQUIRE(files.size() == 2);
  const auto& two = files[0].path == "b/two" ? files[0] : files[1];
  CHECK(two.digest == sha256("2"));
  CHECK(two.state.modified == 77);
  f.lay_out(tree);
  struct stat status;
  REQUIRE(::lstat((f.target / "b").c_str(), &status) == 0);
  CHECK(status.st_mtim.tv_nsec == 77);  // a folder is as new as what it holds
  CHECK_FALSE(fs::exists(f.target / "not listed"));
}

TEST_CASE("a file whose digest is given is read only when the store lacks it") {
  Fixture f;
  write_file(f.source / "file", "now");
  std::vector<files::FoundFile> files{{.path = "file"}};
  value_of(f.objects.capture_files(f.source, files, Known::perhaps, f.warnings));
  write_file(f.source / "file", "new");

  const job::TreeReference trusted =
      value_of(f.objects.capture_files(f.source, files, Known::perhaps, f.warnings));
  CHECK(value_of(f.objects.list(trusted))[0].digest == sha256("now"));

  fs::remove(f.objects.blob_path(sha256("now"), false));
  const job::TreeReference read =
      value_of(f.objects.capture_files(f.source, files, Known::perhaps, f.warnings));
  CHECK(value_of(f.objects.list(read))[0].digest == sha256("new"));
}

TEST_CASE("what is said to lie below a link or a file is not captured") {
  Fixture f;
  write_file(f.folder.path() / "outside/secret", "secret");
  fs::create_symlink("../outside", f.source / "link");
  write_file(f.source / "file", "x");
  std::vector<files::FoundFile> files{{.path = "link/secret"},
                                      {.path = "file/inner"},
                                      {.path = "file"},
                                      {.path = "../outside/secret"}};

  const auto tree = f.objects.capture_files(f.source, files, Known::perhaps, f.warnings);

  if (tree) {
    CHECK(tree->files == 1);
    CHECK_FALSE(has_blob(f.objects, sha256("secret")));
  } else {
    CHECK_THAT(tree.error().message, Catch::Contains("../outside/secret"));
  }
}

TEST_CASE("an artifact keeps its path from the root") {
  Fixture f;
  write_file(f.source / "out/model/weights", "w");
  fs::create_directories(f.source / "out/model/empty");
  write_file(f.source / "out/other", "o");
  const std::string path = GENERATE("out/model", "out/model/weights");

  const job::TreeReference tree = value_of(f.objects.capture_at(f.source / path, path, f.warnings));

  CHECK(tree.files == 1);
  f.lay_out(tree);
  CHECK(value_of(read_file(f.target / "out/model/weights")) == "w");
  CHECK(fs::exists(f.target / "out/model/empty") == (path == "out/model"));
  CHECK_FALSE(fs::exists(f.target / "out/other"));
}

TEST_CASE("the whole folder can be an artifact") {
  Fixture f;
  fill(f.source);

  CHECK(value_of(f.objects.capture_at(f.source, "", f.warnings)) == f.capture());
}

TEST_CASE("an empty folder can be an artifact") {
  Fixture f;
  fs::create_directories(f.source / "out/empty");

  const job::TreeReference tree =
      value_of(f.objects.capture_at(f.source / "out/empty", "out/empty", f.warnings));

  CHECK(tree.files == 0);
  CHECK(f.folders(tree) == std::vector<std::string>{"out", "out/empty"});
}

TEST_CASE("an artifact reached through a link is taken inside the folder and refused outside") {
  Fixture f;
  write_file(f.folder.path() / "outside/data", "secret");
  write_file(f.source / "checkpoints/5/weights", "w");
  fs::create_symlink("checkpoints/5", f.source / "latest");
  fs::create_symlink("../outside", f.source / "out");
  fs::create_symlink(fs::absolute(f.folder.path() / "outside/data"), f.source / "file");

  const job::TreeReference inside =
      value_of(f.objects.capture_at(f.source / "latest", "latest", f.warnings));
  CHECK(value_of(f.objects.list(inside))[0].path == "latest/weights");
  for (const std::string path : {"out", "out/data", "file"}) {
    const auto outside = f.objects.capture_at(f.source / path, path, f.warnings);
    REQUIRE_FALSE(outside);
    CHECK(outside.error().code == ErrorCode::unavailable);
    CHECK_THAT(outside.error().message, Catch::Contains("'" + path + "' leads out of its folder"));
  }
}

TEST_CASE("merging replaces files, joins folders and names what gave way") {
  Fixture f;
  write_file(f.target / "same", "same");
  write_file(f.target / "differs", "old");
  write_file(f.target / "kept", "kept");
  write_file(f.target / "folder/kept", "kept");
  write_file(f.target / "was-folder/file", "x");
  write_file(f.target / "was-file", "x");
  fs::create_symlink("/etc", f.target / "was-link");
  fs::create_symlink("kept", f.target / "same-link");
  write_file(f.source / "same", "same");
  write_file(f.source / "differs", "new");
  write_file(f.source / "folder/new", "new");
  write_file(f.source / "was-folder", "now a file");
  write_file(f.source / "was-file/file", "now a folder");
  write_file(f.source / "was-link/file", "now a folder");
  fs::create_symlink("kept", f.source / "same-link");
  const job::TreeReference tree = f.capture();

  f.lay_out(tree, LayOut::merge);

  CHECK(f.replaced == std::vector<std::string>{"differs", "was-file", "was-folder", "was-link"});
  CHECK(value_of(read_file(f.target / "differs")) == "new");
  CHECK(value_of(read_file(f.target / "kept")) == "kept");
  CHECK(value_of(read_file(f.target / "folder/kept")) == "kept");
  CHECK(value_of(read_file(f.target / "folder/new")) == "new");
  CHECK(value_of(read_file(f.target / "was-folder")) == "now a file");
  CHECK(value_of(read_file(f.target / "was-link/file")) == "now a folder");
  CHECK_FALSE(fs::is_symlink(f.target / "was-link"));
}

TEST_CASE("what is laid out is private: writing to it leaves the store alone") {
  Fixture f;
  write_file(f.source / "small", "small");
  write_file(f.source / "large", std::string(200'000, 'L'));
  const job::TreeReference tree = f.capture();
  f.lay_out(tree);

  std::ofstream((f.target / "small").string(), std::ios::app) << "more";
  std::ofstream((f.target / "large").string(), std::ios::app) << "more";

  CHECK(value_of(f.objects.read_blob(sha256("small"))) == "small");
  CHECK(value_of(f.objects.read_blob(sha256(std::string(200'000, 'L')))).size() == 200'000);
}

TEST_CASE("blobs and trees are read one by one, and checked when read") {
  Fixture f;
  write_file(f.source / "b", "bytes");
  const job::TreeReference captured = f.capture();
  Tree tree;
  tree.entries = {{files::EntryType::file, sha256("bytes"), 5, "b"}};

  CHECK(value_of(f.objects.read_tree(captured.tree)) == tree);
  CHECK(value_of(f.objects.read_blob(sha256("bytes"))) == "bytes");
  CHECK(has_blob(f.objects, sha256("bytes")));
  CHECK_FALSE(has_blob(f.objects, sha256("other")));
  CHECK_THAT(failure_of(f.objects.read_blob(sha256("other"))).message,
             Catch::Contains("the store lacks"));

  write_file(f.objects.blob_path(sha256("bytes"), false), "bytez");
  const auto damaged = f.objects.read_blob(sha256("bytes"));
  REQUIRE_FALSE(damaged);
  CHECK_THAT(damaged.error().message, Catch::Contains("damaged"));
}

TEST_CASE("a disk that fills fails the capture with the cause and no object") {
  Fixture f;
  write_file(f.source / "there", "already");
  f.capture();
  const auto before = stored(f.test.home());
  write_file(
      f.source / "a",
      std::string(GENERATE(std::size_t{300000}, std::size_t{3000000}, std::size_t{12000000}), 'x'));

  // A limit on the size of files stands for the disk: writing past it fails in the same places.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{200'000, 200'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto tree = f.objects.capture_folder(f.source, f.warnings);
    ::_exit(!tree && tree.error().message.find("File too large") != std::string::npos ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);

  CHECK(status == 0);
  CHECK(stored(f.test.home()) == before);
  CHECK(has_no_drafts(f.test.home()));
}

TEST_CASE("what a killed process left in the temporary folder harms nobody") {
  Fixture f;
  fill(f.source);
  require_ok(files::prepare_home(f.test.home()));
  write_file(f.test.home().temporary() / "objects-abcdef/0", "half a file");
  write_file(f.test.home().temporary() / "0", "half a file");

  const job::TreeReference tree = f.capture();
  f.lay_out(tree);

  CHECK(describe(f.target).size() == describe(f.source).size());
}

TEST_CASE("a capture killed at any moment leaves only whole objects") {
  Fixture f;
  for (int i = 0; i < 200; ++i)
    write_file(f.source / std::to_string(i),
               std::string(5000, static_cast<char>('a' + i % 26)) + std::to_string(i));
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      (void)f.objects.capture_folder(f.source, f.warnings);
      ::_exit(0);
    }
    test::let_pass(std::chrono::microseconds(round * 700));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (const std::string& name : stored(f.test.home())) {
      std::string hex;
      for (const char c : name.substr(name.find('/')))
        if (c != '/')
          hex += c;
      const auto digest = Digest::parse(hex.substr(0, 64));
      REQUIRE(digest);
      CHECK(sha256(value_of(read_file(f.test.home().root / name))) == *digest);
    }
  }

  const job::TreeReference tree = f.capture();
  f.lay_out(tree);

  CHECK(describe(f.target) == describe(f.source));
}

TEST_CASE("processes that capture the same at once all succeed and store it once") {
  Fixture f;
  for (int i = 0; i < 100; ++i)
    write_file(f.source / std::to_string(i % 10) / std::to_string(i), std::to_string(i));
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0)
      ::_exit(f.objects.capture_folder(f.source, f.warnings) ? 0 : 1);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  const auto objects = stored(f.test.home());

  f.capture();

  CHECK(stored(f.test.home()) == objects);
  CHECK(has_no_drafts(f.test.home()));
}

TEST_CASE("a file that grows while it is read is taken with a warning") {
  Fixture f;
  write_file(f.source / "log", std::string(4'000'000, 'x'));
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const int file = ::open((f.source / "log").c_str(), O_WRONLY | O_APPEND);
    while (::write(file, "more", 4) == 4) {
    }
    ::_exit(0);
  }

  // The writer never stops, so that the file has changed each time, however slow the machine.
  const auto tree = f.objects.capture_folder(f.source, f.warnings);
  for (int i = 0; i < 100 && tree && f.warnings.empty(); ++i)
    (void)f.objects.capture_folder(f.source, f.warnings);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);

  REQUIRE(tree);
  REQUIRE_FALSE(f.warnings.empty());
  CHECK(f.warnings[0] == "'log' changed while it was read; it is kept as it was read");
  f.lay_out(*tree);
}
