#include "dstack/store/objects/tree_index.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/store/objects/objects.hpp"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::store {

namespace {

constexpr std::string_view magic = "dstktree";
constexpr std::size_t word_size = 8;
constexpr std::size_t place_of_sum = magic.size();
constexpr std::size_t summed_from = place_of_sum + word_size;
constexpr std::size_t least_record = summed_from + 2 * word_size + sizeof(Digest::bytes);
constexpr std::uint64_t most_entries = 1ULL << 40;

std::uint64_t word_at(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

void append(std::string& text, std::uint64_t word) {
  text.append(reinterpret_cast<const char*>(&word), sizeof word);
}

void append(std::string& text, const Digest& digest) {
  text.append(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
}

/// Of whole words. Finds damage, not intent.
std::uint64_t sum_of(std::string_view bytes) {
  std::uint64_t sum = 0x9e3779b97f4a7c15;
  for (std::size_t at = 0; at + word_size <= bytes.size(); at += word_size) {
    sum = (sum ^ word_at(bytes.data() + at)) * 0xff51afd7ed558ccd;
    sum ^= sum >> 32;
  }
  return sum;
}

Path place_of(const files::Home& home) {
  return home.index() / "trees";
}

/// The size of the record at the beginning of `bytes`; 0: there is no whole one.
std::size_t whole_record(std::string_view bytes) {
  if (bytes.size() < least_record || !bytes.starts_with(magic))
    return 0;
  const TreeRecord record(bytes.data());
  if (record.trees() > most_entries || record.blobs() > most_entries ||
      record.size() > bytes.size())
    return 0;
  const std::string_view summed = bytes.substr(summed_from, record.size() - summed_from);
  return sum_of(summed) == word_at(bytes.data() + place_of_sum) ? record.size() : 0;
}

}  // namespace

std::uint64_t short_name(const Digest& digest, bool executable) {
  std::uint64_t name = 0;
  std::memcpy(&name, digest.bytes.data(), sizeof name);
  return (name & ~std::uint64_t{1}) | (executable ? 1 : 0);
}

std::string render_tree_record(const Digest& tree, std::string_view text) {
  const auto parsed = parse_tree(text);
  if (!parsed)
    return {};
  std::string trees;
  std::string blobs;
  std::uint64_t folders = 0;
  for (const TreeEntry& entry : parsed->entries)
    if (entry.type == files::EntryType::folder) {
      append(trees, entry.digest);
      ++folders;
    } else {
      append(blobs, short_name(entry.digest, entry.type == files::EntryType::executable));
      append(blobs, entry.size);
    }
  std::string summed;
  append(summed, folders);
  append(summed, parsed->entries.size() - folders);
  append(summed, tree);
  summed += trees;
  summed += blobs;
  std::string record(magic);
  append(record, sum_of(summed));
  return record += summed;
}

void append_to_tree_index(const files::Home& home, std::string_view records) {
  const Fd file(::open(place_of(home).c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (file)
    (void)write_all(file.get(), records);
}

Result<void> write_tree_index(const files::Home& home, std::string_view records) {
  return write_file_atomically(place_of(home), records, Durable::no, 0600);
}

TreeIndex TreeIndex::load(const files::Home& home) {
  TreeIndex index;
  const Fd file(::open(place_of(home).c_str(), O_RDONLY | O_CLOEXEC));
  auto mapped = file ? MappedFile::of(file.get()) : std::nullopt;
  if (!mapped)
    return index;
  index.file_.emplace(*std::move(mapped));
  std::string_view rest = index.file_->bytes();
  index.bytes_ = rest.size();
  while (const std::size_t size = whole_record(rest)) {
    index.add(rest.data());
    rest.remove_prefix(size);
  }
  return index;
}

void TreeIndex::add(const char* record) {
  if (2 * (count_ + 1) > slots_.size())
    widen();
  const Digest digest = TreeRecord(record).digest();
  std::size_t at = std::hash<Digest>()(digest) & (slots_.size() - 1);
  while (slots_[at] != nullptr) {
    if (TreeRecord(slots_[at]).digest() == digest)
      return;
    at = (at + 1) & (slots_.size() - 1);
  }
  slots_[at] = record;
  ++count_;
}

void TreeIndex::widen() {
  const std::vector<const char*> before = std::exchange(
      slots_, std::vector<const char*>(std::max<std::size_t>(1024, 4 * slots_.size())));
  count_ = 0;
  for (const char* record : before)
    if (record != nullptr)
      add(record);
}

std::optional<TreeRecord> TreeIndex::find(const Digest& tree) const {
  if (slots_.empty())
    return std::nullopt;
  std::size_t at = std::hash<Digest>()(tree) & (slots_.size() - 1);
  for (; slots_[at] != nullptr; at = (at + 1) & (slots_.size() - 1))
    if (const TreeRecord record(slots_[at]); record.digest() == tree)
      return record;
  return std::nullopt;
}

}  // namespace dstack::store
