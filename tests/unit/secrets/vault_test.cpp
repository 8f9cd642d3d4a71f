#include "dstack/secrets/vault.hpp"

#include "dstack/base/fd.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/text.hpp"
#include "support/wait.hpp"

#include <set>
#include <thread>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::secrets;
using dstack::test::failure_of;

namespace {

class Folder {
 public:
  Folder() : folder_(*TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-")) {}

  Path path() const { return folder_.path() / "secrets"; }

  Path vault() const { return path() / "vault"; }

  std::vector<Path> keys() const {
    std::vector<Path> found;
    for (const auto& entry : fs::directory_iterator(path()))
      if (entry.path().filename().string().starts_with("key-"))
        found.push_back(entry.path());
    return found;
  }

  /// The folder, the vault, the key.
  Path part(int index) const { return index == 0 ? path() : index == 1 ? vault() : keys().at(0); }

  void add(const std::string& project, const std::string& name, const std::string& value) const {
    const auto added = secrets::add(path(), project, name, value, Replace::no);
    INFO((added ? "" : render(added.error())));
    REQUIRE(added);
  }

  std::string value(const std::string& project, const std::string& name) const {
    const auto vault = Vault::open(path());
    INFO((vault ? "" : render(vault.error())));
    REQUIRE(vault);
    const auto found = vault->find(project, name);
    REQUIRE(found);
    return found->value_or("(none)");
  }

  std::string refusal() const {
    const auto vault = Vault::open(path());
    return vault ? "" : render(vault.error());
  }

 private:
  TemporaryFolder folder_;
};

unsigned mode_of(const Path& path) {
  struct stat status {};

  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

void put(const Path& path, const std::string& text) {
  REQUIRE(write_file_atomically(path, text, Durable::no, 0600));
}

}  // namespace

TEST_CASE("a folder that is not there is a vault without secrets, and stays away") {
  const Folder folder;
  const auto vault = Vault::open(folder.path());
  REQUIRE(vault);
  CHECK(vault->names().empty());
  CHECK(remove(folder.path(), "", "A").error().code == ErrorCode::not_found);
  CHECK(rotate(folder.path()).value() == 0);
  CHECK_FALSE(fs::exists(folder.path()));
}

TEST_CASE("a project's secret hides the user's of the same name") {
  const Folder folder;
  folder.add("", "TOKEN", "of the user");
  folder.add("/p", "TOKEN", "of the project");
  folder.add("/q", "OTHER", "of another project");
  CHECK(folder.value("/p", "TOKEN") == "of the project");
  CHECK(folder.value("/q", "TOKEN") == "of the user");
  CHECK(folder.value("/p", "OTHER") == "(none)");
  const auto names = Vault::open(folder.path())->names_for("/p");
  REQUIRE(names.size() == 1);
  CHECK(names[0].project == "/p");
  CHECK(Vault::open(folder.path())->names_for("/q").size() == 2);
}

TEST_CASE("a secret is replaced only when that is wanted, and removed alone") {
  const Folder folder;
  folder.add("/p", "A", "first value");
  CHECK(add(folder.path(), "/p", "A", "second", Replace::no).error().code == ErrorCode::conflict);
  CHECK(folder.value("/p", "A") == "first value");
  REQUIRE(add(folder.path(), "/p", "A", "second", Replace::yes));
  CHECK(folder.value("/p", "A") == "second");
  folder.add("/p", "B", "another");
  REQUIRE(remove(folder.path(), "/p", "A"));
  CHECK(folder.value("/p", "A") == "(none)");
  CHECK(folder.value("/p", "B") == "another");
}

TEST_CASE("many secrets are added at once, or none of them") {
  const Folder folder;
  const auto add_all = [&](const std::vector<NewSecret>& secrets) {
    return secrets::add(folder.path(), "/p", secrets, Replace::no);
  };
  REQUIRE(add_all({{"A", "value a"}, {"B", "value b"}}));
  CHECK(folder.value("/p", "A") == "value a");
  CHECK(folder.value("/p", "B") == "value b");
  CHECK(failure_of(add_all({{"C", "value c"}, {"B", "another"}})).code == ErrorCode::conflict);
  CHECK(failure_of(add_all({{"C", "value c"}, {"D", std::string_view("no\0value", 8)}})).code ==
        ErrorCode::usage);
  CHECK(folder.value("/p", "C") == "(none)");
  CHECK(folder.value("/p", "B") == "value b");
}

TEST_CASE("no file of the vault holds a value, and none can be read by others") {
  const Folder folder;
  const mode_t before = ::umask(0);
  folder.add("/p", "A", "a value that is looked for");
  ::umask(before);
  CHECK(mode_of(folder.path()) == 0700);
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    CHECK(mode_of(entry.path()) == 0600);
    CHECK(read_file(entry.path())->find("looked for") == std::string::npos);
  }
}

TEST_CASE("what others can reach is refused, with the command that fixes it") {
  const Folder folder;
  folder.add("", "A", "value of A");
  const Path loose = folder.part(GENERATE(0, 1, 2));
  const unsigned mode = mode_of(loose);
  REQUIRE(::chmod(loose.c_str(), mode | 0040) == 0);
  CHECK(folder.refusal().find("is accessible to other users") != std::string::npos);
  CHECK(folder.refusal().find("'chmod go= " + loose.string() + "'") != std::string::npos);
  CHECK(render(failure_of(add(folder.path(), "", "B", "value of B", Replace::no))) ==
        folder.refusal());
  REQUIRE(::chmod(loose.c_str(), mode) == 0);
  CHECK(folder.value("", "A") == "value of A");
}

TEST_CASE("a link in the place of the vault, its key or its folder is refused") {
  const Folder folder;
  folder.add("", "A", "value of A");
  const Path path = folder.part(GENERATE(0, 1, 2));
  const Path elsewhere = folder.path().parent_path() / "elsewhere";
  fs::rename(path, elsewhere);
  fs::create_symlink(elsewhere, path);
  CHECK(folder.refusal().find("is a link") != std::string::npos);
}

TEST_CASE("files of somebody else are refused") {
  if (::geteuid() != 0)
    SKIP("only root can give a file away");
  const Folder folder;
  folder.add("", "A", "value of A");
  const Path path = folder.part(GENERATE(0, 1, 2));
  REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
  CHECK(folder.refusal().find("belongs to ") != std::string::npos);
  CHECK(folder.refusal().find("run dstack as ") != std::string::npos);
}

TEST_CASE("every byte of the vault and of the key that differs is noticed, and nothing is lost") {
  const Folder folder;
  folder.add("/p", "A", "value of A");
  folder.add("", "B", "value of B");
  const Path path = folder.part(GENERATE(1, 2));
  const std::string text = *read_file(path);
  for (std::size_t at = 0; at < text.size(); ++at)
    for (const int bit : {0, 6}) {
      std::string other = text;
      other[at] = static_cast<char>(other[at] ^ (1 << bit));
      put(path, other);
      INFO("byte " << at << " bit " << bit);
      const std::string refusal = folder.refusal();
      CHECK(test::holds(refusal, folder.path().string()));
      if (at % 16 == 0) {
        CHECK(render(failure_of(add(folder.path(), "", "C", "value of C", Replace::yes))) ==
              refusal);
        CHECK(render(failure_of(rotate(folder.path()))) == refusal);
        CHECK(*read_file(path) == other);
      }
    }
  put(path, text);
  CHECK(folder.value("/p", "A") == "value of A");
  CHECK(folder.value("", "B") == "value of B");
}

TEST_CASE("a vault that was cut off is noticed wherever it was cut") {
  const Folder folder;
  folder.add("/p", "A", "value of A");
  const std::string text = *read_file(folder.vault());
  for (std::size_t size = 0; size < text.size(); ++size) {
    put(folder.vault(), text.substr(0, size));
    CHECK(folder.refusal().find("is damaged") != std::string::npos);
  }
}

TEST_CASE("a damaged secret is named") {
  const Folder folder;
  folder.add("/p", "A", "value of A");
  folder.add("/p", "B", "value of B");
  std::string text = *read_file(folder.vault());
  const std::size_t at = text.rfind("\"sealed\":\"") + 20;
  text[at] = text[at] == 'a' ? 'b' : 'a';
  put(folder.vault(), text);
  CHECK(folder.refusal().find("secret 'B' of project '/p'") != std::string::npos);
}

TEST_CASE("two values cannot change places") {
  const Folder folder;
  folder.add("", "A", "value of A");
  folder.add("", "B", "value of B");
  std::string text = *read_file(folder.vault());
  const std::size_t a = text.find("\"sealed\":\"") + 10;
  const std::size_t b = text.rfind("\"sealed\":\"") + 10;
  const std::size_t size = text.find('"', a) - a;
  const std::string first = text.substr(a, size);
  text.replace(a, size, text.substr(b, size));
  text.replace(b, size, first);
  put(folder.vault(), text);
  CHECK(folder.refusal().find("secret 'A' of the user was altered") != std::string::npos);
}

TEST_CASE("a key that is missing, or another's, opens nothing") {
  const Folder folder;
  const Folder other;
  folder.add("", "A", "value of A");
  other.add("", "A", "value of A");
  const Path key = folder.keys().at(0);
  const std::string text = *read_file(key);
  fs::remove(key);
  CHECK(folder.refusal().find("is missing") != std::string::npos);
  put(key, *read_file(other.keys().at(0)));
  CHECK(folder.refusal().find("is damaged") != std::string::npos);
  put(key, text);
  CHECK(folder.refusal().empty());
}

TEST_CASE("a rotation makes another key, keeps every value, and leaves the old vault unreadable") {
  const Folder folder;
  for (int i = 0; i < 20; ++i)
    folder.add(i % 2 == 0 ? "/p" : "", "S" + std::to_string(i), "value " + std::to_string(i));
  const std::string before = *read_file(folder.vault());
  const Path key = folder.keys().at(0);
  CHECK(rotate(folder.path()).value() == 20);
  REQUIRE(folder.keys().size() == 1);
  CHECK(folder.keys().at(0) != key);
  for (int i = 0; i < 20; ++i)
    CHECK(folder.value("/p", "S" + std::to_string(i)) == "value " + std::to_string(i));
  put(folder.vault(), before);
  CHECK(folder.refusal().find("is missing") != std::string::npos);
}

TEST_CASE("a rotation that never came to its end changes nothing, and the next one cleans up") {
  const Folder folder;
  folder.add("", "A", "value of A");
  put(folder.path() / "key-0123456789abcdef", "half a ke");
  CHECK(folder.value("", "A") == "value of A");
  CHECK(rotate(folder.path()).value() == 1);
  CHECK(folder.keys().size() == 1);
  CHECK(folder.value("", "A") == "value of A");
}

TEST_CASE("a rotation that is killed at any moment loses no value") {
  const Folder folder;
  for (int i = 0; i < 20; ++i)
    folder.add("/p", "S" + std::to_string(i), "value " + std::to_string(i));
  std::set<std::string> keys;
  for (int moment = 0; moment < 100; ++moment) {
    const pid_t other = ::fork();
    REQUIRE(other >= 0);
    if (other == 0)
      for (;;)
        (void)rotate(folder.path());
    test::let_pass(std::chrono::microseconds(moment * 50));
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);
    for (int i = 0; i < 20; ++i)
      CHECK(folder.value("/p", "S" + std::to_string(i)) == "value " + std::to_string(i));
    for (const Path& key : folder.keys())
      keys.insert(key.string());
  }
  CHECK(keys.size() > 10);  // some came to their end, and some did not
  CHECK(rotate(folder.path()).value() == 20);
  CHECK(folder.keys().size() == 1);
}

