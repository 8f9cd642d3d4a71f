#include "dstack/base/error.hpp"

#include <cerrno>
#include <cstring>

#include <sys/resource.h>

namespace dstack {

namespace {

std::string hint_of_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return "too many files are open; raise the limit with 'ulimit -n'";
  return fmt::format(
      "a process may have {} files open here, and all are in use: raise the limit, for example "
      "with 'ulimit -n {}'",
      limit.rlim_cur,
      limit.rlim_cur < 512 ? 1024 : 2 * limit.rlim_cur);
}

}  // namespace

std::string_view SourceText::line(std::uint32_t number) const {
  if (number == 0 || number > line_starts.size())
    return {};
  const std::size_t begin = line_starts[number - 1];
  std::size_t end = number < line_starts.size() ? line_starts[number] : text.size();
  while (end > begin && (text[end - 1] == '\n' || text[end - 1] == '\r'))
    --end;
  return std::string_view(text).substr(begin, end - begin);
}

void SourceText::index_lines() {
  line_starts.assign(1, 0);
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n')
      line_starts.push_back(static_cast<std::uint32_t>(i + 1));
}

std::shared_ptr<const SourceText> make_source_text(std::string name, std::string text) {
  auto source = std::make_shared<SourceText>();
  source->name = std::move(name);
  source->text = std::move(text);
  source->index_lines();
  return source;
}

std::string SourceLocation::render() const {
  const std::string name = source ? source->name : std::string("?");
  return fmt::format("{}:{}:{}", name, line, column);
}

Error&& Error::at(SourceLocation place) && {
  if (place.source)
    where = std::move(place);
  return std::move(*this);
}

Error system_error(int error_number, std::string message) {
  Error error;
  error.number = error_number;
  error.message = fmt::format("{}: {}", message, std::strerror(error_number));
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      error.code = ErrorCode::unavailable;
      error.hint = "free some space on that disk, then run the command again";
      break;
    case EACCES:
    case EPERM:
      error.code = ErrorCode::unavailable;
      error.hint = "check its owner and mode with 'ls -ld'";
      break;
    case EROFS:
      error.code = ErrorCode::unavailable;
      error.hint = "the file system is mounted read-only";
      break;
    case EMFILE:
      error.code = ErrorCode::unavailable;
      error.hint = hint_of_file_limit();
      break;
    case ENFILE:
      error.code = ErrorCode::unavailable;
      error.hint =
          "all programs of this machine together have too many files open; "
          "'/proc/sys/fs/file-max' is the limit";
      break;
    case EAGAIN:
      error.code = ErrorCode::internal;
      error.hint =
          "there may be too many processes and threads: stop some, or raise the limit of the user "
          "('ulimit -u') or that of the container or service (pids.max, TasksMax)";
      break;
    case ENOMEM:
      error.code = ErrorCode::internal;
      error.hint =
          "memory has run out: stop a program that uses much of it, or raise the limit "
          "('ulimit -v' and 'ulimit -d' show it)";
      break;
    default:
      error.code = ErrorCode::internal;
  }
  return error;
}

bool is_disk_full(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT;
}

bool is_disk_full(const Error& error) {
  return is_disk_full(error.number);
}

bool is_transient(const Error& error) {
  switch (error.number) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EIO:
    case EAGAIN:
    case EINTR:
      return true;
    default:
      return false;
  }
}

Error join(std::vector<Error> errors) {
  Error first = std::move(errors.front());
  for (std::size_t i = 1; i < errors.size(); ++i)
    first.also.push_back(std::move(errors[i]));
  return first;
}

std::vector<Error> flatten(Error error) {
  std::vector<Error> also = std::move(error.also);
  error.also.clear();
  std::vector<Error> all;
  all.push_back(std::move(error));
  for (Error& other : also)
    for (Error& flat : flatten(std::move(other)))
      all.push_back(std::move(flat));
  return all;
}

std::string render(const Error& error) {
  std::string text = error.message;
  if (error.where)
    text += fmt::format(" ({})", error.where->render());
  if (!error.hint.empty())
    text += fmt::format("; {}", error.hint);
  return text;
}

}  // namespace dstack
