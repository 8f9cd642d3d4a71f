// The files of runs, kept in step with their rows.
#include "dstack/base/log.hpp"
#include "dstack/store/records/connection.hpp"
#include "dstack/store/records/rebuild.hpp"
#include "dstack/store/records/run_file.hpp"

#include <sys/stat.h>

namespace dstack::store {

namespace {

std::uint64_t inode_of(const Path& path) {
  struct stat status {};

  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_ino) : 0;
}

}  // namespace

Records::Connection::Connection(Database opened, files::Home its_home)
    : database(std::move(opened)), home(std::move(its_home)), inode(inode_of(home.database())) {}

void Records::keep(RunId run) {
  const auto written = write_run_file(connection_->home, connection_->database, run);
  if (!written)
    log::info(fmt::format("the record of a run was not kept: {}", dstack::render(written.error())));
}

Result<bool> Records::take_over(std::string_view run) {
  const auto file = read_run_file(connection_->home, std::string(run));
  if (!file)
    return false;
  DSTACK_TRY(const std::int64_t steps, steps_on_record(connection_->database, run));
  if (steps >= file->steps)
    return false;
  DSTACK_TRY(Transaction transaction, Transaction::begin(connection_->database));
  DSTACK_CHECK(put_on_record(connection_->database, *file));
  DSTACK_CHECK(transaction.commit());
  return true;
}

Result<void> Records::check_current() const {
  const Path path = connection_->home.database();
  if (inode_of(path) == connection_->inode)
    return {};
  return fail(ErrorCode::damaged,
              "the run database '{}' has been {} since it was opened",
              path.string(),
              inode_of(path) == 0 ? "removed" : "replaced")
      .with_hint("{}", how_to_repair);
}

}  // namespace dstack::store