TEST_CASE("a vault that is missing beside its key is a loss, and the key is kept") {
  const Folder folder;
  folder.add("", "A", "value of A");
  const Path copy = folder.path().parent_path() / "copy";
  fs::rename(folder.vault(), copy);
  const auto keys = folder.keys();
  CHECK(folder.refusal().find("is missing, but its key exists") != std::string::npos);
  CHECK(folder.refusal().find("restore the file from a backup") != std::string::npos);
  const std::string refusal = folder.refusal();
  CHECK(render(failure_of(add(folder.path(), "", "B", "value of B", Replace::no))) == refusal);
  CHECK(render(failure_of(remove(folder.path(), "", "A"))) == refusal);
  CHECK(render(failure_of(rotate(folder.path()))) == refusal);
  CHECK(folder.keys() == keys);
  fs::rename(copy, folder.vault());
  CHECK(folder.value("", "A") == "value of A");
}

TEST_CASE("a vault without secrets is missed like any other") {
  const Folder folder;
  folder.add("", "A", "value of A");
  REQUIRE(remove(folder.path(), "", "A"));
  CHECK(folder.refusal() == "");
  fs::remove(folder.vault());
  CHECK(folder.refusal().find("is missing") != std::string::npos);
}

TEST_CASE("a first secret that was cut off on its way is added again") {
  const Folder folder;
  folder.add("", "A", "value of A");
  REQUIRE(remove(folder.path(), "", "A"));
  const Path key = folder.keys().at(0);
  SECTION("before the key") {
    fs::remove(key);
  }
  SECTION("while the key was written") {
    fs::rename(key, key.string() + ".tmp-12-12");
  }
  SECTION("after the key") {}
  CHECK(Vault::open(folder.path()).value().names().empty());
  CHECK(rotate(folder.path()).value() == 0);
  folder.add("", "A", "again");
  CHECK(folder.value("", "A") == "again");
}

