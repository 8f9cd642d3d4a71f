#include "dstack/source/index.hpp"

#include "dstack/base/log.hpp"

#include <algorithm>
#include <cstring>

#include <time.h>

namespace dstack::source {

namespace {

constexpr std::string_view header = "dstack-index 3\n";

class Writer {
 public:
  Writer() : text_(header) {}

  void reserve(std::size_t size) { text_.reserve(size); }

  void number(std::uint64_t value) { raw(&value, sizeof value); }

  void number(std::int64_t value) { raw(&value, sizeof value); }

  void digest(const Digest& digest) { raw(digest.bytes.data(), digest.bytes.size()); }

  void text(std::string_view value) {
    number(std::uint64_t{value.size()});
    raw(value.data(), value.size());
  }

  std::string finish() {
    digest(sha256(text_));
    return std::move(text_);
  }

 private:
  void raw(const void* bytes, std::size_t size) {
    text_.append(static_cast<const char*>(bytes), size);
  }

  std::string text_;
};

/// Reads as Writer wrote; past the end everything is zero and `is_good` false.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    raw(&value, sizeof value);
    return value;
  }

  std::int64_t signed_number() {
    std::int64_t value = 0;
    raw(&value, sizeof value);
    return value;
  }

  Digest digest() {
    Digest digest;
    raw(digest.bytes.data(), digest.bytes.size());
    return digest;
  }

  std::string text() {
    const std::uint64_t size = number();
    if (size > text_.size()) {
      is_good_ = false;
      return {};
    }
    std::string value(text_.substr(0, static_cast<std::size_t>(size)));
    text_.remove_prefix(value.size());
    return value;
  }

  bool is_good() const { return is_good_; }

  bool is_at_end() const { return text_.empty(); }

 private:
  void raw(void* into, std::size_t size) {
    if (!is_good_ || size > text_.size()) {
      is_good_ = false;
      return;
    }
    std::memcpy(into, text_.data(), size);
    text_.remove_prefix(size);
  }

  std::string_view text_;
  bool is_good_ = true;
};

files::FoundFile read_entry(Reader& reader) {
  files::FoundFile file;
  file.path = reader.text();
  file.state.type = static_cast<files::EntryType>(reader.number());
  file.state.inode = reader.number();
  file.state.size = reader.number();
  file.state.modified = reader.signed_number();
  file.state.changed = reader.signed_number();
  file.state.closed = static_cast<std::uint32_t>(reader.number());
  file.digest = reader.digest();
  return file;
}

}  // namespace

std::string render_index(const Index& index) {
  Writer writer;
  writer.reserve(1024 + index.files.size() * 160);
  writer.number(index.root.repository);
  writer.text(index.root.commit);
  writer.digest(index.tree.tree);
  writer.digest(index.tree.times);
  writer.number(index.tree.files);
  writer.number(index.tree.bytes);
  writer.number(index.damage);
  writer.number(std::uint64_t{index.files.size()});
  for (const files::FoundFile& file : index.files) {
    writer.text(file.path);
    writer.number(static_cast<std::uint64_t>(file.state.type));
    writer.number(file.state.inode);
    writer.number(file.state.size);
    writer.number(file.state.modified);
    writer.number(file.state.changed);
    writer.number(std::uint64_t{file.state.closed});
    writer.digest(file.digest.value_or(Digest{}));
  }
  writer.number(std::uint64_t{index.closed_folders.size()});
  for (const files::ClosedFolder& folder : index.closed_folders) {
    writer.text(folder.path);
    writer.number(std::uint64_t{folder.closed});
  }
  return writer.finish();
}

std::optional<Index> parse_index(std::string_view text) {
  constexpr std::size_t digest_size = sizeof(Digest::bytes);
  if (text.size() < header.size() + digest_size || !text.starts_with(header))
    return std::nullopt;
  const std::string_view body = text.substr(0, text.size() - digest_size);
  if (std::memcmp(sha256(body).bytes.data(), text.data() + body.size(), digest_size) != 0)
    return std::nullopt;
  Reader reader(body.substr(header.size()));
  Index index;
  index.root.repository = reader.number();
  index.root.commit = reader.text();
  index.tree.tree = reader.digest();
  index.tree.times = reader.digest();
  index.tree.files = reader.number();
  index.tree.bytes = reader.number();
  index.damage = reader.signed_number();
  const std::uint64_t count = reader.number();
  index.files.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(count, body.size() / 80)));
  for (std::uint64_t i = 0; i < count && reader.is_good(); ++i)
    index.files.push_back(read_entry(reader));
  const std::uint64_t folders = reader.number();
  for (std::uint64_t i = 0; i < folders && reader.is_good(); ++i) {
    std::string path = reader.text();
    index.closed_folders.push_back({std::move(path), static_cast<std::uint32_t>(reader.number())});
  }
  if (!reader.is_good() || !reader.is_at_end())
    return std::nullopt;
  return index;
}

bool is_stored(const Index& index, const store::ObjectStore& objects) {
  return objects.has_tree(index.tree) && objects.damage_stamp() == index.damage;
}

Path index_path(const Path& folder, const Path& project) {
  return folder / sha256(project.string()).render();
}

bool is_settled(const files::FileState& state, std::int64_t now) {
  // The clock of files ticks every 1 to 10 milliseconds; some file systems keep whole seconds, or
  // two.
  constexpr std::int64_t tick = 20'000'000;
  constexpr std::int64_t coarse_tick = 2'000'000'000;
  constexpr std::int64_t second = 1'000'000'000;
  const bool is_coarse = state.modified % second == 0 && state.changed % second == 0;
  return std::max(state.modified, state.changed) + (is_coarse ? coarse_tick : tick) < now;
}

std::int64_t nanoseconds_now() {
  timespec time;
  ::clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Index load_index(const Path& path) {
  const auto text = read_file(path);
  if (!text)
    return {};
  return parse_index(*text).value_or(Index{});
}

bool take_known(const Index& index, std::vector<files::FoundFile>& files) {
  bool is_same = index.files.size() == files.size();
  auto known = index.files.begin();
  for (files::FoundFile& file : files) {
    while (known != index.files.end() && known->path < file.path)
      ++known;
    if (known != index.files.end() && known->path == file.path && known->state == file.state)
      file.digest = known->digest;
    else
      is_same = false;
  }
  return is_same;
}

void save_index(const Path& path, Index index, std::int64_t looked_at) {
  for (files::FoundFile& file : index.files)
    if (!is_settled(file.state, looked_at))
      file.state.inode = 0;
  std::sort(index.files.begin(), index.files.end(), [](const auto& a, const auto& b) {
    return a.path < b.path;
  });
  if (auto saved = write_file_atomically(path, render_index(index), Durable::no); !saved)
    log::info(fmt::format("the index was not kept: {}", saved.error().message));
}

}  // namespace dstack::source
