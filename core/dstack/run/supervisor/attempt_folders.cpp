#include "dstack/run/supervisor/attempt_folders.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/protocol/workspace.hpp"
#include "dstack/run/supervisor/orphan_cleanup.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::run {

namespace {

bool is_absence(const Error& error) {
  return files::is_missing(error.number);
}

Result<std::optional<std::string>> read_if_there(const Path& file) {
  auto text = read_file(file);
  if (text)
    return std::optional(*std::move(text));
  if (is_absence(text.error()))
    return std::optional<std::string>();
  return fail(std::move(text).error());
}

Result<bool> is_there(const Path& path) {
  if (::access(path.c_str(), F_OK) == 0)
    return true;
  if (files::is_missing(errno))
    return false;
  return fail_errno("cannot look at '{}'", path.string());
}

}  // namespace

AttemptFolders::AttemptFolders(files::Home home, const RunOrder& order)
    : home_(std::move(home)), order_(order) {}

Path AttemptFolders::folder(std::size_t job, std::size_t attempt) const {
  return attempt_folder(home_, order_.plan.run_name, job, attempt);
}

Result<std::size_t> AttemptFolders::newest(std::size_t job) const {
  for (std::size_t attempt = 0;; ++attempt) {
    DSTACK_TRY(const bool has_begun, is_there(folder(job, attempt + 1)));
    if (!has_begun)
      return attempt;
  }
}

Result<bool> AttemptFolders::locked(std::size_t job, std::size_t attempt) const {
  const auto lock = open_file((folder(job, attempt) / file_names::lock).string(), O_RDWR);
  if (!lock && is_absence(lock.error()))
    return false;
  if (!lock)
    return fail(lock.error());
  DSTACK_TRY(const bool taken, lock_exclusive(lock->get(), Wait::no));
  return !taken;
}

Result<std::optional<ExitRecord>> AttemptFolders::record(std::size_t job,
                                                         std::size_t attempt) const {
  DSTACK_TRY(const auto text, read_if_there(folder(job, attempt) / file_names::exit_record));
  if (!text)
    return std::optional<ExitRecord>();
  auto record = parse_exit_record(*text);
  const bool is_ours = record && (record->job.empty() || record->job == order_.job_ids[job]);
  return is_ours ? std::optional(*std::move(record)) : std::nullopt;
}

Result<std::vector<std::uint16_t>> AttemptFolders::ports(std::size_t job,
                                                         std::size_t attempt) const {
  DSTACK_TRY(const auto text, read_if_there(folder(job, attempt) / file_names::ports));
  std::vector<std::uint16_t> ports;
  for (const std::string_view word : split(trim(text.value_or("")), ' '))
    if (const auto port = parse_number<std::uint16_t>(word))
      ports.push_back(*port);
  return ports;
}

Result<std::vector<std::string>> AttemptFolders::messages(std::size_t job,
                                                          std::size_t attempt) const {
  DSTACK_TRY(const auto read, read_if_there(folder(job, attempt) / file_names::states));
  const std::string text = read.value_or("");
  std::vector<std::string> messages;
  for (const std::string_view line : split(text, '\n'))
    messages.emplace_back(line);
  return messages;
}

Result<Trace> AttemptFolders::look(std::size_t job, std::size_t attempt) const {
  // In this order: a runner writes its record before it releases its lock.
  DSTACK_TRY(const bool is_alive, locked(job, attempt));
  if (is_alive)
    return Trace::alive;
  DSTACK_TRY(const auto end, record(job, attempt));
  if (end)
    return Trace::ended;
  DSTACK_TRY(const bool began, is_there(folder(job, attempt) / file_names::runner));
  return began ? Trace::lost : Trace::none;
}

Fd AttemptFolders::open_runner(std::size_t job, std::size_t attempt) const {
  const Path held = folder(job, attempt) / file_names::lock;
  return process::open_holder(folder(job, attempt) / file_names::runner, held);
}

Fd AttemptFolders::find_runner(std::size_t job, std::size_t attempt) const {
  Fd named = open_runner(job, attempt);
  return named ? std::move(named)
               : process::find_holder(folder(job, attempt) / file_names::lock, runner_role);
}

Result<void> AttemptFolders::end_orphans(std::size_t job, std::size_t attempt) {
  return run::end_orphans(home_, order_, job, attempt);
}

void AttemptFolders::remove_workspace(std::size_t job, std::size_t attempt) {
  (void)run::remove_workspace(folder(job, attempt));
}

}  // namespace dstack::run
