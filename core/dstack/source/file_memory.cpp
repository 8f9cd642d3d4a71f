#include "dstack/source/file_memory.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include <unistd.h>

namespace dstack::source {

namespace {

constexpr std::uint64_t worth_waiting = 16 << 20;  ///< bytes that take longer to be read
constexpr std::uint64_t least_counted = 4096;      ///< of a file: it is also opened
constexpr int most_waits = 5;
constexpr unsigned microseconds_of_wait = 5'000;

}  // namespace

IndexedFiles::IndexedFiles(const store::ObjectStore& objects,
                           const Path& root,
                           const std::string& path)
    : place_(
          index_path(objects.home().index(), "artifact:" + real_path(root).string() + ":" + path)),
      index_(load_index(place_)),
      damage_(objects.damage_stamp()) {
  if (!is_stored(index_, objects))
    index_ = {};
}

std::optional<job::TreeReference> IndexedFiles::recall(std::vector<files::FoundFile>& entries) {
  std::unordered_map<std::string_view, const files::FoundFile*> known;
  for (const files::FoundFile& file : index_.files)
    known.emplace(file.path, &file);
  bool is_same = known.size() == entries.size();
  for (files::FoundFile& entry : entries) {
    const auto found = known.find(entry.path);
    if (found != known.end() && found->second->state == entry.state)
      entry.digest = found->second->digest;
    else
      is_same = false;
  }
  if (is_same)
    return index_.tree;
  await_settled(entries);
  looked_at_ = nanoseconds_now();
  return std::nullopt;
}

/// A file that was written in this moment would have to be read again the next time. Waiting for
/// one tick of its clock is less than reading much once more.
void IndexedFiles::await_settled(const std::vector<files::FoundFile>& entries) const {
  std::uint64_t unread = 0;
  files::FileState newest;
  for (const files::FoundFile& entry : entries) {
    if (entry.digest || entry.state.type == files::EntryType::folder)
      continue;
    unread += std::max(entry.state.size, least_counted);
    if (entry.state.changed > newest.changed)
      newest = entry.state;
  }
  for (int i = 0; unread >= worth_waiting && i < most_waits; ++i) {
    if (is_settled(newest, nanoseconds_now()))
      return;
    ::usleep(microseconds_of_wait);
  }
}

void IndexedFiles::remember(std::vector<files::FoundFile> entries, const job::TreeReference& tree) {
  Index next;
  next.tree = tree;
  next.damage = damage_;
  std::erase_if(entries, [](const files::FoundFile& entry) {
    return !entry.digest && entry.state.type != files::EntryType::folder;
  });
  next.files = std::move(entries);
  save_index(place_, std::move(next), looked_at_);
}

}  // namespace dstack::source
