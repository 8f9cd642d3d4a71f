#include "dstack/source/git_index.hpp"

#include <cstdint>

namespace dstack::source {

namespace {

constexpr std::size_t header_size = 12;
constexpr std::size_t stat_size = 40;  ///< before an object's name
constexpr std::size_t mode_offset = 24;
constexpr std::uint32_t submodule_mode = 0160000;
constexpr std::uint32_t folder_mode = 0040000;  ///< of a sparse index

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i)
    number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

class Reader {
 public:
  Reader(std::string_view index, std::size_t digest_size)
      : index_(index), end_(index.size() - digest_size), digest_size_(digest_size) {}

  bool read(std::string_view prefix, std::vector<Candidate>& into) {
    version_ = number_at(index_, 4);
    if (version_ < 2 || version_ > 4)
      return false;
    const std::uint32_t count = number_at(index_, 8);
    at_ = header_size;
    std::string path;
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint32_t mode = 0;
      if (!read_entry(mode, path) || mode == folder_mode)
        return false;
      if (path.starts_with(prefix))
        into.push_back({path.substr(prefix.size()), true, mode == submodule_mode});
    }
    return has_all();
  }

 private:
  bool read_entry(std::uint32_t& mode, std::string& path) {
    const std::size_t begin = at_;
    const std::size_t flags = begin + stat_size + digest_size_;
    if (flags + 2 > end_)
      return false;
    mode = number_at(index_, begin + mode_offset);
    at_ = flags + 2;
    const bool is_extended = version_ >= 3 && (index_[flags] & 0x40) != 0;
    if (is_extended)
      at_ += 2;
    return version_ == 4 ? read_path_of_version_4(path) : read_path(begin, path);
  }

  /// Padded with 1 to 8 NULs to a multiple of 8 bytes.
  bool read_path(std::size_t begin, std::string& path) {
    const std::size_t nul = index_.find('\0', at_);
    if (nul == std::string_view::npos || nul >= end_ || nul == at_)
      return false;
    path.assign(index_.substr(at_, nul - at_));
    at_ = begin + (nul - begin + 8) / 8 * 8;
    return at_ <= end_;
  }

  /// How many bytes of the path before are dropped, and what comes in their place.
  bool read_path_of_version_4(std::string& path) {
    std::size_t dropped = 0;
    for (bool is_first = true;; is_first = false) {
      if (at_ >= end_ || dropped > index_.size())
        return false;
      const auto byte = static_cast<unsigned char>(index_[at_++]);
      dropped = (is_first ? 0 : (dropped + 1) << 7) + (byte & 0x7f);
      if ((byte & 0x80) == 0)
        break;
    }
    const std::size_t nul = index_.find('\0', at_);
    if (nul == std::string_view::npos || nul >= end_ || dropped > path.size())
      return false;
    path.resize(path.size() - dropped);
    path += index_.substr(at_, nul - at_);
    at_ = nul + 1;
    return !path.empty();
  }

  /// Whether no extension says that a part of the index is elsewhere. Those whose names begin with
  /// a capital letter may be left unread.
  bool has_all() const {
    for (std::size_t at = at_; at < end_;) {
      if (at + 8 > end_ || index_[at] < 'A' || index_[at] > 'Z')
        return false;
      const std::size_t size = number_at(index_, at + 4);
      if (size > end_ - at - 8)
        return false;
      at += 8 + size;
    }
    return true;
  }

  std::string_view index_;
  std::size_t end_;
  std::size_t digest_size_;
  std::size_t at_ = 0;
  std::uint32_t version_ = 0;
};

}  // namespace

std::optional<std::vector<Candidate>> parse_git_index(std::string_view index,
                                                      std::size_t digest_size,
                                                      std::string_view prefix) {
  if (index.size() < header_size + digest_size || !index.starts_with("DIRC"))
    return std::nullopt;
  std::vector<Candidate> found;
  if (!Reader(index, digest_size).read(prefix, found))
    return std::nullopt;
  return found;
}

}  // namespace dstack::source
