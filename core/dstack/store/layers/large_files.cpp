#include "dstack/store/layers/large_files.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/store/objects/packs.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

constexpr std::size_t most_remembered = 4096;

Path list_of(const Path& layer) {
  return layer.string() + ".large";
}

std::string describe(const files::FileState& state) {
  return fmt::format("{} {} ", state.size, state.modified);
}

bool is_large(const files::FoundFile& file) {
  const bool is_file =
      file.state.type == files::EntryType::file || file.state.type == files::EntryType::executable;
  return is_file && file.state.size > largest_packed;
}

/// `line`: what describe() said, and the path.
bool is_as_it_was(int folder, std::string_view line) {
  const std::size_t path = line.find(' ', line.find(' ') + 1) + 1;

  struct stat status {};

  if (path == 0 ||
      ::fstatat(folder, std::string(line.substr(path)).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return false;
  const auto state = files::file_state(status);
  return state && describe(*state) == line.substr(0, path);
}

}  // namespace

Result<void> remember_large_files(const Path& folder, const Path& layer) {
  DSTACK_TRY(const Fd root, open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  DSTACK_TRY(files::Walk walk, files::walk_folder(root.get(), ""));
  std::erase_if(walk.entries, [](const files::FoundFile& file) { return !is_large(file); });
  std::sort(walk.entries.begin(), walk.entries.end(), [](const auto& a, const auto& b) {
    return a.state.size > b.state.size;
  });
  walk.entries.resize(std::min(walk.entries.size(), most_remembered));
  if (walk.entries.empty()) {
    forget_large_files(layer);
    return {};
  }
  std::string text;
  for (const files::FoundFile& file : walk.entries)
    text += describe(file.state) + file.path + '\0';
  return write_file_atomically(list_of(layer), text, Durable::no, 0600);
}

bool has_changed(const Path& layer) {
  const Fd list(::open(list_of(layer).c_str(), O_RDONLY | O_CLOEXEC));
  if (!list)
    return false;  // it has none
  const auto text = read_all(list.get());
  const Fd folder(::open(layer.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!text || !folder)
    return true;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\0'), rest.size() - 1);
    if (!is_as_it_was(folder.get(), rest.substr(0, end)))
      return true;
    rest.remove_prefix(end + 1);
  }
  return false;
}

void forget_large_files(const Path& layer) {
  ::unlink(list_of(layer).c_str());
}

}  // namespace dstack::store
