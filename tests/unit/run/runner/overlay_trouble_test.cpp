// What programs say when a workspace in layers is the reason of their failure
// (dstack/run/runner/overlay_trouble.hpp).
#include "dstack/run/runner/overlay_trouble.hpp"

#include "support/catch.hpp"

using dstack::overlay::Access;
using dstack::run::explain_overlay_trouble;

TEST_CASE("a refused rename is recognized by the messages of many programs") {
  for (const char* line : {"OSError: [Errno 18] Invalid cross-device link: 'a' -> 'b'",
                           "Error: EXDEV: cross-device link not permitted, rename 'a' -> 'b'",
                           "rename a b: invalid cross-device link",
                           "Cross-device link (os error 18)"}) {
    INFO(line);
    CHECK(explain_overlay_trouble(line, Access::root).find("'workspace: copy'") !=
          std::string::npos);
    CHECK(explain_overlay_trouble(line, Access::user).find("(EXDEV)") != std::string::npos);
  }
}

TEST_CASE("owners that are not trusted are explained in a user namespace alone") {
  for (const char* line :
       {"Bad owner or permissions on /etc/ssh/ssh_config.d/20-systemd-ssh-proxy.conf",
        "sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set",
        "sudo: /etc/sudo.conf is owned by uid 65534, should be 0"}) {
    INFO(line);
    CHECK(explain_overlay_trouble(line, Access::user).find("user namespace") != std::string::npos);
    CHECK(explain_overlay_trouble(line, Access::root).empty());
  }
}

TEST_CASE("other failures are not explained by the workspace") {
  CHECK(explain_overlay_trouble("", Access::user).empty());
  CHECK(explain_overlay_trouble("OSError: [Errno 39] Directory not empty: 'a' -> 'b'", Access::user)
            .empty());
}
