#include "dstack/store/objects/packs.hpp"

#include "dstack/base/abandoned_writes.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/mapped_file.hpp"
#include "dstack/store/objects/pack_format.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace dstack::store {

namespace {

using pack_format::digest_size;
using pack_format::entry_size;
using pack_format::index_entry_size;
using pack_format::number_size;

// Each is asked one after the other, and opening one costs some 20 µs.
constexpr std::size_t most_outside_index = 8;
constexpr std::size_t most_open = 64;
// Within this time a folder may have changed again without a later time.
constexpr std::int64_t seconds_until_settled = 2;
constexpr const char* index_name = "index";

std::optional<MappedFile> map(const Path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return file ? MappedFile::of(file.get()) : std::nullopt;
}

/// Entries sorted by digest, of one pack or of the index.
struct Entries {
  MappedFile file;
  std::vector<Digest> packs;  ///< that its entries lead to
  const char* entries = nullptr;
  std::size_t count = 0;
  std::size_t stride = 0;

  const char* entry(std::size_t index) const { return entries + index * stride; }

  const char* end() const { return entry(count); }

  /// Null: the entry is damaged.
  const Digest* pack_of(const char* entry) const {
    const std::uint64_t number =
        stride == entry_size ? 0 : pack_format::number_at(entry + entry_size);
    return number < packs.size() ? &packs[static_cast<std::size_t>(number)] : nullptr;
  }

  /// The first with this digest, or where one would be.
  std::size_t find(const Digest& digest) const {
    std::size_t first = 0;
    std::size_t last = count;
    while (first < last) {
      const std::size_t middle = first + (last - first) / 2;
      const int order = std::memcmp(entry(middle), digest.bytes.data(), digest_size);
      (order < 0 ? first : last) = order < 0 ? middle + 1 : middle;
    }
    return first;
  }

  bool is_at(std::size_t index, const Digest& digest) const {
    return index < count && std::memcmp(entry(index), digest.bytes.data(), digest_size) == 0;
  }
};

/// Nothing: it is damaged, or of another version.
std::optional<Entries> read_pack(const Path& path, const Digest& name) {
  auto file = map(path);
  if (!file)
    return std::nullopt;
  const std::string_view bytes = file->bytes();
  const std::size_t around = pack_format::header.size() + number_size;
  if (bytes.size() < around || !bytes.starts_with(pack_format::header))
    return std::nullopt;
  const std::size_t end = bytes.size() - number_size;
  const std::uint64_t count = pack_format::number_at(bytes.data() + end);
  if (count > (bytes.size() - around) / entry_size)
    return std::nullopt;
  const char* entries = bytes.data() + end - count * entry_size;
  return Entries{*std::move(file), {name}, entries, static_cast<std::size_t>(count), entry_size};
}

std::optional<Entries> read_index(const Path& path) {
  auto file = map(path);
  if (!file)
    return std::nullopt;
  std::string_view rest = file->bytes();
  const auto take_count = [&](std::size_t each) -> std::optional<std::size_t> {
    if (rest.size() < number_size)
      return std::nullopt;
    const std::uint64_t count = pack_format::number_at(rest.data());
    rest.remove_prefix(number_size);
    return count <= rest.size() / each ? std::optional(static_cast<std::size_t>(count))
                                       : std::nullopt;
  };
  if (!rest.starts_with(pack_format::index_header))
    return std::nullopt;
  rest.remove_prefix(pack_format::index_header.size());
  const auto names = take_count(digest_size);
  if (!names)
    return std::nullopt;
  std::vector<Digest> packs;
  for (std::size_t i = 0; i < *names; ++i)
    packs.push_back(pack_format::digest_at(rest.data() + i * digest_size));
  rest.remove_prefix(*names * digest_size);
  const auto count = take_count(index_entry_size);
  if (!count || rest.size() != *count * index_entry_size)
    return std::nullopt;
  const char* entries = rest.data();
  return Entries{*std::move(file), std::move(packs), entries, *count, index_entry_size};
}

/// Of the packs in the folder; sorted.
std::vector<Digest> list_packs(const Path& folder) {
  std::vector<Digest> names;
  boost::system::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error))
    if (const auto name = Digest::parse(each->path().filename().string()))
      names.push_back(*name);
  std::sort(names.begin(), names.end());
  return names;
}

