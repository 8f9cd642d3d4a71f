#include "dstack/audit/audit_log.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::audit {

namespace {

Path log_file(const files::Home& home) {
  return home.root / "audit.log";
}

Path last_file(const files::Home& home) {
  return home.root / "audit.log.last";
}

Result<Fd> open_private(const Path& path, int flags) {
  DSTACK_TRY(Fd file, open_file(path.string(), flags | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!is_source(file.get()))
    return fail(ErrorCode::unavailable, "'{}' is not a file", path.string());
  return file;
}

/// The last line, without its end. `torn`: it has none.
Result<std::string> last_line(int file, bool& torn) {
  struct stat status;
  if (::fstat(file, &status) != 0)
    return fail_errno("cannot read the audit log");
  std::string text;
  for (std::size_t piece = 4096;; piece *= 4) {
    const auto size = static_cast<std::size_t>(status.st_size);
    const std::size_t begin = size - std::min(size, piece);
    text.resize(size - begin);
    const ssize_t got = ::pread(file, text.data(), text.size(), static_cast<off_t>(begin));
    if (got < 0)
      return fail_errno("cannot read the audit log");
    text.resize(static_cast<std::size_t>(got));
    torn = !text.empty() && text.back() != '\n';
    if (!text.empty() && !torn)
      text.pop_back();
    const std::size_t end = text.rfind('\n');
    if (end != std::string::npos || begin == 0)
      return end == std::string::npos ? text : text.substr(end + 1);
  }
}

/// What the new entry follows: what the file beside the log says, unless it is behind.
Last find_last(int last, const std::string& line) {
  std::string text(86, '\0');
  const ssize_t got = ::pread(last, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  const auto known = parse_last(text);
  if (line.empty())
    return known.value_or(Last());
  const auto json = parse_json(line, "the audit log");
  const auto number = json && json->is_object()
                          ? static_cast<std::uint64_t>(json_integer(*json, "n"))
                          : std::uint64_t{0};
  return last_of(line, std::max(number, known ? known->number : 0));
}

Entry entry_of_process(const std::string& action, Json facts) {
  Entry entry;
  entry.at = now();
  entry.uid = static_cast<std::int64_t>(::getuid());
  if (const auto sudo = environment_variable("SUDO_UID"))
    entry.sudo_uid = parse_number<std::int64_t>(*sudo);
  entry.pid = static_cast<std::int64_t>(::getpid());
  if (environment_variable("JOB_ID"))
    entry.job = environment_variable("RUN_NAME").value_or("");
  entry.action = action;
  entry.facts = std::move(facts);
  return entry;
}

Result<void> append(const files::Home& home, Entry entry) {
  DSTACK_TRY(const Fd log, open_private(log_file(home), O_RDWR | O_CREAT | O_APPEND));
  DSTACK_TRY(const bool locked, lock_exclusive(log.get(), Wait::yes));
  if (!locked)
    return fail(ErrorCode::unavailable, "the audit log cannot be locked");
  DSTACK_TRY(const Fd last, open_private(last_file(home), O_RDWR | O_CREAT));
  bool torn = false;
  DSTACK_TRY(const std::string before, last_line(log.get(), torn));
  const std::string line = render(entry, find_last(last.get(), before));
  // In one call: of two, a kill might leave the first.
  DSTACK_CHECK(write_all(log.get(), (torn ? "\n" : "") + line + "\n"));
  const std::string text = render(last_of(line, entry.number));
  if (::pwrite(last.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return fail_errno("cannot write '{}'", last_file(home).string());
  return {};
}

}  // namespace

void note(const files::Home& home, const std::string& action, Json facts) {
  if (const auto added = append(home, entry_of_process(action, std::move(facts))); !added)
    log::warning(
        fmt::format("the audit log lacks '{}': {}", action, dstack::render(added.error())));
}

Result<Reading> read(const files::Home& home) {
  boost::system::error_code error;
  if (!fs::exists(log_file(home), error) && !fs::exists(last_file(home), error))
    return Reading();
  std::string text;
  std::optional<Last> last;
  if (const auto log = open_private(log_file(home), O_RDONLY); log) {
    DSTACK_TRY(const bool locked, lock_exclusive(log->get(), Wait::yes));
    (void)locked;  // it waits
    DSTACK_TRY(text, read_all(log->get()));
    if (const auto file = read_file(last_file(home)))
      last = parse_last(*file);
  } else if (log.error().number != ENOENT) {
    return Failure(log.error());
  } else if (const auto file = read_file(last_file(home))) {
    last = parse_last(*file);
  }
  return read_chain(text, last);
}

}  // namespace dstack::audit
