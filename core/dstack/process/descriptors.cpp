#include "dstack/process/descriptors.hpp"

#include "dstack/base/format.hpp"
#include "dstack/base/text.hpp"

#include <array>
#include <string>

#include <dirent.h>
#include <unistd.h>

namespace dstack::process {

bool has_open(pid_t process, std::string_view named) {
  const std::string folder = fmt::format("/proc/{}/fd/", process);
  DIR* descriptors = ::opendir(folder.c_str());
  if (descriptors == nullptr)
    return false;
  bool found = false;
  std::array<char, 64> target{};
  while (const dirent* entry = found ? nullptr : ::readdir(descriptors)) {
    const ssize_t size = ::readlink((folder + entry->d_name).c_str(), target.data(), target.size());
    found = size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == named;
  }
  ::closedir(descriptors);
  return found;
}

std::vector<pid_t> with_open(std::string_view named) {
  std::vector<pid_t> found;
  DIR* processes = ::opendir("/proc");
  if (processes == nullptr)
    return found;
  while (const dirent* entry = ::readdir(processes))
    if (const auto pid = parse_number<pid_t>(entry->d_name); pid && has_open(*pid, named))
      found.push_back(*pid);
  ::closedir(processes);
  return found;
}

}  // namespace dstack::process
