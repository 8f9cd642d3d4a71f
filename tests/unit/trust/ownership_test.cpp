#include "dstack/trust/ownership.hpp"

#include "support/results.hpp"
#include "unit/trust/tree.hpp"

#include <algorithm>
#include <cstdint>

#include <sys/xattr.h>

using namespace dstack;
using namespace dstack::trust;
using dstack::test::Tree;
using dstack::test::value_of;

namespace {

constexpr uid_t somebody = 54'321;

Caller me() {
  return {::geteuid(), [](gid_t) { return false; }, [](uid_t) { return false; }};
}

/// To whom the files of a test are those of a stranger: for root, they are given away first.
struct Stranger {
  explicit Stranger(const Tree& tree) {
    if (::geteuid() == 0) {
      REQUIRE(::chown(tree.root().c_str(), somebody, somebody) == 0);
    } else {
      caller.user = somebody;
    }
    owner = ::geteuid() == 0 ? somebody : ::geteuid();
  }

  Caller caller = me();
  uid_t owner = 0;
};

Exposure look(const Caller& caller, const Path& path, Kind kind = Kind::file) {
  return value_of(OwnershipWalk(caller).look_at(path, kind));
}

std::vector<std::string> writable(const Caller& caller, const Path& path, Kind kind = Kind::file) {
  return look(caller, path, kind).writable;
}

using Paths = std::vector<std::string>;

/// As the kernel takes it: the kind of an entry, what it allows, and whom.
struct AclEntry {
  std::uint16_t tag;
  std::uint16_t permissions;
  std::uint32_t id = ~0U;
};

bool set_access_list(const Path& file, const std::vector<AclEntry>& entries) {
  std::string bytes("\2\0\0\0", 4);
  for (const AclEntry& entry : entries)
    bytes.append(reinterpret_cast<const char*>(&entry), sizeof entry);
  return ::setxattr(file.c_str(), "system.posix_acl_access", bytes.data(), bytes.size(), 0) == 0;
}

}  // namespace

TEST_CASE("a file of the caller's in his own folder and root's cannot be changed by others") {
  const Tree tree;
  const Caller caller = me();

  CHECK(look(caller, tree.file("a/b")).empty());
  CHECK(look(caller, "/").empty());
  CHECK(look(caller, "/etc/passwd").empty());
}

TEST_CASE("what belongs to another user is named with its owner") {
  const Tree tree;
  const Stranger stranger(tree);

  const Exposure exposure = look(stranger.caller, tree.root(), Kind::folder);

  REQUIRE_FALSE(exposure.foreign.empty());
  CHECK(exposure.foreign.back().path == tree.root().string());
  CHECK(exposure.foreign.back().owner == stranger.owner);
}

TEST_CASE("a folder of another user's exposes what is in it, whoever owns that") {
  const Tree tree;
  const Path file = tree.file("a/b");
  const Stranger stranger(tree);

  const auto foreign = look(stranger.caller, file).foreign;

  CHECK(std::any_of(foreign.begin(), foreign.end(), [&](const Exposure::Foreign& each) {
    return each.path == tree.root().string();
  }));
}

TEST_CASE("of several that belong to one user the last is named, and each user once") {
  Exposure exposure;
  exposure.foreign = {{"/a", somebody}, {"/a/b", somebody + 1}, {"/a/b/c", somebody}};
  exposure.writable = {"/w"};

  CHECK(exposure.describe() == "'/a/b' belongs to user 54322 and '/a/b/c' belongs to user 54321");
  exposure.foreign.clear();
  CHECK(exposure.describe() == "others can write to '/w'");
}

TEST_CASE("what others can write to is found at the end of a path and on the way") {
  const Tree tree;
  const Path file = tree.file("a/b");
  const Caller caller = me();

  Tree::change_mode(file, 0646);
  CHECK(writable(caller, file) == Paths{file.string()});
  Tree::change_mode(file, 0600);
  Tree::change_mode(tree.root() / "a", 0757);
  CHECK(writable(caller, file) == Paths{(tree.root() / "a").string()});
}

