#include "dstack/process/tree.hpp"

#include "dstack/base/format.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/process/signal.hpp"

#include <algorithm>
#include <set>
#include <string>

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::process {

namespace {

/// The pipe that a descriptor in /proc is open on; {}: it is none, or nobody may look.
PipeId pipe_at(const std::string& descriptor) {
  struct stat status {};

  if (::stat(descriptor.c_str(), &status) != 0 || !S_ISFIFO(status.st_mode))
    return {};
  return {status.st_dev, status.st_ino};
}

/// The modes of a link in /proc say for what its descriptor is open.
bool is_open_for_writing(const std::string& descriptor) {
  struct stat status {};

  return ::lstat(descriptor.c_str(), &status) == 0 && (status.st_mode & S_IWUSR) != 0;
}

std::vector<PipeId> written_pipes(pid_t pid, const std::set<PipeId>& wanted) {
  std::vector<PipeId> written;
  const std::string folder = fmt::format("/proc/{}/fd/", pid);
  DIR* descriptors = ::opendir(folder.c_str());
  if (descriptors == nullptr)
    return written;
  while (const dirent* entry = ::readdir(descriptors)) {
    const std::string descriptor = folder + entry->d_name;
    if (const PipeId pipe = pipe_at(descriptor);
        wanted.contains(pipe) && is_open_for_writing(descriptor))
      written.push_back(pipe);
  }
  ::closedir(descriptors);
  return written;
}

std::vector<PipeUse> look_at(const std::vector<pid_t>& processes) {
  std::vector<PipeUse> tree;
  std::set<PipeId> inputs;
  for (const pid_t pid : processes) {
    tree.push_back({pid, pipe_at(fmt::format("/proc/{}/fd/0", pid)), {}});
    if (tree.back().input != PipeId())
      inputs.insert(tree.back().input);
  }
  if (!inputs.empty())
    for (PipeUse& one : tree)
      one.written = written_pipes(one.pid, inputs);
  return tree;
}

bool writes(const PipeUse& process, const PipeId& pipe) {
  return std::find(process.written.begin(), process.written.end(), pipe) != process.written.end();
}

}  // namespace

std::vector<pid_t> to_stop(const std::vector<PipeUse>& tree) {
  const auto is_fed_by = [](const PipeUse& reader, const PipeUse& writer) {
    return reader.pid != writer.pid && reader.input != PipeId() && writes(writer, reader.input);
  };
  std::vector<pid_t> stopped;
  std::vector<const PipeUse*> ending;  // they will end; those that they feed follow
  std::set<pid_t> known;
  const auto stop = [&](const PipeUse& process) {
    stopped.push_back(process.pid);
    ending.push_back(&process);
    known.insert(process.pid);
  };
  for (const PipeUse& process : tree)
    if (std::none_of(tree.begin(), tree.end(), [&](const PipeUse& writer) {
          return is_fed_by(process, writer);
        }))
      stop(process);
  for (std::size_t next = 0; next < ending.size(); ++next)
    for (const PipeUse& reader : tree)
      if (is_fed_by(reader, *ending[next]) && known.insert(reader.pid).second)
        ending.push_back(&reader);
  for (const PipeUse& process : tree)
    if (!known.contains(process.pid))
      stop(process);
  return stopped;
}

bool signal_descendants(int number) {
  const pid_t self = ::getpid();
  const std::vector<pid_t> all = descendants(self);
  for (const pid_t pid : all)
    signal_if(pid, number, [&] { return is_descendant(pid, self); });
  return !all.empty();
}

bool stop_descendants(int number) {
  const pid_t self = ::getpid();
  const std::vector<pid_t> all = descendants(self);
  const std::vector<pid_t> stopped = to_stop(look_at(all));
  for (const pid_t pid : all) {
    const bool is_stopped = std::find(stopped.begin(), stopped.end(), pid) != stopped.end();
    signal_if(pid, is_stopped ? number : SIGCONT, [&] { return is_descendant(pid, self); });
  }
  return !all.empty();
}

void wait_for_descendants() {
  constexpr unsigned between_looks = 10'000;  // microseconds
  const auto is_alive = [](pid_t pid) { return identity_of(pid).has_value(); };
  for (;;) {
    const std::vector<pid_t> all = descendants(::getpid());
    if (std::none_of(all.begin(), all.end(), is_alive))
      return;
    ::usleep(between_looks);
  }
}

}  // namespace dstack::process
