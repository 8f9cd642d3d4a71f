#include "dstack/python/content_record.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/file_digest.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/parallel.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/python/build.hpp"

#include <algorithm>
#include <map>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::python {

namespace {

using files::EntryType;
using files::FileState;
using files::FoundFile;

constexpr std::size_t files_at_once = 64;
/// Written after the record.
constexpr std::string_view marker = "complete";

Result<std::vector<FoundFile>> look(int folder) {
  DSTACK_TRY(auto walk, files::walk_folder(folder, ""));
  // The list of packages is linked into each run, and nothing runs it.
  std::erase_if(walk.entries, [](const FoundFile& entry) {
    return entry.path == marker || entry.path == packages_file;
  });
  return std::move(walk.entries);
}

Result<Digest> digest_of(int folder, const FoundFile& entry) {
  if (entry.state.type == EntryType::link) {
    std::string target(4096, '\0');
    const ssize_t size = ::readlinkat(folder, entry.path.c_str(), target.data(), target.size());
    if (size < 0)
      return fail_errno("cannot read the link '{}'", entry.path);
    return sha256(std::string_view(target).substr(0, static_cast<std::size_t>(size)));
  }
  const Fd file(
      ::openat(folder, entry.path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file)
    return fail_errno("cannot read '{}'", entry.path);
  return hash_file(file.get());
}

std::string render(const FoundFile& entry) {
  const FileState& state = entry.state;
  return fmt::format("{} {} {} {} {} {} {}",
                     static_cast<int>(state.type),
                     state.inode,
                     state.size,
                     state.modified,
                     state.changed,
                     entry.digest ? entry.digest->render() : "-",
                     entry.path);
}

template <typename Number>
bool take(std::string_view& text, Number& number) {
  const std::size_t blank = text.find(' ');
  const auto parsed = parse_number<Number>(text.substr(0, blank));
  if (!parsed || blank == std::string_view::npos)
    return false;
  number = *parsed;
  text.remove_prefix(blank + 1);
  return true;
}

std::optional<FoundFile> parse(std::string_view text) {
  FoundFile entry;
  int type = 0;
  if (!take(text, type) || !take(text, entry.state.inode) || !take(text, entry.state.size) ||
      !take(text, entry.state.modified) || !take(text, entry.state.changed))
    return std::nullopt;
  entry.state.type = static_cast<EntryType>(type);
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos)
    return std::nullopt;
  entry.digest = Digest::parse(text.substr(0, blank));
  entry.path = text.substr(blank + 1);
  return entry;
}

/// Of all that a look has found, in the order in which it was: what has to stay the same so that
/// nothing else is compared. Of folders the name alone, as they get other times when they are
/// sealed.
Digest sight_of(const std::vector<FoundFile>& entries) {
  std::string bytes;
  const auto add = [&](auto number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
  };
  for (const FoundFile& entry : entries) {
    const FileState& state = entry.state;
    add(static_cast<int>(state.type));
    if (state.type != EntryType::folder) {
      add(state.inode);
      add(state.size);
      add(state.modified);
      add(state.changed);
    }
    bytes.append(entry.path).push_back('\0');
  }
  return sha256(bytes);
}

/// Begins a record. One of an earlier version has none, and neither has what Python writes
/// (compiled.cpp).
std::string sight_line(const std::vector<FoundFile>& entries) {
  return fmt::format("sight {}", sight_of(entries).render());
}

/// Whether a record begins with this line, without reading the rest.
bool begins_with(const Path& record, const std::string& line) {
  const auto file = open_file(record.string(), O_RDONLY);
  if (!file)
    return false;
  std::string begin(line.size() + 1, '\0');
  const ssize_t size = ::pread(file->get(), begin.data(), begin.size(), 0);
  return size == static_cast<ssize_t>(begin.size()) && begin == line + '\0';
}

/// Nothing: there is no record, or none that can be read.
std::optional<std::map<std::string, FoundFile>> read_record(const Path& folder) {
  const auto text = read_file(content_record_of(folder));
  if (!text)
    return std::nullopt;
  std::map<std::string, FoundFile> entries;
  for (const std::string_view line : split(*text, '\0')) {
    if (line.empty() || line.starts_with("sight "))
      continue;
    auto entry = parse(line);
    if (!entry)
      return std::nullopt;
    entries.emplace_hint(entries.end(), entry->path, *std::move(entry));
  }
  return entries;
}

Result<void> write_record(const Path& folder, std::vector<FoundFile> entries, Durable durable) {
  std::string text = sight_line(entries) + '\0';
  std::sort(
      entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  for (const FoundFile& entry : entries)
    text.append(render(entry)).push_back('\0');
  return write_file_atomically(content_record_of(folder), text, durable, 0600);
}

bool seems_same(const FoundFile& now, const FoundFile& recorded) {
  return now.state.inode == recorded.state.inode && now.state.size == recorded.state.size &&
         now.state.modified == recorded.state.modified &&
         now.state.changed == recorded.state.changed;
}

}  // namespace

Path content_record_of(const Path& folder) {
  return folder.string() + ".content";
}

Path changed_mark_of(const Path& folder) {
  return folder.string() + ".changed";
}

Result<void> record_content(const Path& folder) {
  DSTACK_TRY(const Fd handle, open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  DSTACK_TRY(auto entries, look(handle.get()));
  DSTACK_CHECK(files::in_parallel(
      entries.size(), files_at_once, [&](std::size_t first, std::size_t last) -> Result<void> {
        for (std::size_t i = first; i < last; ++i)
          if (entries[i].state.type != EntryType::folder) {
            DSTACK_TRY(entries[i].digest, digest_of(handle.get(), entries[i]));
          }
        return {};
      }));
  return write_record(folder, std::move(entries), Durable::yes);
}

Result<std::string> find_change(const Path& folder) {
  const Path record = content_record_of(folder);
  boost::system::error_code error;
  if (!fs::exists(record, error))
    return std::string();
  DSTACK_TRY(const Fd handle, open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  DSTACK_TRY(auto entries, look(handle.get()));
  if (begins_with(record, sight_line(entries)))
    return std::string();
  auto recorded = read_record(folder);
  if (!recorded)
    return std::string();
  for (FoundFile& entry : entries) {
    const auto known = recorded->find(entry.path);
    if (known == recorded->end())
      return fmt::format("'{}' was added", entry.path);
    if (entry.state.type != known->second.state.type)
      return fmt::format("'{}' was changed", entry.path);
    if (entry.state.type != EntryType::folder && !seems_same(entry, known->second)) {
      DSTACK_TRY(const Digest digest, digest_of(handle.get(), entry));
      if (digest != known->second.digest)
        return fmt::format("'{}' was changed", entry.path);
    }
    entry.digest = known->second.digest;
    recorded->erase(known);
  }
  if (!recorded->empty())
    return fmt::format("'{}' was removed", recorded->begin()->first);
  // So that the next process need not do the same again.
  DSTACK_CHECK(write_record(folder, std::move(entries), Durable::no));
  return std::string();
}

}  // namespace dstack::python