TEST_CASE("the user's own group may write, any other may not") {
  const Tree tree;
  const Path file = tree.file("a/b");
  Tree::change_mode(tree.root() / "a", 0775);
  Tree::change_mode(file, 0664);
  Caller caller = me();

  CHECK(writable(caller, file) == Paths{(tree.root() / "a").string(), file.string()});
  caller.is_own_group = [](gid_t group) { return group == ::getegid(); };
  CHECK(look(caller, file).empty());
}

TEST_CASE("whom an access control list lets write is another user like any other") {
  const Tree tree;
  const Path file = tree.file("a/b");
  Caller caller = me();
  caller.is_own_group = [](gid_t group) { return group == ::getegid(); };
  const AclEntry owner{0x01, 6};
  const AclEntry group{0x04, 6};
  const AclEntry mask{0x10, 6};
  const AclEntry other{0x20, 4};
  if (!set_access_list(file, {owner, {0x02, 6, somebody}, group, mask, other}))
    SKIP("the file system keeps no access control lists");
  const auto with_list = [&](const std::vector<AclEntry>& entries) {
    REQUIRE(set_access_list(file, entries));
    return writable(caller, file);
  };

  CHECK(with_list({owner, {0x02, 6, somebody}, group, mask, other}) == Paths{file.string()});
  CHECK(with_list({owner, group, {0x08, 6, somebody}, mask, other}) == Paths{file.string()});
  CHECK(with_list({owner, {0x02, 4, somebody}, group, mask, other}).empty());  // may only read
  CHECK(with_list({owner, {0x02, 6, caller.user}, group, {0x08, 6, ::getegid()}, mask, other})
            .empty());
  CHECK(with_list({owner, {0x02, 6, somebody}, group, {0x10, 4}, other}).empty());  // by its mask
}

TEST_CASE("the group of this process is its user's own, and so is root's") {
  CHECK(this_caller().is_own_group(::getegid()));
  CHECK(this_caller().is_own_group(0));
  CHECK_FALSE(this_caller().is_own_group(somebody));
}

TEST_CASE("a sticky folder guards the files of others in it, but anybody can add one") {
  const Tree tree;
  const Path file = tree.file("a/b");
  const Path folder = tree.root() / "a";
  Tree::change_mode(folder, 01777);
  const Caller caller = me();

  CHECK(look(caller, file).empty());
  CHECK(writable(caller, folder, Kind::folder) == Paths{folder.string()});
}

TEST_CASE("links are followed, and the folders on their way are looked at") {
  const Tree tree;
  const Path file = tree.file("open/b");
  fs::create_symlink("../open/../open", tree.file("c/d").parent_path() / "way");
  Tree::change_mode(tree.root() / "open", 0777);

  CHECK(writable(me(), tree.root() / "c" / "way" / "b") == Paths{(tree.root() / "open").string()});
}

TEST_CASE("of what does not exist the folders above are looked at") {
  const Tree tree;
  const Path folder = tree.root() / "a";
  REQUIRE(make_folders(folder));

  CHECK(look(me(), folder / "b" / "c").empty());
  Tree::change_mode(folder, 0777);
  CHECK(writable(me(), folder / "b" / "c") == Paths{folder.string()});
}

TEST_CASE("a link that leads in a circle cannot be looked at") {
  const Tree tree;
  fs::create_symlink("a", tree.root() / "a");

  const auto looked = OwnershipWalk(this_caller()).look_at(tree.root() / "a", Kind::file);

  REQUIRE_FALSE(looked);
  CHECK_THAT(looked.error().message, Catch::Contains("is broken"));
}

TEST_CASE("owners whom the user namespace does not know may have the folders above, no more") {
  const Tree tree;
  const Path file = tree.file("a/b");
  Stranger stranger(tree);
  stranger.caller.is_unknown_owner = [&](uid_t user) { return user == stranger.owner; };

  if (::geteuid() == 0) {
    CHECK(look(stranger.caller, file).empty());  // only the root of the tree was given away
  } else {
    CHECK(look(stranger.caller, file).foreign.size() == 1);
    CHECK(look(stranger.caller, file).foreign.front().path == file.string());
  }
  CHECK(look(stranger.caller, tree.root(), Kind::folder).foreign.size() == 1);
  CHECK(look(stranger.caller, file, Kind::program).empty());
}
