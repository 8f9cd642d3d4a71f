#include "dstack/process/pipe_users.hpp"

#include "dstack/base/format.hpp"
#include "dstack/process/descriptors.hpp"
#include "dstack/process/kill_all.hpp"

namespace dstack::process {

std::vector<pid_t> with_pipe(std::uint64_t inode) {
  return with_open(fmt::format("pipe:[{}]", inode));
}

void kill_users_of_pipe(std::uint64_t inode) {
  kill_all([&] { return with_pipe(inode); });
}

}  // namespace dstack::process
