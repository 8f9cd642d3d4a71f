#include "dstack/provider/host/calls.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/provider/host/child_protocol.hpp"
#include "dstack/provider/host/replies.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::provider {

namespace {

constexpr std::uint64_t largest_reply = 256u << 20;

Result<Fd> memory_file(const char* name) {
  Fd file(::memfd_create(name, MFD_CLOEXEC));
  if (!file)
    return fail_errno("cannot make a file in memory");
  return file;
}

Result<Fd> write_requests(const std::vector<PlanRequest>& requests) {
  std::string text = "[";
  for (const PlanRequest& request : requests) {
    text += text.size() > 1 ? ",{\"name\":" : "{\"name\":";
    text += fmt::format(
        "{},\"properties\":{}}}", render_json(request.workflow), render_json(request.properties));
  }
  text += "]";
  DSTACK_TRY(Fd file, memory_file("dstack-request"));
  DSTACK_CHECK(write_all(file.get(), text));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

/// The file that both processes have: see child_protocol.hpp.
class ReplyFile {
 public:
  static Result<ReplyFile> make() {
    DSTACK_TRY(Fd file, memory_file("dstack-reply"));
    void* memory = MAP_FAILED;
    if (::ftruncate(file.get(), reply_offset) == 0)
      memory = ::mmap(nullptr, reply_offset, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED)
      return fail_errno("cannot share memory with a child");
    return ReplyFile(std::move(file), static_cast<Progress*>(memory));
  }

  ReplyFile(ReplyFile&& other) noexcept
      : file_(std::move(other.file_)), progress_(std::exchange(other.progress_, nullptr)) {}

  ReplyFile(const ReplyFile&) = delete;
  ReplyFile& operator=(const ReplyFile&) = delete;

  ~ReplyFile() {
    if (progress_ != nullptr)
      ::munmap(progress_, reply_offset);
  }

  int fd() const { return file_.get(); }

  const Progress& progress() const { return *progress_; }

  /// Nothing when the child has not finished one.
  std::optional<std::string> read() const {
    const std::uint64_t size = progress_->reply_size;
    if (size == 0 || size > largest_reply || size > size_of_file())
      return std::nullopt;
    std::string text(size, '\0');
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t count = ::pread(
          fd(), text.data() + done, text.size() - done, static_cast<off_t>(reply_offset + done));
      if (count <= 0)
        return std::nullopt;
      done += static_cast<std::size_t>(count);
    }
    return text;
  }

 private:
  ReplyFile(Fd file, Progress* progress) : file_(std::move(file)), progress_(progress) {}

  /// Before as much memory is allocated as the child says.
  std::uint64_t size_of_file() const {
    struct stat status {};

    return ::fstat(fd(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  }

  Fd file_;
  Progress* progress_;
};

Result<process::Child> start_child(const Candidate& provider, int request_fd, int reply_fd) {
  process::Command command;
  command.argv = {
      "dstack", "provider-host", provider.path.string(), std::to_string(reply_descriptor)};
  command.program = process::own_program;
  command.group = process::Group::own_group;
  command.descriptors = {{0, request_fd}, {reply_descriptor, reply_fd}};
  if (::fcntl(STDERR_FILENO, F_GETFD) >= 0) {
    command.descriptors.emplace_back(STDOUT_FILENO, STDERR_FILENO);
    command.descriptors.emplace_back(STDERR_FILENO, STDERR_FILENO);
  }
  return process::spawn(command);
}

/// The time limit of the child's current step, and its deadline.
struct Limit {
  std::chrono::milliseconds patience;
  std::int64_t until_ns;
};

Limit current_limit(const Progress& progress, const Deadlines& deadlines, std::int64_t started_ns) {
  const std::chrono::milliseconds patience = progress.step == 0 ? deadlines.load : deadlines.call;
  const std::int64_t since = progress.since_ns;
  const std::int64_t begin = since == 0 ? started_ns : since;
  return {patience, begin + std::chrono::nanoseconds(patience).count()};
}

/// Waits for the end of the child. What it took too long for, or nothing.
std::optional<std::chrono::milliseconds> wait_for_end(const process::Child& child,
                                                      const Progress& progress,
                                                      const Deadlines& deadlines) {
  const std::int64_t started = steady_ns();
  for (;;) {
    const Limit limit = current_limit(progress, deadlines, started);
    const std::int64_t left_ms = (limit.until_ns - steady_ns() + 999'999) / 1'000'000;
    if (left_ms <= 0)
      return limit.patience;
    // The child may begin with what has a shorter limit at any time, so this looks again in time
    // for either.
    const std::int64_t shorter_ms = std::min(deadlines.load, deadlines.call).count() + 1;
    pollfd polled{child.pidfd(), POLLIN, 0};
    if (::poll(&polled,
               1,
               static_cast<int>(std::min({left_ms, shorter_ms, std::int64_t{60'000}}))) > 0)
      return std::nullopt;
  }
}

/// What the library was doing when it failed.
std::string doing(const Progress& progress, const std::vector<PlanRequest>& requests) {
  const std::uint64_t step = progress.step;
  if (step == 0 || step > requests.size())
    return "while it was loaded";
  return while_planning(requests[step - 1].workflow);
}

std::string describe_end(const process::ExitStatus& status) {
  if (const auto* signaled = std::get_if<process::Signaled>(&status))
    return fmt::format("crashed with {}", process::signal_name(signaled->signal));
  return fmt::format("ended the process with {}", process::render(status));
}

/// The life of one child.
Result<std::vector<PlanReply>> ask_child(const Candidate& provider,
                                         const std::vector<PlanRequest>& requests,
                                         const Deadlines& deadlines) {
  DSTACK_TRY(const Fd request_file, write_requests(requests));
  DSTACK_TRY(const ReplyFile reply_file, ReplyFile::make());
  DSTACK_TRY(process::Child child, start_child(provider, request_file.get(), reply_file.fd()));
  const auto too_long = wait_for_end(child, reply_file.progress(), deadlines);
  // The whole group, before its leader is reaped: so long the number is nobody else's.
  ::kill(-child.pid(), SIGKILL);
  if (too_long)
    child.signal(SIGKILL);  // should it have left its group
  const process::ExitStatus status = child.wait();

  if (too_long)
    return fault(provider,
                 fmt::format("did not answer within {} {}",
                             render_duration(*too_long),
                             doing(reply_file.progress(), requests)));
  if (reply_file.progress().reply_size == reply_failed)
    return fault(provider,
                 fmt::format("closed the descriptors of its host {}",
                             doing(reply_file.progress(), requests)));
  const std::optional<std::string> text = reply_file.read();
  if (!process::succeeded(status) || !text)
    return fault(
        provider,
        fmt::format("{} {}", describe_end(status), doing(reply_file.progress(), requests)));
  return parse_replies(provider, *text, requests);
}

}  // namespace

Result<std::vector<PlanReply>> plan_jobs(const Candidate& provider,
                                         const std::vector<PlanRequest>& requests,
                                         const Deadlines& deadlines) {
  if (requests.empty())
    return std::vector<PlanReply>();
  if (provider.status == CandidateStatus::refused)
    return fail(ErrorCode::unavailable,
                "provider '{}' ({}) cannot be used: {}",
                provider.name,
                provider.path.string(),
                provider.reason);
  return ask_child(provider, requests, deadlines);
}

Result<void> try_provider(const Candidate& provider, const Deadlines& deadlines) {
  DSTACK_CHECK(ask_child(provider, {}, deadlines));
  return {};
}

}  // namespace dstack::provider
