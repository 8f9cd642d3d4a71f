#include "dstack/run/runner/secret_scan.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/secrets/encodings.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::run;

namespace {

const std::string token = "t0ken-of-the-test";
const std::string key = "k3y \"of\" <the> test/+";

/// A workspace with an artifact 'out', and what a job with KEY and TOKEN has.
struct Workspace {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  std::vector<std::string> artifacts{"out"};
  std::vector<std::string> changes = {};
  std::vector<std::string> names{"KEY", "TOKEN"};
  secrets::Needles needles{std::vector<std::string>{key, token}};

  Path path(const std::string& name) const { return folder.path() / name; }

  void file(const std::string& name, const std::string& text) const {
    REQUIRE(make_folders(path(name).parent_path()));
    REQUIRE(write_file_atomically(path(name), text, Durable::no));
  }

  SecretScanResult search() const {
    auto found = scan_for_secrets({folder.path(), artifacts, changes, needles, names});
    REQUIRE(found);
    return *std::move(found);
  }

  /// What was found in 'out', with no warning.
  job::SecretFindings found() const {
    const SecretScanResult found = search();
    CHECK(found.warnings.empty());
    if (found.artifacts.empty())
      return {};
    REQUIRE(found.artifacts.size() == 1);
    CHECK(found.artifacts[0].path == artifacts[0]);
    return found.artifacts[0].exposure;
  }
};

/// By this process, so far.
std::uint64_t bytes_read() {
  const std::string io = read_kernel_file("/proc/self/io").value();
  const std::string_view rest = std::string_view(io).substr(io.find("rchar: ") + 7);
  return parse_number<std::uint64_t>(rest.substr(0, rest.find('\n'))).value();
}

using Files = std::vector<job::FileWithSecrets>;

}  // namespace

TEST_CASE("a file is named with the secrets that it contains, and no other file is") {
  const Workspace workspace;
  workspace.file("out/a/both", "x" + token + "y " + key);
  workspace.file("out/one", token);
  workspace.file("out/almost", token.substr(1) + token.substr(0, token.size() - 1));
  workspace.file("out/empty", "");
  workspace.file("beside", token);
  const job::SecretFindings found = workspace.found();
  CHECK(found.count == 2);
  CHECK(found.files == Files{{"out/a/both", {"KEY", "TOKEN"}}, {"out/one", {"TOKEN"}}});
}

TEST_CASE("every encoding of a secret is found in a file") {
  const Workspace workspace;
  const auto forms = secrets::encodings_of(key);
  for (std::size_t i = 0; i < forms.size(); ++i)
    workspace.file("out/" + std::to_string(i), "before " + forms[i] + " after");
  const job::SecretFindings found = workspace.found();
  CHECK(found.count == forms.size());
  for (const job::FileWithSecrets& file : found.files)
    CHECK(file.secrets == std::vector<std::string>{"KEY"});
}

TEST_CASE("a secret is found wherever the borders of reads fall") {
  // Around the first border, and around those of later reads, which carry the end of the one
  // before.
  Workspace workspace;
  constexpr std::size_t at_once = 256 * 1024;
  for (const std::size_t border : {at_once, 2 * at_once, 5 * at_once})
    for (std::size_t before = 0; before <= token.size(); ++before)
      workspace.file("out/" + std::to_string(border) + "-" + std::to_string(before),
                     std::string(border - before, '.') + token + std::string(100, '.'));
  CHECK(workspace.found().count == 3 * (token.size() + 1));
}

TEST_CASE("a secret is found across the parts of a large file, which are read beside each other") {
  Workspace workspace;
  constexpr off_t part = 64 << 20;
  REQUIRE(make_folders(workspace.path("out")));
  for (std::size_t before = 0; before <= token.size(); before += 4) {
    const Path path = workspace.path("out/" + std::to_string(before));
    const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    REQUIRE(file);
    const off_t at = part - static_cast<off_t>(before);
    REQUIRE(::pwrite(file.get(), token.data(), token.size(), at) > 0);
    REQUIRE(::ftruncate(file.get(), 3 * part) == 0);
  }
  CHECK(workspace.found().count == token.size() / 4 + 1);
}

