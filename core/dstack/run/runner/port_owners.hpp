// Whose a port of a job is at this moment. A reservation keeps away other jobs, and no program: a
// user of the machine who listens first would be asked instead of the job, with its token, and get
// the cookies of the browser.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/process/sock_diag.hpp"
#include "dstack/run/protocol/job_order.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::run {

/// Who listens at a port of 127.0.0.1, or of ::1, to which browsers go first by name.
struct PortOwner {
  enum class Kind {
    nobody,
    job,
    stranger,  ///< also where the job listens, too: which of both is reached cannot be said
  };

  Kind kind = Kind::nobody;
  std::uint64_t listener = 0;  ///< of the job at 127.0.0.1: the inode of its socket
  bool has_ipv6 = false;       ///< the job listens at ::1, too
  std::string stranger = {};   ///< "user 'nobody' (process 4711, 'nc')"
};

/// "port 20418 of the job is used by …, who got there first".
std::string describe_stranger(std::uint16_t port, const PortOwner& owner);

/// The listeners at the ports of one job. For the runner's one thread.
class PortOwners {
 public:
  /// Before the runner enters a user namespace, in which the numbers of other users are unknown.
  /// Nothing is asked for a job without ports. Where the kernel tells nothing, neither does this.
  static PortOwners of(const JobOrder& order);
  PortOwners() = default;

  /// The job's are the processes below this one, and others with its JOB_ID; and any process of
  /// this user's where /proc does not show who has the socket. A container's port is opened by its
  /// engine: as this user, or root. Nothing: it cannot be told.
  std::optional<PortOwner> look(std::uint16_t port) const;

  /// The sentence on the first port at which somebody listens though the job does not: before it
  /// is started, or once it is over. Empty: there is none.
  std::string taken() const;

  /// Whether whom nobody listens for may all the same answer: engines forward ports without.
  bool is_container() const { return is_container_; }

 private:
  /// Not the job's.
  std::optional<std::string> stranger_at(const process::Listener& listener) const;
  bool has_socket(const process::Listener& listener) const;

  std::optional<process::SocketTable> sockets_;
  std::vector<std::uint16_t> ports_;
  std::string job_;
  uid_t user_ = 0;  ///< by the numbers of where the sockets are listed
  bool is_container_ = false;
};

/// Keeps a port of ::1 from others, without listening: who tries to connect is refused at once and
/// goes on to 127.0.0.1. Empty: there is no IPv6 here. ErrorCode::unavailable: somebody has it.
Result<Fd> keep_ipv6_port(std::uint16_t port);

}  // namespace dstack::run
