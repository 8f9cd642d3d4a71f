#include "dstack/source/edits.hpp"

#include "dstack/job/tree_reference.hpp"
#include "fixture.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>

using namespace dstack;
using namespace dstack::source;
using Kind = EditedPath::Kind;

namespace {

/// A project whose code is laid out in a folder of a job's.
struct Edited {
  TestProject project;
  EditedFolder place;
  job::TreeReference code;
  files::Home home{project.folder.path() / "kept"};
  store::ObjectStore kept{home};
  FoundEdits found;

  using Files = std::vector<std::pair<std::string, std::string>>;

  explicit Edited(const Files& files) {
    for (const auto& [path, text] : files)
      project.write(path, text);
    code = project.take().tree;
    place = {project.folder.path() / "job", code, {}, {}};
    REQUIRE(project.objects.lay_out(code, place.folder, store::LayOut::fresh));
    REQUIRE(files::prepare_home(home));
  }

  void write(const std::string& path, std::string_view text) const {
    fs::create_directories((place.folder / path).parent_path());
    std::ofstream((place.folder / path).string(), std::ios::binary) << text;
  }

  /// What is kept is in a store of its own.
  std::optional<job::Edits> find(std::uint64_t limit = 100'000'000) {
    std::vector<std::string> warnings;
    found = value_of(find_edits(place, project.objects, limit));
    if (found.empty())
      return std::nullopt;
    auto edits = value_of(keep_edits(place, found, kept, warnings));
    CHECK(warnings.empty());
    return edits;
  }

  Names dropped() const {
    Names paths;
    for (const files::FoundFile& file : found.dropped)
      paths.push_back(file.path);
    return paths;
  }

  Names words(const job::Edits& edits) {
    Names lines;
    for (const EditedPath& path : value_of(list_edits({code, project.objects, edits, kept})))
      lines.push_back((path.kind == Kind::added     ? "+"
                       : path.kind == Kind::removed ? "-"
                                                    : "~") +
                      path.path);
    return lines;
  }

  Applied apply(const job::Edits& edits) {
    return value_of(apply_edits(project.root, {code, project.objects, edits, kept}));
  }

  std::string text(const std::string& path) const {
    return value_of(read_file(project.root / path));
  }
};

}  // namespace

TEST_CASE("edits are what was changed, added and removed, and nothing that only was touched") {
  Edited edited(
      Edited::Files{{"a.txt", "1\n"}, {"b.txt", "2\n"}, {"sub/c.txt", "3\n"}, {"d.txt", "4\n"}});
  edited.write("a.txt", "one\n");
  edited.write("sub/new.txt", "new\n");
  edited.write("d.txt", "4\n");  // the same content at another time
  fs::remove(edited.place.folder / "b.txt");
  const auto edits = edited.find();
  REQUIRE(edits);
  CHECK(edited.words(*edits) == Names{"~a.txt", "-b.txt", "+sub/new.txt"});
}

TEST_CASE("a folder in which nothing was edited has no edits") {
  Edited edited(Edited::Files{{"a.txt", "1\n"}});
  CHECK_FALSE(edited.find());
  edited.write("a.txt", "1\n");
  CHECK_FALSE(edited.find());
}

TEST_CASE("artifacts, inputs, caches and what .dstackignore names are not edits") {
  Edited edited(Edited::Files{{".dstackignore", "*.log\n"}, {"a.txt", "1\n"}});
  const Path input = edited.project.folder.path() / "input";
  fs::create_directories(input / "data");
  std::ofstream((input / "data" / "x").string()) << "x";
  std::vector<std::string> warnings;
  edited.place.inputs = {value_of(edited.project.objects.capture_folder(input, warnings))};
  edited.place.artifacts = {"model"};
  edited.write("data/x", "changed by the job");
  edited.write("model/weights", "w");
  edited.write("train.log", "l");
  edited.write("__pycache__/m.pyc", "p");
  edited.write(".ipynb_checkpoints/n.ipynb", "n");
  edited.write(".ruff_cache/CACHEDIR.TAG", "t");
  edited.write(".ruff_cache/deep/entry", "e");
  edited.write("env/pyvenv.cfg", "v");
  edited.write("cloned/.git/HEAD", "ref: refs/heads/main\n");
  CHECK_FALSE(edited.find());
  edited.write("modelled.txt", "not below the artifact");
  CHECK(edited.words(*edited.find()) == Names{"+modelled.txt"});
}

