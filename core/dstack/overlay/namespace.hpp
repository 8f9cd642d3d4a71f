// A mount namespace of a process's own, in which it may mount overlays: as root directly, as any
// other user inside a user namespace, in which it keeps its own number and its own group.
#pragma once

#include "dstack/base/fd.hpp"

#include <string>

namespace dstack::overlay {

enum class Access {
  root,  ///< a mount namespace alone
  user,  ///< in a user namespace: there is no way back
};

/// What the caller can do is not known before it is tried: a kernel may have no user namespaces, a
/// container or a security module may refuse them.
class Namespace {
 public:
  /// Moves the calling process, which must have one thread, into new namespaces. Nothing that is
  /// mounted there is seen outside. unavailable, with the reason: it is where it was.
  static Result<Namespace> enter(Access access);

  Access access() const { return access_; }

  /// Back to where the process was, for which it must again have one thread. Does nothing in a
  /// user namespace.
  void leave() const;

 private:
  Namespace(Access access, Fd outside) : access_(access), outside_(std::move(outside)) {}

  Access access_;
  Fd outside_;
};

/// How the calling process has to go about it: root where it has what mounting takes.
Access usual_access();

/// Why user namespaces are refused here, and what would allow them; empty when no setting of the
/// kernel's says so.
std::string describe_refusal();

}  // namespace dstack::overlay
