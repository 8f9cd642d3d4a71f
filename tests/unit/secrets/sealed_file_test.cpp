#include "dstack/secrets/sealed_file.hpp"

#include "support/catch.hpp"
#include "support/results.hpp"

#include <sys/stat.h>

using namespace dstack;

namespace {

struct Folder {
  TemporaryFolder temporary = *TemporaryFolder::make(fs::temp_directory_path(), "sealed-");
  Path secrets = temporary.path() / "home" / "secrets";
  Path file = temporary.path() / "texts";
};

}  // namespace

TEST_CASE("a sealed text is read back, and is not in its file") {
  const Folder folder;
  REQUIRE(secrets::write_sealed(folder.secrets, folder.file, "run", "hush hush"));
  REQUIRE(secrets::write_sealed(folder.secrets, folder.file.string() + "2", "run", "other"));

  CHECK(test::value_of(secrets::read_sealed(folder.secrets, folder.file, "run")) == "hush hush");
  CHECK(read_file(folder.file)->find("hush") == std::string::npos);
  struct stat status;
  for (const Path& path : {folder.file, folder.secrets}) {
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 077U) == 0);
  }
}

TEST_CASE("a sealed text that was changed, or is that of another, is not read") {
  const Folder folder;
  REQUIRE(secrets::write_sealed(folder.secrets, folder.file, "run", "hush"));

  CHECK(test::failure_of(secrets::read_sealed(folder.secrets, folder.file, "other")).code ==
        ErrorCode::unavailable);
  std::string bytes = *read_file(folder.file);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  REQUIRE(write_file_atomically(folder.file, bytes, Durable::no));
  CHECK(test::failure_of(secrets::read_sealed(folder.secrets, folder.file, "run")).code ==
        ErrorCode::unavailable);
  REQUIRE(remove_tree(folder.secrets));
  CHECK(test::failure_of(secrets::read_sealed(folder.secrets, folder.file, "run")).code ==
        ErrorCode::not_found);
}