TEST_CASE("a vault that was read before a rotation still finds its values") {
  const Folder folder;
  folder.add("", "A", "value of A");
  const auto vault = Vault::open(folder.path());
  REQUIRE(rotate(folder.path()));
  CHECK(vault->find("", "A").value().value() == "value of A");
}

TEST_CASE("many that add, rotate and read at the same time lose nothing and see no damage") {
  const Folder folder;
  folder.add("", "first", "the first value");
  constexpr int each = 12;
  std::vector<std::string> trouble(4);
  {
    std::vector<std::jthread> threads;
    for (int who = 0; who < 2; ++who)
      threads.emplace_back([&, who] {
        for (int i = 0; i < each; ++i)
          if (const auto added = add(folder.path(),
                                     "/p",
                                     "S" + std::to_string(who) + "-" + std::to_string(i),
                                     "a value",
                                     Replace::no);
              !added)
            trouble[static_cast<std::size_t>(who)] = render(added.error());
      });
    threads.emplace_back([&] {
      for (int i = 0; i < each; ++i)
        if (const auto rotated = rotate(folder.path()); !rotated)
          trouble[2] = render(rotated.error());
    });
    threads.emplace_back([&] {
      for (int i = 0; i < each * 4; ++i) {
        const auto vault = Vault::open(folder.path());
        const auto value = vault ? vault->find("/p", "first") : Failure(vault.error());
        if (!value || *value != "the first value")
          trouble[3] = value ? "another value" : render(value.error());
      }
    });
  }
  for (const std::string& one : trouble)
    CHECK(one == "");
  CHECK(Vault::open(folder.path())->names().size() == 1 + 2 * each);
}

TEST_CASE("what no environment can hold is not a value") {
  const Folder folder;
  const std::string value = GENERATE(std::string(),
                                     std::string("a\0b", 3),
                                     std::string("\xff\xfe"),
                                     std::string(longest_value + 1, 'x'));
  const auto added = add(folder.path(), "", "A", value, Replace::no);
  REQUIRE_FALSE(added);
  CHECK(added.error().code == ErrorCode::usage);
  CHECK_FALSE(fs::exists(folder.path()));
}
