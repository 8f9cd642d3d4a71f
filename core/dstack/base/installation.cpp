#include "dstack/base/installation.hpp"

namespace dstack {

Path library_folder() {
  boost::system::error_code error;
  const Path program = fs::read_symlink("/proc/self/exe", error);
  return (program.parent_path().parent_path() / "lib" / "dstack").lexically_normal();
}

}  // namespace dstack