std::int64_t changed_at(const Path& folder) {
  struct stat status {};

  if (::stat(folder.c_str(), &status) != 0)
    return 0;
  return static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
}

std::int64_t seconds_now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec;
}

/// All of them by digest. What was erased from one pack may be in another.
std::string render_index(const std::vector<Entries>& tables) {
  std::string text(pack_format::index_header);
  std::size_t packs = 0;
  std::size_t most = 0;
  for (const Entries& table : tables) {
    packs += table.packs.size();
    most += table.count;
  }
  pack_format::append(text, std::uint64_t{packs});

  struct Entry {
    Packed where;
    std::uint64_t pack;
  };

  std::vector<Entry> entries;
  entries.reserve(most);
  std::uint64_t first = 0;
  for (const Entries& table : tables) {
    for (const Digest& name : table.packs)
      pack_format::append(text, name);
    for (const char* entry = table.entries; entry != table.end(); entry += table.stride)
      entries.push_back(
          {pack_format::entry_at(entry),
           first + (table.stride == entry_size ? 0 : pack_format::number_at(entry + entry_size))});
    first += table.packs.size();
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.where.digest < b.where.digest;
  });
  text.reserve(text.size() + number_size + entries.size() * index_entry_size);
  pack_format::append(text, std::uint64_t{entries.size()});
  for (const Entry& entry : entries) {
    pack_format::append(text, entry.where);
    pack_format::append(text, entry.pack);
  }
  return text;
}

}  // namespace

/// The packs as they were at one time.
struct Packs::Snapshot {
  std::int64_t changed = 0;  ///< of the folder, before it was read
  bool is_settled = false;
  std::vector<Entries> tables;  ///< the index, if there is one, and the packs outside it

  static std::shared_ptr<const Snapshot> read(const Path& folder) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->changed = changed_at(folder);
    if (snapshot->changed == 0)
      return snapshot;
    snapshot->is_settled =
        snapshot->changed / 1'000'000'000 + seconds_until_settled < seconds_now();
    std::vector<Digest> outside = list_packs(folder);
    if (auto index = read_index(folder / index_name)) {
      std::vector<Digest> inside = index->packs;
      std::sort(inside.begin(), inside.end());
      if (std::includes(outside.begin(), outside.end(), inside.begin(), inside.end())) {
        std::vector<Digest> rest;
        std::set_difference(
            outside.begin(), outside.end(), inside.begin(), inside.end(), std::back_inserter(rest));
        outside = std::move(rest);
        snapshot->tables.push_back(*std::move(index));
      }
    }
    for (const Digest& name : outside) {
      const Path path = folder / name.render();
      if (auto table = read_pack(path, name))
        snapshot->tables.push_back(*std::move(table));
      else
        log::warning(fmt::format("the store holds a damaged pack '{}'", path.string()));
    }
    return snapshot;
  }
};

Packs::Packs(Path folder) : folder_(std::move(folder)) {}

Packs::~Packs() = default;

std::shared_ptr<const Packs::Snapshot> Packs::snapshot(const Snapshot* after) {
  const std::lock_guard guard(mutex_);
  const bool is_known = snapshot_ && snapshot_.get() != after;
  const bool is_current =
      is_known || (snapshot_ && snapshot_->is_settled && snapshot_->changed == changed_at(folder_));
  if (!is_current)
    snapshot_ = Snapshot::read(folder_);
  return snapshot_;
}

Result<std::shared_ptr<const Fd>> Packs::open_pack(const Digest& name) {
  const std::lock_guard guard(mutex_);
  for (const auto& [known, file] : open_)
    if (known == name)
      return file;
  DSTACK_TRY(Fd file, open_file((folder_ / name.render()).string(), O_RDONLY));
  if (open_.size() == most_open)
    open_.clear();
  open_.emplace_back(name, std::make_shared<const Fd>(std::move(file)));
  return open_.back().second;
}

