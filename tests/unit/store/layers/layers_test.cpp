// Trees that are laid out once and shared.
#include "dstack/store/layers/layers.hpp"

#include "dstack/process/identity.hpp"
#include "unit/store/fixture.hpp"

#include <thread>

#include <fcntl.h>
#include <sys/stat.h>

using namespace dstack;
using namespace dstack::store;

namespace {

struct stat status_of(const Path& path) {
  struct stat status {};

  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status;
}

/// A folder of more files than a difference is not worth for.
void write_many(const Path& folder) {
  for (int i = 0; i < 300; ++i)
    write_file(folder / "many" / std::to_string(i % 10) / std::to_string(i), std::to_string(i));
}

job::TreeReference capture(const TestHome& home, const Path& folder) {
  std::vector<std::string> warnings;
  return value_of(ObjectStore(home.home()).capture_folder(folder, warnings));
}

/// A folder with a small and a large file, in the store.
job::TreeReference capture_example(const TestHome& home, const Path& folder) {
  write_file(folder / "a/small", "s");
  write_file(folder / "large", std::string(100'000, 'x'));
  const timespec times[2] = {{1'700'000'000, 5}, {1'700'000'000, 5}};
  REQUIRE(::utimensat(AT_FDCWD, (folder / "large").c_str(), times, 0) == 0);
  ObjectStore objects(home.home());
  std::vector<std::string> warnings;
  return value_of(objects.capture_folder(folder, warnings));
}

}  // namespace

TEST_CASE("a layer is laid out once, its large files are those of the store") {
  const TestHome home;
  const auto folder = make_test_folder();
  const auto tree = capture_example(home, folder.path());
  const ObjectStore objects(home.home());
  const Layer layer = value_of(provide_layer(objects, tree, Below::nothing));
  const Path at = layers_folder(home.home()) / layer.names.front();
  CHECK(*read_file(at / "a/small") == "s");
  CHECK(status_of(at / "large").st_nlink == 2);
  CHECK(status_of(at / "large").st_mtim.tv_sec == 1'700'000'000);
  CHECK(status_of(at / "a/small").st_nlink == 1);

  const auto made = status_of(at).st_ino;
  CHECK(value_of(provide_layer(objects, tree, Below::nothing)).names == layer.names);
  CHECK(status_of(at).st_ino == made);
}

TEST_CASE("one large file with two times is laid out with both") {
  const TestHome home;
  const auto folder = make_test_folder();
  for (const std::int64_t second : {1'600'000'000, 1'700'000'000}) {
    const Path file = folder.path() / std::to_string(second);
    write_file(file, std::string(100'000, 'x'));
    const timespec times[2] = {{second, 0}, {second, 0}};
    REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
  }
  ObjectStore objects(home.home());
  std::vector<std::string> warnings;
  const auto tree = value_of(objects.capture_folder(folder.path(), warnings));
  const Layer layer = value_of(provide_layer(objects, tree, Below::nothing));
  for (const std::int64_t second : {1'600'000'000, 1'700'000'000})
    CHECK(status_of(layers_folder(home.home()) / layer.names.front() / std::to_string(second))
              .st_mtim.tv_sec == second);
}

TEST_CASE("many want a layer at the same time, and one lays it out") {
  const TestHome home;
  const auto folder = make_test_folder();
  for (int i = 0; i < 300; ++i)
    write_file(folder.path() / std::to_string(i), std::to_string(i));
  ObjectStore objects(home.home());
  std::vector<std::string> warnings;
  const auto tree = value_of(objects.capture_folder(folder.path(), warnings));
  std::vector<std::thread> threads;
  std::vector<int> missing(8, -1);
  std::vector<std::optional<Layer>> used(8);  // until all have theirs
  for (std::size_t each = 0; each < used.size(); ++each)
    threads.emplace_back([&, each] {
      if (auto layer = provide_layer(objects, tree, Below::nothing))
        used[each] = std::move(*layer);
      missing[each] = 0;
      for (int i = 0; i < 300; ++i)
        if (!used[each] ||
            !fs::exists(layers_folder(home.home()) / used[each]->names.front() / std::to_string(i)))
          ++missing[each];
    });
  for (std::thread& thread : threads)
    thread.join();
  CHECK(missing == std::vector<int>(8, 0));
}

TEST_CASE("what a killed process has left of a layer is not used") {
  const TestHome home;
  const auto folder = make_test_folder();
  const auto tree = capture_example(home, folder.path());
  const ObjectStore objects(home.home());
  const auto names = value_of(provide_layer(objects, tree, Below::nothing)).names;
  const Path at = layers_folder(home.home()) / names.front();
  REQUIRE(remove_tree(at));
  write_file(at.string() + ".new/a/half", "");
  CHECK(value_of(provide_layer(objects, tree, Below::nothing)).names == names);
  CHECK(*read_file(at / "a/small") == "s");
  CHECK_FALSE(fs::exists(at / "a/half"));
}

TEST_CASE("layers of earlier boots go, those of another machine stay") {
  const TestHome home;
  const auto folder = make_test_folder();
  const auto tree = capture_example(home, folder.path());
  const Path all = layers_folder(home.home()).parent_path();
  write_file(all / (process::machine_id() + "-earlier") / "x/y", "");
  write_file(all / "another-boot" / "x/y", "");
  (void)value_of(provide_layer(ObjectStore(home.home()), tree, Below::nothing));
  CHECK_FALSE(fs::exists(all / (process::machine_id() + "-earlier")));
  CHECK(fs::exists(all / "another-boot" / "x/y"));
}

TEST_CASE("layers that are not used go, but for those that were used last") {
  const TestHome home;
  ObjectStore objects(home.home());
  const auto make = [&](int number) {
    const auto folder = make_test_folder();
    write_file(folder.path() / "x", std::to_string(number));
    std::vector<std::string> warnings;
    const auto tree = value_of(objects.capture_folder(folder.path(), warnings));
    return value_of(provide_layer(objects, tree, Below::nothing));
  };
  const Layer first = make(0);
  const Path folder = layers_folder(home.home());
  const std::string second = make(1).names.front();
  write_file(folder / "0123456789abcdef.removed/left", "");
  for (int i = 2; i < 30; ++i)
    (void)make(i);
  CHECK(*read_file(folder / first.names.front() / "x") == "0");  // it is in use
  CHECK_FALSE(fs::exists(folder / second));
  CHECK_FALSE(fs::exists(folder / "0123456789abcdef.removed"));
  CHECK(*read_file(folder / make(29).names.front() / "x") == "29");
  std::size_t layers = 0;
  for (fs::directory_iterator each(folder), end; each != end; ++each)
    if (fs::is_directory(each->path()))
      ++layers;
  CHECK(layers <= 22);
}

TEST_CASE("of a tree that differs little from a layer only the difference is laid out") {
  const TestHome home;
  const ObjectStore objects(home.home());
  const auto folder = make_test_folder();
  write_many(folder.path());
  const Layer base = value_of(provide_layer(objects, capture(home, folder.path()), Below::nothing));
  write_file(folder.path() / "many/3/13", "edited");
  write_file(folder.path() / "new/x", "new");
  const auto edited = capture(home, folder.path());
  const Layer layer = value_of(provide_layer(objects, edited, Below::nothing));
  REQUIRE(layer.names.size() == 2);
  CHECK(layer.names.back() == base.names.front());
  const Path at = layers_folder(home.home()) / layer.names.front();
  CHECK(*read_file(at / "many/3/13") == "edited");
  CHECK(*read_file(at / "new/x") == "new");
  CHECK_FALSE(fs::exists(at / "many/4"));
  CHECK_FALSE(fs::exists(at / "many/3/23"));
  // It is found again, and is no base itself.
  CHECK(value_of(provide_layer(objects, edited, Below::nothing)).names == layer.names);
  write_file(folder.path() / "new/x", "newer");
  const auto again = value_of(provide_layer(objects, capture(home, folder.path()), Below::nothing));
  CHECK(again.names.back() == base.names.front());
}

TEST_CASE("over other layers nothing is hidden that the tree itself would show") {
  const TestHome home;
  const ObjectStore objects(home.home());
  const auto folder = make_test_folder();
  write_many(folder.path());
  const Layer base = value_of(provide_layer(objects, capture(home, folder.path()), Below::others));
  const auto layers_of = [&] {
    const auto tree = capture(home, folder.path());
    return value_of(provide_layer(objects, tree, Below::others)).names.size();
  };
  write_file(folder.path() / "many/3/13", "edited");
  CHECK(layers_of() == 2);
  fs::remove(folder.path() / "many/3/13");
  CHECK(layers_of() == 1);
}

TEST_CASE("a tree that differs much is a layer of its own, and so is a small one") {
  const TestHome home;
  const ObjectStore objects(home.home());
  const auto folder = make_test_folder();
  const auto layers_of = [&] {
    const auto tree = capture(home, folder.path());
    return value_of(provide_layer(objects, tree, Below::nothing)).names.size();
  };
  write_file(folder.path() / "x", "1");
  CHECK(layers_of() == 1);
  write_file(folder.path() / "x", "2");
  CHECK(layers_of() == 1);
  write_many(folder.path());
  CHECK(layers_of() == 1);
  for (int i = 0; i < 60; ++i)
    write_file(folder.path() / "others" / std::to_string(i), "");
  CHECK(layers_of() == 1);
  fs::remove_all(folder.path() / "others");
  write_file(folder.path() / "x", "3");
  CHECK(layers_of() == 2);
}

TEST_CASE("a difference whose base has gone is made anew") {
  const TestHome home;
  const ObjectStore objects(home.home());
  const auto folder = make_test_folder();
  write_many(folder.path());
  const auto before = capture(home, folder.path());
  const std::string base = value_of(provide_layer(objects, before, Below::nothing)).names.front();
  write_file(folder.path() / "x", "1");
  const auto edited = capture(home, folder.path());
  REQUIRE(value_of(provide_layer(objects, edited, Below::nothing)).names.size() == 2);
  REQUIRE(remove_tree(layers_folder(home.home()) / base));
  CHECK(value_of(provide_layer(objects, edited, Below::nothing)).names.size() == 1);
}

TEST_CASE("what was laid out before damage was found is not used again") {
  const TestHome home;
  const auto folder = make_test_folder();
  const auto tree = capture_example(home, folder.path());
  const ObjectStore objects(home.home());
  const Layer before = value_of(provide_layer(objects, tree, Below::nothing));
  // Under its second name, too, the object has what was written to it.
  const std::string bytes(100'000, 'x');
  const Path object = objects.blob_path(sha256(bytes), false);
  {
    const Fd file = value_of(open_file(object.string(), O_WRONLY));
    REQUIRE(::pwrite(file.get(), "y", 1, 5) == 1);
  }
  CHECK_FALSE(objects.read_blob(sha256(bytes)));

  CHECK(failure_of(provide_layer(objects, tree, Below::nothing)).code == ErrorCode::damaged);
  CHECK(capture(home, folder.path()).tree == tree.tree);
  const Layer after = value_of(provide_layer(objects, tree, Below::nothing));
  CHECK(after.names != before.names);
  CHECK(*read_file(layers_folder(home.home()) / after.names.front() / "large") == bytes);
}

TEST_CASE("a layer whose large file was written to is laid out anew, and the damage is found") {
  const TestHome home;
  const auto folder = make_test_folder();
  const auto tree = capture_example(home, folder.path());
  const ObjectStore objects(home.home());
  const Layer before = value_of(provide_layer(objects, tree, Below::nothing));
  const Path object = objects.blob_path(sha256(std::string(100'000, 'x')), false);
  if (GENERATE(true, false)) {
    const Fd file = value_of(open_file(object.string(), O_WRONLY));
    REQUIRE(::pwrite(file.get(), "y", 1, 5) == 1);
  } else {
    fs::resize_file(object, 99'999);
  }
  const Error error = failure_of(provide_layer(objects, tree, Below::nothing));
  CHECK(error.code == ErrorCode::damaged);
  CHECK_THAT(error.message, Catch::Contains("'large'") && Catch::Contains(object.string()));
  CHECK(capture(home, folder.path()).tree == tree.tree);
  CHECK(value_of(provide_layer(objects, tree, Below::nothing)).names != before.names);
}