TEST_CASE("a change of the x bit and a file that became a link are edits") {
  Edited edited(Edited::Files{{"tool", "#!/bin/sh\n"}, {"a.txt", "1\n"}});
  fs::permissions(edited.place.folder / "tool", static_cast<fs::perms>(0755));
  fs::remove(edited.place.folder / "a.txt");
  fs::create_symlink("tool", edited.place.folder / "a.txt");
  CHECK(edited.words(*edited.find()) == Names{"~a.txt", "~tool"});
}

TEST_CASE("a place is touched by what is written or removed, not by its artifacts") {
  Edited edited(Edited::Files{{"a.txt", "1\n"}, {"sub/b.txt", "2\n"}});
  edited.place.artifacts = {"out"};
  fs::create_directories(edited.place.folder / "out");
  const auto newest = [&] {
    std::int64_t time = 0;
    for (const Path& path : {edited.place.folder, edited.place.folder / "a.txt"}) {
      struct stat status {};
      REQUIRE(::stat(path.c_str(), &status) == 0);
      time = std::max(time,
                      std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec);
    }
    return time;
  };
  const std::int64_t later = newest() + 1'000'000'000;
  CHECK_FALSE(is_touched(edited.place, later));
  const auto set_time = [&](const std::string& path) {
    const timespec times[2] = {{later / 1'000'000'000 + 1, 0}, {later / 1'000'000'000 + 1, 0}};
    REQUIRE(::utimensat(AT_FDCWD, (edited.place.folder / path).c_str(), times, 0) == 0);
  };
  edited.write("out/x", "x");
  set_time("out/x");
  set_time("out");
  CHECK_FALSE(is_touched(edited.place, later));
  fs::remove(edited.place.folder / "sub" / "b.txt");
  set_time("sub");  // as removing a file at that time leaves it
  CHECK(is_touched(edited.place, later));
}

TEST_CASE("applied edits go where the user changed nothing, and merge where both did") {
  if (!has_git())
    SKIP("git is not installed");
  const std::string lines = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  Edited edited(Edited::Files{
      {"plain.txt", "p\n"}, {"both.txt", lines}, {"gone.txt", "g\n"}, {"same.txt", "s\n"}});
  edited.write("plain.txt", "job\n");
  edited.write("both.txt", lines + "job\n");
  edited.write("same.txt", "alike\n");
  edited.write("new/file.txt", "new\n");
  fs::remove(edited.place.folder / "gone.txt");
  const auto edits = edited.find();
  REQUIRE(edits);
  edited.project.write("both.txt", "user\n" + lines);
  edited.project.write("same.txt", "alike\n");

  const Applied applied = edited.apply(*edits);
  CHECK(applied.written == Names{"new/file.txt", "plain.txt"});
  CHECK(applied.removed == Names{"gone.txt"});
  CHECK(applied.merged == Names{"both.txt"});
  CHECK(applied.unchanged == Names{"same.txt"});
  CHECK(applied.conflicts.empty());
  CHECK(edited.text("plain.txt") == "job\n");
  CHECK(edited.text("both.txt") == "user\n" + lines + "job\n");
  CHECK(edited.text("new/file.txt") == "new\n");
  CHECK_FALSE(fs::exists(edited.project.root / "gone.txt"));

  const Applied again = edited.apply(*edits);
  CHECK(again.written.empty());
  CHECK(again.conflicts.empty());
}

TEST_CASE("the user's own changes are never written over") {
  Edited edited(Edited::Files{{"a.txt", "1\n"}, {"gone.txt", "g\n"}, {"removed.txt", "r\n"}});
  edited.write("a.txt", "job\n");
  edited.write("new.txt", "job's\n");
  edited.write("removed.txt", "job\n");
  edited.write("folder/x.txt", "x\n");
  fs::remove(edited.place.folder / "gone.txt");
  const auto edits = edited.find();
  REQUIRE(edits);
  edited.project.write("a.txt", "user\n");
  edited.project.write("new.txt", "user's\n");
  edited.project.write("gone.txt", "still wanted\n");
  fs::remove(edited.project.root / "removed.txt");
  const Path elsewhere = edited.project.folder.path() / "elsewhere";
  fs::create_directories(elsewhere);
  fs::create_symlink(elsewhere, edited.project.root / "folder");

  Applied applied = edited.apply(*edits);
  std::sort(applied.conflicts.begin(), applied.conflicts.end());
  CHECK(applied.conflicts == Names{"a.txt", "folder/x.txt", "gone.txt", "new.txt", "removed.txt"});
  CHECK(applied.written.empty());
  CHECK(edited.text("a.txt") == "user\n");
  CHECK(edited.text("new.txt") == "user's\n");
  CHECK(edited.text("gone.txt") == "still wanted\n");
  CHECK_FALSE(fs::exists(edited.project.root / "removed.txt"));
  CHECK(fs::is_empty(elsewhere));
}

