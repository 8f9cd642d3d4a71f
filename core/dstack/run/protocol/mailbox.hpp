// Messages to a run's supervisor: datagrams to a socket in the run's folder. Messages only wake and
// inform; whatever must not be lost is in a file or in the database, where a later supervisor finds
// it.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/status.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::run {

/// The supervisor's end. One at a time: the holder of run.lock replaces a dead predecessor's.
class Mailbox {
 public:
  static Result<Mailbox> open(const Path& run_folder);

  int fd() const { return socket_.get(); }

  /// The next message; nothing when there is none waiting.
  std::optional<std::string> take();

 private:
  Fd socket_;
};

/// One who has many messages for a mailbox, and the last when no file can be opened any more.
class MailboxSender {
 public:
  static Result<MailboxSender> open(const Path& run_folder);

  /// False when nobody listens. Blocks while the receiver is behind, two seconds at the most.
  Result<bool> send(std::string_view message) const;

 private:
  Path run_folder_;
  Fd folder_;
  Fd socket_;
};

/// False when nobody listens. Blocks while the receiver is behind, two seconds at the most.
bool post(const Path& run_folder, std::string_view message);
/// The same for a message that has to arrive: tries again for a while, and says why it could not be
/// sent. False: nobody listens.
Result<bool> send(const Path& run_folder, std::string_view message);

/// "read again what was requested of this run".
inline constexpr std::string_view wake_message = "wake";

/// The request itself, for a supervisor that cannot read it from the database, because it could not
/// be written there.
struct StopMessage {
  job::StopRequest request = job::StopRequest::stop;
  std::optional<std::size_t> workflow = {};  ///< nothing: the whole run
};

std::string render(const StopMessage& message);
std::optional<StopMessage> parse_stop(std::string_view text);

/// A runner's report on its job; also a line of its `states` file.
struct StateMessage {
  std::size_t job = 0;
  job::Status status = job::Status::running;
  Timestamp at = {};
  std::size_t attempt = 1;
  /// As `at`, by the run's clock; not where an older supervisor gave the order, whose successor may
  /// be as old and refuses a fifth word.
  std::optional<std::chrono::milliseconds> elapsed = {};
};

std::string render(const StateMessage& message);
std::optional<StateMessage> parse_state(std::string_view text);

/// A line of the `states` file alone: the inode of the pipe that a job's processes write to.
std::string render_output_pipe(std::uint64_t inode);
std::optional<std::uint64_t> parse_output_pipe(std::string_view text);

/// Asks the supervisor of a run to start one for another run, which a job of its own has submitted.
std::string render_supervise(const std::string& run);
std::optional<std::string> parse_supervise(std::string_view text);

/// What a runner meets that is not its job's: a full disk, a file that it cannot write. A message
/// alone, because most of it is about files that cannot be written.
struct TroubleMessage {
  enum class Kind {
    waits,     ///< it goes on by itself when that is over; an empty text: it is over
    gives_up,  ///< the last words of a runner that ends without a record
  };

  std::size_t job = 0;
  std::size_t attempt = 1;
  Kind kind = Kind::waits;
  std::string text = {};  ///< a sentence without a full stop
};

std::string render(const TroubleMessage& message);
/// The text of one that waits for room: "disk full: cannot write '…': …".
std::string describe_full_disk(const Error& error);
std::optional<TroubleMessage> parse_trouble(std::string_view text);

/// A runner's report on an application; also a line of its `states` file.
std::string render(const job::Application& app);
std::optional<job::Application> parse_app(std::string_view text);

}  // namespace dstack::run
