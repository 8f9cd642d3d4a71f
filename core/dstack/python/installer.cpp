#include "dstack/python/installer.hpp"

#include "dstack/base/stop_flag.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/tree.hpp"
#include "dstack/secrets/masker.hpp"

#include <array>
#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace dstack::python {

namespace {

constexpr std::size_t most_lines = 20;
constexpr std::size_t longest_line = 2000;

/// Splits a stream into lines and keeps the last ones.
class Tail {
 public:
  Tail(std::string cut_out, const std::function<void(std::string_view)>& on_line)
      : cut_out_(std::move(cut_out)), on_line_(on_line) {}

  void add(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n')
        end_line();
      else if (returned_)
        line_.clear();  // progress that is overwritten
      returned_ = c == '\r';
      if (c != '\n' && c != '\r' && line_.size() < longest_line)
        line_ += c;
    }
  }

  std::deque<std::string> finish() {
    end_line();
    return std::move(lines_);
  }

 private:
  void end_line() {
    for (std::size_t at = line_.find(cut_out_); at != std::string::npos;
         at = line_.find(cut_out_, at))
      line_.erase(at, cut_out_.size());
    if (!trim(line_).empty())
      lines_.push_back(line_);
    if (on_line_)
      on_line_(line_);
    if (lines_.size() > most_lines)
      lines_.pop_front();
    line_.clear();
  }

  std::string cut_out_;
  const std::function<void(std::string_view)>& on_line_;
  std::string line_;
  bool returned_ = false;
  std::deque<std::string> lines_;
};

/// What an installer prints, on its way to the log, masked.
class Output {
 public:
  explicit Output(const InstallContext& context)
      : fd_(context.output_fd), tail_(context.stage.string() + "/", context.on_line) {
    if (secrets::Needles needles(context.hidden); !needles.empty())
      masker_.emplace(std::move(needles));
  }

  void add(std::string_view bytes) { pass_on(masker_ ? masker_->take(bytes) : bytes); }

  std::deque<std::string> finish() {
    if (masker_)
      pass_on(masker_->finish());
    return tail_.finish();
  }

 private:
  void pass_on(std::string_view bytes) {
    tail_.add(bytes);
    if (fd_ >= 0 && !bytes.empty())
      (void)write_all(fd_, bytes);  // a log that cannot be written does not stop an installation
  }

  int fd_;
  Tail tail_;
  std::optional<secrets::Masker> masker_;
};

/// Passes on what can be read now; false at the end of the stream.
bool read_available(int from, Output& output) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = ::read(from, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return count < 0 && errno == EAGAIN;
    output.add({buffer.data(), static_cast<std::size_t>(count)});
  }
}

}  // namespace

void InstallContext::say(std::string_view line) const {
  if (output_fd >= 0)
    (void)write_all(output_fd, std::string(line) + "\n");
  if (job_fd >= 0)  // after the line of the progress, which goes on below
    (void)write_all(job_fd, fmt::format("\n{}\n", line));
}

Result<Transcript> run_installer(const InstallContext& context, std::vector<std::string> argv) {
  DSTACK_TRY(Pipe pipe, make_pipe());
  process::Command command;
  command.argv = std::move(argv);
  command.environment = context.environment;
  command.working_dir = context.stage.string();
  command.descriptors = {{1, pipe.write_end.get()}, {2, pipe.write_end.get()}};
  if (context.lock_fd >= 0)
    command.descriptors.emplace_back(3, context.lock_fd);
  DSTACK_TRY(process::Child child, process::spawn(command));
  pipe.write_end.reset();
  ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
  Output output(context);
  bool has_ended = false;
  while (read_available(pipe.read_end.get(), output) && !has_ended) {
    // A compiler's server may outlive the installation with the pipe open: only the child's end
    // counts.
    std::array<pollfd, 2> polled = {pollfd{pipe.read_end.get(), POLLIN, 0},
                                    pollfd{child.pidfd(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), -1);
    has_ended = polled[1].revents != 0;
  }
  if (has_ended)
    (void)read_available(pipe.read_end.get(), output);
  const process::ExitStatus status = child.wait();
  if (stop_is_asked()) {
    process::wait_for_descendants();  // they write where the caller is about to clean up
    return fail_stopped();
  }
  return Transcript{status, output.finish()};
}

}  // namespace dstack::python
