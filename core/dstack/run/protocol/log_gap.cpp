#include "dstack/run/protocol/log_gap.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace dstack::run {

Result<std::optional<LogGap>> read_log_gap(const Path& job_folder) {
  const auto text = read_file(job_folder / file_names::log_gap);
  if (!text && files::is_missing(text.error().number))
    return std::optional<LogGap>();
  if (!text)
    return fail(text.error());
  const auto words = split(trim(*text), ' ');
  const auto begin = words.size() == 2 ? parse_number<std::uint64_t>(words[0]) : std::nullopt;
  const auto end = words.size() == 2 ? parse_number<std::uint64_t>(words[1]) : std::nullopt;
  if (!begin || !end || *begin >= *end)
    return std::optional<LogGap>();
  return std::optional(LogGap{*begin, *end});
}

Result<void> write_log_gap(const Path& job_folder, const LogGap& gap) {
  const std::string path = (job_folder / file_names::log_gap).string();
  DSTACK_TRY(const Fd file, open_file(path, O_WRONLY | O_CREAT, 0600));
  // Of one length, so that a reader finds the old numbers or the new.
  const std::string text = fmt::format("{:020} {:020}\n", gap.begin, gap.end);
  if (::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return fail_errno("cannot write '{}'", path);
  return {};
}

std::string describe_log_gap(const LogGap& gap) {
  return fmt::format("dstack: {} bytes ({}) of output are left out here: see 'log_limit'\n",
                     gap.size(),
                     render_size(gap.size()));
}

}  // namespace dstack::run