TEST_CASE("the holes of a sparse file are not read, and what lies between them is") {
  Workspace workspace;
  REQUIRE(make_folders(workspace.path("out")));
  const Fd file(::open(workspace.path("out/sparse").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(file);
  constexpr off_t far = off_t{1} << 42;  // 4 TiB: whoever reads that does not come back
  if (::ftruncate(file.get(), far) != 0)
    SKIP("the file system has no files of 4 TiB");
  REQUIRE(::pwrite(file.get(), token.data(), token.size(), far / 2 + 12345) > 0);
  const job::SecretFindings found = workspace.found();
  CHECK(found.files == Files{{"out/sparse", {"TOKEN"}}});
}

TEST_CASE("names of files and folders, and where links lead, are looked at, and shown masked") {
  Workspace workspace;
  workspace.file("out/x-" + token, "");
  REQUIRE(make_folders(workspace.path("out/" + token)));
  REQUIRE(::symlink(("/nowhere/" + token).c_str(), workspace.path("out/link").c_str()) == 0);
  const job::SecretFindings found = workspace.found();
  CHECK(found.files ==
        Files{{"out/link", {"TOKEN"}}, {"out/***", {"TOKEN"}}, {"out/x-***", {"TOKEN"}, 1}});
}

TEST_CASE("an artifact that is a file, the whole workspace, or behind a link is scanned") {
  Workspace workspace;
  workspace.file("out", token);
  CHECK(workspace.found().files == Files{{"out", {"TOKEN"}}});
  workspace.artifacts = {""};
  CHECK(workspace.found().files == Files{{"out", {"TOKEN"}}});
  workspace.file("real/deep/file", key);
  REQUIRE(::symlink("real", workspace.path("alias").c_str()) == 0);
  workspace.artifacts = {"alias/deep"};
  CHECK(workspace.found().files == Files{{"alias/deep/file", {"KEY"}}});
}

TEST_CASE("links are not followed, and what is neither file, folder nor link is not opened") {
  Workspace workspace;
  workspace.file("elsewhere/file", token);
  REQUIRE(make_folders(workspace.path("out")));
  REQUIRE(::symlink("../elsewhere", workspace.path("out/folder").c_str()) == 0);
  REQUIRE(::symlink("../elsewhere/file", workspace.path("out/file").c_str()) == 0);
  REQUIRE(::mkfifo(workspace.path("out/pipe").c_str(), 0600) == 0);
  CHECK(workspace.found().count == 0);
  // What leads out of the workspace cannot be saved, so it is nobody's concern here.
  REQUIRE(::symlink("/etc", workspace.path("out-of-it").c_str()) == 0);
  workspace.artifacts = {"out-of-it", "not-made"};
  CHECK(workspace.found().count == 0);
}

TEST_CASE("what cannot be read is reported, and the rest is scanned") {
  if (::geteuid() == 0)
    SKIP("root reads everything");
  Workspace workspace;
  workspace.file("out/open", token);
  for (const char* name : {"out/a", "out/b", "out/c", "out/d"}) {
    workspace.file(name, token);
    REQUIRE(::chmod(workspace.path(name).c_str(), 0) == 0);
  }
  const SecretScanResult found = workspace.search();
  REQUIRE(found.artifacts.size() == 1);
  CHECK(found.artifacts[0].exposure.files == Files{{"out/open", {"TOKEN"}}});
  REQUIRE(found.warnings.size() == 1);
  CHECK(found.warnings[0] ==
        "not scanned for secrets, because unreadable: 'out/a': Permission denied, "
        "'out/b': Permission denied, 'out/c': Permission denied, and 1 more");
}

TEST_CASE("of very many files the first are named, and all are counted") {
  Workspace workspace;
  for (int i = 1000; i < 1250; ++i)
    workspace.file("out/" + std::to_string(i), i % 2 == 0 ? token : "nothing");
  const job::SecretFindings found = workspace.found();
  CHECK(found.count == 125);
  REQUIRE(found.files.size() == job::most_files_with_secrets);
  CHECK(found.files.front().path == "out/1000");
  CHECK(found.files.back().path == "out/1198");
}

TEST_CASE("a file with very many secrets names the first of them") {
  Workspace workspace;
  std::vector<std::string> values;
  std::string all;
  workspace.names.clear();
  for (int i = 1000; i < 1300; ++i) {
    workspace.names.push_back("S" + std::to_string(i));
    values.push_back("value-" + random_hex(8));
    all += values.back() + "\n";
  }
  workspace.needles = secrets::Needles(values);
  workspace.file("out/env", all);
  const job::SecretFindings found = workspace.found();
  REQUIRE(found.files.size() == 1);
  CHECK(found.files[0].secrets.size() == job::most_secrets_of_file);
  CHECK(found.files[0].secrets.front() == "S1000");
}

TEST_CASE("findings read back as they were written") {
  const job::SecretFindings findings{{{"out/***", {"A", "B"}, 3}, {"out/b", {"B"}}}, 7};
  CHECK(Json(findings).get<job::SecretFindings>() == findings);
  CHECK(Json(job::SecretFindings()).is_null());
  CHECK(Json().get<job::SecretFindings>() == job::SecretFindings());
}

TEST_CASE("a scan that is interrupted ends before all is read, and finds nothing") {
  Workspace workspace;
  workspace.file("out/small", token);
  constexpr std::size_t megabyte = 1 << 20;
  constexpr std::uint64_t size = 256;
  const Fd large(::open(workspace.path("out/large").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(large);
  for (std::uint64_t i = 0; i < size; ++i)
    REQUIRE(write_all(large.get(), std::string(megabyte, '.')));
  const Fd event(::eventfd(1, EFD_CLOEXEC));
  REQUIRE(event);
  int asked = 0;
  const std::uint64_t before = bytes_read();
  const auto found = scan_for_secrets({workspace.folder.path(),
                                       workspace.artifacts,
                                       workspace.changes,
                                       workspace.needles,
                                       workspace.names},
                                      {event.get(), [&] { return ++asked > 0; }});
  CHECK(asked == 1);
  CHECK_FALSE(found);
  CHECK(bytes_read() - before < size / 2 * megabyte);
}

TEST_CASE("of what is beside the artifacts only the given files are scanned") {
  Workspace workspace;
  workspace.artifacts.clear();
  workspace.changes = {"a[1].txt", "sub/b.txt", "vanished.txt"};
  workspace.file("a[1].txt", "nothing");
  workspace.file("sub/b.txt", token);
  workspace.file("sub/c.txt", token);
  const SecretScanResult found = workspace.search();
  CHECK(found.artifacts.empty());
  CHECK(found.warnings.empty());
  CHECK(found.changes.count == 1);
  REQUIRE(found.changes.files.size() == 1);
  CHECK(found.changes.files[0] == job::FileWithSecrets{"sub/b.txt", {"TOKEN"}});
}