/// Nothing: the pack has gone meanwhile, or the entry names none.
Result<std::optional<PackedContent>> Packs::open(const Digest* name, const char* entry) {
  if (name == nullptr)
    return std::nullopt;
  auto pack = open_pack(*name);
  if (!pack && ::access((folder_ / name->render()).c_str(), F_OK) != 0 && errno == ENOENT)
    return std::nullopt;
  if (!pack)
    return Failure(std::move(pack).error());
  return PackedContent{*std::move(pack), *name, pack_format::entry_at(entry)};
}

Result<std::optional<PackedContent>> Packs::find(const Digest& digest, Newest newest) {
  auto at = snapshot(nullptr);
  for (;;) {
    for (const Entries& table : at->tables)
      for (std::size_t i = table.find(digest); table.is_at(i, digest); ++i) {
        DSTACK_TRY(auto content, open(table.pack_of(table.entry(i)), table.entry(i)));
        if (content && content->is_there())
          return content;
      }
    if (newest == Newest::not_needed)
      return std::nullopt;
    auto next = snapshot(at.get());
    if (next == at || next->changed == 0)
      return std::nullopt;
    at = std::move(next);
    newest = Newest::not_needed;
  }
}

/// False: there is none. It may name places where something else is.
bool Packs::drop_index() {
  const bool was_there = ::unlink((folder_ / index_name).c_str()) == 0;
  if (was_there)
    refresh();
  return was_there;
}

/// Whether a pack has it of which the index does not know.
bool Packs::is_beside_index(const Digest& digest) const {
  const std::vector<Digest> all = list_packs(folder_);
  return std::any_of(all.begin(), all.end(), [&](const Digest& name) {
    const auto table = read_pack(folder_ / name.render(), name);
    return table && table->is_at(table->find(digest), digest);
  });
}

Result<std::optional<std::string>> Packs::read(const Digest& digest) {
  for (;;) {
    DSTACK_TRY(const auto found, find(digest, Newest::needed));
    if (found && found->where.size <= largest_packed) {
      std::string bytes(static_cast<std::size_t>(found->where.size), '\0');
      if (auto read = found->read(bytes.data()); !read && read.error().code != ErrorCode::damaged)
        return Failure(std::move(read).error());
      if (sha256(bytes) == digest)
        return std::optional(std::move(bytes));
    }
    if (!found && !is_beside_index(digest))
      return std::nullopt;
    if (drop_index())
      continue;
    if (!found)
      return std::nullopt;
    return fail(ErrorCode::damaged, "a pack has other bytes for '{}'", digest.render());
  }
}

std::vector<Digest> Packs::names() const {
  return list_packs(folder_);
}

std::optional<std::vector<Packed>> Packs::entries(const Digest& name) const {
  const auto table = read_pack(folder_ / name.render(), name);
  if (!table)
    return std::nullopt;
  std::vector<Packed> entries;
  entries.reserve(table->count);
  for (const char* entry = table->entries; entry != table->end(); entry += table->stride)
    entries.push_back(pack_format::entry_at(entry));
  return entries;
}

Result<Packs::Table> Packs::open_table(const Digest& name) {
  const auto table = read_pack(folder_ / name.render(), name);
  const auto bytes = [&] { return std::string_view(table->entries, table->count * table->stride); };
  if (!table || sha256(bytes()) != name)
    return fail(ErrorCode::damaged,
                "the store holds a damaged pack '{}'",
                (folder_ / name.render()).string());
  Table opened;
  DSTACK_TRY(opened.file, open_pack(name));
  for (std::size_t i = 0; i < table->count; ++i) {
    const Packed entry = pack_format::entry_at(table->entry(i));
    if (PackedContent{opened.file, name, entry}.is_there())
      opened.entries.push_back(entry);
  }
  return opened;
}

void Packs::refresh() {
  const std::lock_guard guard(mutex_);
  snapshot_.reset();
}

void Packs::keep_index() {
  refresh();
  const auto now = Snapshot::read(folder_);
  std::size_t outside = 0;
  for (const Entries& table : now->tables)
    outside += table.stride == entry_size ? 1 : 0;
  if (outside <= most_outside_index)
    return;
  remove_abandoned_writes(folder_);
  if (const auto written =
          write_file_atomically(folder_ / index_name, render_index(now->tables), Durable::content);
      !written)
    log::info(render(written.error()));
}

}  // namespace dstack::store
