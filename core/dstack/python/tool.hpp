// Programs that jobs need and no package index has: found where they are installed, else a pinned
// release of their project, fetched once, checked and kept. Now: VS Code for the browser.
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
  std::string variable;  ///< by which the job is told: "DSTACK_TOOL_CODE_SERVER"
  /// Where this program differs from the tool that was asked for: where it says that it works, and
  /// the parameter of its address that takes a token.
  std::string health;
  std::string token_query;
};

/// `wanted`: "code-server", or "code-server==4.108.2" or "code-server==4.*". Looks in the PATH,
/// also for openvscode-server where no version is named; then for what was fetched before; then
/// fetches `configured` where the operator names a release, else the pinned one. The fetching
/// program's words go to `output_fd`; `about_to_fetch` is called before it begins. Safe when two
/// jobs want the same one at once, or one dies half-way.
Result<Tool> provide_tool(std::string_view wanted,
                          const std::optional<Release>& configured,
                          const files::Home& home,
                          const Lookup& environment,
                          int output_fd,
                          const std::function<void()>& about_to_fetch);

}  // namespace dstack::python
