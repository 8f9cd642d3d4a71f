#include "dstack/run/supervisor/attempt_folders.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/protocol/workspace.hpp"
#include "dstack/run/supervisor/orphan_cleanup.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace dstack::run {

AttemptFolders::AttemptFolders(files::Home home, const RunOrder& order)
    : home_(std::move(home)), order_(order) {}

Path AttemptFolders::folder(std::size_t job, std::size_t attempt) const {
  return attempt_folder(home_, order_.plan.run_name, job, attempt);
}

std::size_t AttemptFolders::newest(std::size_t job) const {
  std::size_t attempt = 0;
  while (::access(folder(job, attempt + 1).c_str(), F_OK) == 0)
    ++attempt;
  return attempt;
}

bool AttemptFolders::locked(std::size_t job, std::size_t attempt) const {
  const Fd lock(::open((folder(job, attempt) / file_names::lock).c_str(), O_RDWR | O_CLOEXEC));
  if (!lock)
    return false;
  const auto taken = lock_exclusive(lock.get(), Wait::no);
  return taken && !*taken;
}

std::optional<ExitRecord> AttemptFolders::record(std::size_t job, std::size_t attempt) const {
  const auto text = read_file(folder(job, attempt) / file_names::exit_record);
  if (!text)
    return std::nullopt;
  auto record = parse_exit_record(*text);
  const bool is_ours = record && (record->job.empty() || record->job == order_.job_ids[job]);
  return is_ours ? std::optional(*std::move(record)) : std::nullopt;
}

std::vector<std::uint16_t> AttemptFolders::ports(std::size_t job, std::size_t attempt) const {
  std::vector<std::uint16_t> ports;
  const std::string text = read_file(folder(job, attempt) / file_names::ports).value_or("");
  for (const std::string_view word : split(trim(text), ' '))
    if (const auto port = parse_number<std::uint16_t>(word))
      ports.push_back(*port);
  return ports;
}

std::vector<std::string> AttemptFolders::messages(std::size_t job, std::size_t attempt) const {
  std::vector<std::string> messages;
  const std::string text = read_file(folder(job, attempt) / file_names::states).value_or("");
  for (const std::string_view line : split(text, '\n'))
    messages.emplace_back(line);
  return messages;
}

Trace AttemptFolders::look(std::size_t job, std::size_t attempt) const {
  // In this order: a runner writes its record before it releases its lock.
  if (locked(job, attempt))
    return Trace::alive;
  if (record(job, attempt))
    return Trace::ended;
  return ::access((folder(job, attempt) / file_names::runner).c_str(), F_OK) == 0 ? Trace::lost
                                                                                  : Trace::none;
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
