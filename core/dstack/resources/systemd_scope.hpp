// A control group for a job where the user may not make one: the user's service manager makes a
// scope that is delegated to its processes.
// Source: org.freedesktop.systemd1(5), systemd.scope(5), and systemd's "Control Group APIs and
// Delegation".
#pragma once

#include "dstack/resources/cgroup.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::resources {

/// Paths of the system's files; others are for tests.
struct SystemdPlaces {
  Path runtime;    ///< of the user: "/run/user/1000"
  Path lingering;  ///< has a file for each user whose manager runs without a login
};

/// Of the calling user.
SystemdPlaces systemd_places();

/// Why the user's manager cannot provide these controllers to a job that may outlive the login;
/// empty: it can. Only reads files.
std::string why_no_scope(const Hierarchy& v2,
                         const std::vector<std::string>& controllers,
                         const SystemdPlaces& places);

/// Moves this process, which must be single-threaded, into the group "supervisor" of a new scope
/// with this name, and returns the scope's folder: groups beside that one may be made and limited.
/// The manager removes the scope when the last process has left it. After an error this process is
/// in its old group or in the new scope.
Result<Path> enter_scope(const std::string& unit, const SystemdPlaces& places);

/// The groups in all scopes of the user's manager whose names begin so: what killed processes left
/// there. The manager removes a scope by itself when these are gone.
std::vector<Path> find_scope_groups(const Hierarchy& v2, std::string_view prefix);

}  // namespace dstack::resources