TEST_CASE("files that match the pattern of an artifact are not edits") {
  Edited edited(Edited::Files{{"a.txt", "1\n"}});
  edited.place.artifacts = {"*.csv", "out/**/*.pt"};
  edited.write("result.csv", "r");
  edited.write("out/deep/model.pt", "m");
  CHECK_FALSE(edited.find());
  edited.write("out/notes.txt", "n");
  CHECK(edited.words(*edited.find()) == Names{"+out/notes.txt"});
}

namespace {

mode_t mode_of(const Path& path) {
  struct stat status {};

  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

void set_mode(const Path& path, mode_t mode) {
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

}  // namespace

TEST_CASE("applied edits leave the user's files as open and as closed as they are") {
  Edited edited(Edited::Files{
      {"shared", "1\n"}, {"key", "1\n"}, {"tool", "1\n"}, {"script", "1\n"}, {"data", "1\n"}});
  const Path& root = edited.project.root;
  set_mode(root / "shared", 0664);
  set_mode(root / "key", 0600);
  set_mode(root / "tool", 0700);
  set_mode(root / "script", 0640);
  set_mode(root / "data", 0664);
  for (const char* path : {"shared", "key", "tool", "script", "data"})
    edited.write(path, "job\n");
  set_mode(edited.place.folder / "tool", 0755);
  set_mode(edited.place.folder / "script", 0755);  // the job makes it executable,
  set_mode(edited.place.folder / "data", 0600);    // and closes this one
  const auto edits = edited.find();
  REQUIRE(edits);

  CHECK(edited.apply(*edits).conflicts.empty());

  CHECK(mode_of(root / "shared") == 0664);
  CHECK(mode_of(root / "key") == 0600);
  CHECK(mode_of(root / "tool") == 0700);
  CHECK(mode_of(root / "script") == 0750);
  CHECK(mode_of(root / "data") == 0620);
  CHECK(edited.text("key") == "job\n");
}

TEST_CASE("a merged file keeps its mode") {
  if (!has_git())
    SKIP("git is not installed");
  const std::string lines = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  Edited edited(Edited::Files{{"both.txt", lines}});
  edited.write("both.txt", lines + "job\n");
  const auto edits = edited.find();
  edited.project.write("both.txt", "user\n" + lines);
  set_mode(edited.project.root / "both.txt", 0600);

  CHECK(edited.apply(*edits).merged == Names{"both.txt"});
  CHECK(mode_of(edited.project.root / "both.txt") == 0600);
}

TEST_CASE("new files of applied edits have the modes of the umask, less what the job closed") {
  Edited edited(Edited::Files{{"a.txt", "1\n"}});
  edited.write("plain", "p");
  edited.write("key", "k");
  set_mode(edited.place.folder / "key", 0600);
  edited.write("private/inner", "i");
  set_mode(edited.place.folder / "private", 0700);
  const auto edits = edited.find();
  REQUIRE(edits);
  const mode_t umask = GENERATE(mode_t{0002}, mode_t{0077});
  const mode_t before = ::umask(umask);
  CHECK(edited.apply(*edits).written.size() == 3);
  ::umask(before);

  CHECK(mode_of(edited.project.root / "plain") == (0666U & ~umask));
  CHECK(mode_of(edited.project.root / "key") == 0600);
  CHECK(mode_of(edited.project.root / "private") == 0700);
}

TEST_CASE("a name as long as a name can be is applied") {
  const std::string name(255, 'n');
  Edited edited(Edited::Files{{name, "1\n"}});
  edited.write(name, "job\n");
  const auto edits = edited.find();
  REQUIRE(edits);
  CHECK(edited.apply(*edits).written == Names{name});
  CHECK(edited.text(name) == "job\n");
}

TEST_CASE("up to the limit, changed files are kept first, and then the smallest") {
  Edited edited(Edited::Files{{"train.py", "1\n"}, {"same.txt", std::string(50'000, 's')}});
  edited.write("train.py", std::string(30'000, 't'));
  edited.write("same.txt", std::string(50'000, 's'));  // only touched: takes nothing
  edited.write("small.txt", std::string(10'000, 'a'));
  edited.write("medium.bin", std::string(20'000, 'b'));
  edited.write("large.bin", std::string(90'000, 'c'));
  edited.write("largest.bin", std::string(120'000, 'd'));

  CHECK(edited.words(*edited.find(60'000)) == Names{"+medium.bin", "+small.txt", "~train.py"});
  CHECK(edited.dropped() == Names{"largest.bin", "large.bin"});
  CHECK(edited.words(*edited.find(40'000)) == Names{"+small.txt", "~train.py"});
  CHECK(edited.words(*edited.find(20'000)) == Names{"+small.txt"});
  CHECK_FALSE(edited.find(1'000));
  CHECK(edited.dropped().size() == 5);
  CHECK(edited.words(*edited.find(270'000)).size() == 5);
  CHECK(edited.dropped().empty());
}

TEST_CASE("many small files are limited, too") {
  Edited edited(Edited::Files{{"a.txt", "1\n"}});
  for (int i = 0; i < 10; ++i)
    edited.write(fmt::format("out/{}", i), "x");
  CHECK(edited.words(*edited.find(5 * 4096)).size() == 5);
  CHECK(edited.dropped().size() == 5);
}

TEST_CASE("what was removed is known however low the limit is") {
  Edited edited(Edited::Files{{"a.txt", "1\n"}, {"b.txt", "2\n"}});
  fs::remove(edited.place.folder / "b.txt");
  edited.write("new.txt", "n");
  CHECK(edited.words(*edited.find(1)) == Names{"-b.txt"});
}

TEST_CASE("new files that .gitignore names are kept, and not applied") {
  Edited edited(Edited::Files{{".gitignore", "outputs/\n*.ckpt\n"}, {"a.txt", "1\n"}});
  edited.write("outputs/run/log.txt", "l");
  edited.write("last.ckpt", "c");
  edited.write("new.txt", "n");
  const auto edits = edited.find();
  REQUIRE(edits);
  CHECK(edited.words(*edits) == Names{"+last.ckpt", "+new.txt", "+outputs/run/log.txt"});
  const Applied applied = edited.apply(*edits);
  CHECK(applied.written == Names{"new.txt"});
  CHECK(applied.ignored == Names{"last.ckpt", "outputs/run/log.txt"});
  CHECK_FALSE(fs::exists(edited.project.root / "last.ckpt"));
}

TEST_CASE("looking for edits stores nothing, and keeping them nothing in the store of the code") {
  Edited edited(Edited::Files{{"a.txt", "1\n"}});
  const auto objects = [](const files::Home& home) {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(home.root / "objects"))
      count += entry.status().type() == fs::regular_file ? 1U : 0U;
    return count;
  };
  const std::size_t before = objects(edited.project.objects.home());
  edited.write("new.bin", "new");
  edited.write("a.txt", "one\n");
  (void)value_of(find_edits(edited.place, edited.project.objects, 1'000'000));
  CHECK(objects(edited.home) == 0);
  REQUIRE(edited.find());
  CHECK(objects(edited.home) == 2);
  CHECK(objects(edited.project.objects.home()) == before);
}

TEST_CASE("a repository of Git that a job has made is no edit, whatever its case") {
  Edited edited(Edited::Files{{"code", "1"}});
  for (const char* path : {".git/hooks/pre-commit", "sub/.GIT/config", "git~1/hooks/x", "new"})
    edited.write(path, "x");
  const auto edits = edited.find();
  REQUIRE(edits);
  CHECK(edited.words(*edits) == Names{"+new"});
}

TEST_CASE("nothing is applied into a repository of Git, nor through a link") {
  Edited edited({{"code", "1"}, {"sub/code", "1"}});
  // As an older version kept them.
  const Path made = edited.project.folder.path() / "made";
  for (const char* path : {".git/hooks/pre-commit", "sub/.GIT/config", "out/new", "sub/new"}) {
    fs::create_directories((made / path).parent_path());
    std::ofstream((made / path).string()) << "x";
  }
  std::vector<std::string> warnings;
  job::Edits edits;
  edits.files = value_of(edited.kept.capture_folder(made, warnings));
  const Path elsewhere = edited.project.folder.path() / "elsewhere";
  fs::create_directories(elsewhere);
  fs::create_symlink(elsewhere, edited.project.root / "out");
  const Applied applied = edited.apply(edits);
  CHECK(applied.written == Names{"sub/new"});
  CHECK(applied.conflicts == Names{".git/hooks/pre-commit", "out/new", "sub/.GIT/config"});
  CHECK(fs::is_empty(elsewhere));
  CHECK_FALSE(fs::exists(edited.project.root / ".git"));
  CHECK_FALSE(fs::exists(edited.project.root / "sub/.GIT"));
}
