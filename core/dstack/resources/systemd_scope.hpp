// A control group of the job's own where the user may make none: the user's service manager makes
// one, a scope that is delegated to its processes.
// Source: org.freedesktop.systemd1(5), systemd.scope(5), and systemd's "Control Group APIs and
// Delegation".
#pragma once

#include "dstack/resources/cgroup.hpp"

#include <string>
#include <vector>

namespace dstack::resources {

/// Where the system keeps what is asked here; other places are for tests.
struct SystemdPlaces {
  Path runtime;    ///< of the user: "/run/user/1000"
  Path lingering;  ///< has a file for each user whose manager goes on without a login
};

/// Of the calling user.
SystemdPlaces systemd_places();

/// Why the user's manager cannot hold these controllers for a job that may outlive the login;
/// empty: it can. Looks at files alone.
std::string why_no_scope(const Hierarchy& v2,
                         const std::vector<std::string>& controllers,
                         const SystemdPlaces& places);

/// Moves this process, which must be single-threaded, into the group "supervisor" of a new scope
/// with this name, and returns the scope's folder: groups beside that one may be made and limited.
/// The manager removes the scope when the last process has left it. On an error this process is
/// where it was, or in the new scope, and runs on.
Result<Path> enter_scope(const std::string& unit, const SystemdPlaces& places);

}  // namespace dstack::resources
