// How an application of Python's is started: by a few lines that run in its own process before it.
// They let it report where it serves, which its user's configuration may have changed, and they
// keep tokens off the command line. Part of the providers of applications; uses only the SDK.
#pragma once

#include <string>

#include <dstack/provider.hpp>

namespace apps {

/// What all of them begin with. serves() writes the file that the runner reads;
/// `host` is the name that browsers use. A module of the
/// project's never hides one of Python's own: `python -c` would look in the working directory
/// first.
inline constexpr const char* launcher_basis = R"py(import sys
if sys.path and sys.path[0] == "":
    del sys.path[0]
import os, runpy, threading, time
port = int(os.environ["JOB_PORT_0"])
folder = os.environ["DSTACK_JOB_DIR"]
with open(folder + "/host_0") as file:
    host = file.read().strip()
def serves(tls, base):
    address = "http%s://127.0.0.1:%d/%s\n" % ("s" if tls else "", port, base.strip("/"))
    with open(folder + "/address_0.part", "w") as file:
        file.write(address)
    os.rename(folder + "/address_0.part", folder + "/address_0")
)py";

/// `python -c …`; `code` has no apostrophe, so that it can be read in a plan.
inline std::string launch(const std::string& code) {
  return "exec python -c '" + std::string(launcher_basis) + code + "' ";
}

}  // namespace apps
