// Programs that jobs need and no package index has: the installed one, else a pinned release of
// their project, downloaded once, checked and kept. Currently VS Code for the browser.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/python/python.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::python {

/// An archive (tar.gz) with the program in `bin/` of its one folder.
struct Release {
  std::string version;
  std::string url;
  std::string sha256;  ///< 64 hexadecimal digits
};

struct Tool {
  Path program;          ///< absolute
  std::string variable;  ///< passes its path to the job: "DSTACK_TOOL_CODE_SERVER"
  /// Where this program differs from the requested tool: the path of its health check, and the
  /// parameter of its address that takes a token.
  std::string health;
  std::string token_query;
};

/// `wanted`: "code-server", or "code-server==4.108.2" or "code-server==4.*". Looks in the PATH,
/// also for openvscode-server if no version is named; then for an earlier download; then downloads
/// `configured` if the operator names a release, else the pinned one. The downloading program's
/// output goes to `output_fd`; `about_to_fetch` is called before it starts. Safe when two jobs want
/// the same one at once, or one dies half-way.
Result<Tool> provide_tool(std::string_view wanted,
                          const std::optional<Release>& configured,
                          const files::Home& home,
                          const Lookup& environment,
                          int output_fd,
                          const std::function<void()>& about_to_fetch);

}  // namespace dstack::python
