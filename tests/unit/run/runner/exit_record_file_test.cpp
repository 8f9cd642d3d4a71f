#include "dstack/run/runner/exit_record_file.hpp"

#include "dstack/run/protocol/file_names.hpp"
#include "support/catch.hpp"

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::run;

namespace {

struct Fixture {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path());

  Result<ExitRecord> read() const {
    DSTACK_TRY(const std::string text, read_file(folder.path() / file_names::exit_record));
    return parse_exit_record(text);
  }
};

}  // namespace

TEST_CASE("the room of an exit record is taken before it is written, and its name given after") {
  const Fixture fixture;
  auto file = ExitRecordFile::reserve(fixture.folder.path());
  REQUIRE(file);

  struct stat status {};

  REQUIRE(::stat((fixture.folder.path() / file_names::reserved_record).c_str(), &status) == 0);
  CHECK(status.st_blocks * 512 >= 16 * 1024);
  CHECK_FALSE(fixture.read());

  ExitRecord record;
  record.number = 3;
  record.warnings = {std::string(100'000, 'x')};
  const auto durable = GENERATE(Durable::no, Durable::content);
  REQUIRE(file->write(record, durable));
  const auto read = fixture.read();
  REQUIRE(read);
  CHECK(*read == record);
  CHECK_FALSE(fs::exists(fixture.folder.path() / file_names::reserved_record));
}

TEST_CASE("a record that could not be put in place can be written again") {
  const Fixture fixture;
  auto file = ExitRecordFile::reserve(fixture.folder.path());
  REQUIRE(file);
  ExitRecord record;
  record.message = "a long one";
  REQUIRE(make_folders(fixture.folder.path() / file_names::exit_record / "in the way"));
  const auto refused = file->write(record, Durable::no);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Catch::Contains("exit.json"));

  REQUIRE(remove_tree(fixture.folder.path() / file_names::exit_record));
  record.message = "short";
  REQUIRE(file->write(record, Durable::no));
  CHECK(fixture.read()->message == "short");
}
