// What a `.dockerignore` leaves out of the context of a build. A value; no disk is looked at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dstack::backend {

/// The rules of Docker: a pattern begins at the context's root, with or without a slash; `*` and
/// `?` match within a name, `**` any number of folders; what is below a match is left out, too; `!`
/// takes it back in, and the last rule that matches decides.
class DockerIgnore {
 public:
  DockerIgnore() = default;
  explicit DockerIgnore(std::string_view text);

  /// `path`: normal, from the root of the context.
  bool leaves_out(std::string_view path) const;

 private:
  struct Rule {
    std::vector<std::string> names;
    bool takes_back = false;
  };

  static bool covers(const Rule& rule, const std::vector<std::string_view>& path);

  std::vector<Rule> rules_;
};

}  // namespace dstack::backend
