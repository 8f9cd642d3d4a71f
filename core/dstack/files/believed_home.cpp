#include "dstack/files/believed_home.hpp"

#include "dstack/trust/belief.hpp"

namespace dstack::files {

Result<void> believe_home(const Home& home) {
  return trust::believe(
             fmt::format("the home '{}'", home.root.string()),
             home.root,
             trust::Kind::folder,
             home.root)
      .map_error([](Error error) {
        error.hint = fmt::format("set DSTACK_HOME to a folder of your own; {}", error.hint);
        return error;
      });
}

}  // namespace dstack::files
