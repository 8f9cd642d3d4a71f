// Removing contents from packs.
#include "dstack/store/objects/pack_format.hpp"
#include "dstack/store/objects/packs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::store {

namespace {

Result<void> overwrite(int file, std::uint64_t begin, std::uint64_t end) {
  constexpr std::array<char, 1 << 16> zeros{};
  while (begin < end) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(end - begin, zeros.size()));
    const ssize_t written = ::pwrite(file, zeros.data(), size, static_cast<off_t>(begin));
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return fail_errno("cannot erase a part of a pack of the store");
    begin += static_cast<std::uint64_t>(written);
  }
  return {};
}

/// Zeros, and no space where a whole block is empty.
Result<void> erase_range(int file, std::uint64_t begin, std::uint64_t end) {
  const auto size = static_cast<off_t>(end - begin);
  if (::fallocate(
          file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin), size) == 0)
    return {};
  return overwrite(file, begin, end);
}

}  // namespace

Result<void> Packs::erase(const Digest& name, std::vector<Packed> contents) {
  DSTACK_TRY(const Fd file, open_file((folder_ / name.render()).string(), O_RDWR));
  std::sort(contents.begin(), contents.end(), [](const Packed& a, const Packed& b) {
    return a.place < b.place;
  });
  for (std::size_t i = 0; i < contents.size();) {
    const std::uint64_t begin = contents[i].place - pack_format::digest_size;
    std::uint64_t end = contents[i].place + contents[i].size;
    // Neighbours together, so that the blocks between them are given back as well.
    for (++i; i < contents.size() && contents[i].place - pack_format::digest_size == end; ++i)
      end = contents[i].place + contents[i].size;
    DSTACK_CHECK(erase_range(file.get(), begin, end));
  }
  return {};
}

bool Packs::is_erased(const Digest& name) const {
  const auto all = entries(name);
  auto file = open_file((folder_ / name.render()).string(), O_RDONLY);
  if (!all || !file)
    return false;
  const auto pack = std::make_shared<const Fd>(*std::move(file));
  return std::none_of(all->begin(), all->end(), [&](const Packed& entry) {
    return PackedContent{pack, name, entry}.is_there();
  });
}

bool Packs::is_erased(const Digest& name, const Packed& content) {
  auto pack = open_pack(name);
  return pack && !PackedContent{*pack, name, content}.is_there();
}

Result<void> Packs::remove(const Digest& name) {
  if (::unlink((folder_ / name.render()).c_str()) != 0 && errno != ENOENT)
    return fail_errno("cannot remove the pack '{}'", (folder_ / name.render()).string());
  return {};
}

}  // namespace dstack::store
