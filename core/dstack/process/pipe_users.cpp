#include "dstack/process/pipe_users.hpp"

#include "dstack/base/format.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/kill_all.hpp"

#include <array>
#include <string>

#include <dirent.h>
#include <unistd.h>

namespace dstack::process {

namespace {

bool has_open(const std::string& process, const std::string& wanted) {
  const std::string folder = fmt::format("/proc/{}/fd/", process);
  DIR* descriptors = ::opendir(folder.c_str());
  if (descriptors == nullptr)
    return false;
  bool found = false;
  std::array<char, 64> target{};
  while (const dirent* entry = found ? nullptr : ::readdir(descriptors)) {
    const ssize_t size = ::readlink((folder + entry->d_name).c_str(), target.data(), target.size());
    found = size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == wanted;
  }
  ::closedir(descriptors);
  return found;
}

}  // namespace

std::vector<pid_t> with_pipe(std::uint64_t inode) {
  const std::string wanted = fmt::format("pipe:[{}]", inode);
  std::vector<pid_t> found;
  DIR* processes = ::opendir("/proc");
  if (processes == nullptr)
    return found;
  while (const dirent* entry = ::readdir(processes))
    if (const auto pid = parse_number<pid_t>(entry->d_name); pid && has_open(entry->d_name, wanted))
      found.push_back(*pid);
  ::closedir(processes);
  return found;
}

void kill_users_of_pipe(std::uint64_t inode) {
  kill_all([&] { return with_pipe(inode); });
}

}  // namespace dstack::process
