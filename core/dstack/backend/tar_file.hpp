// Writes an archive of the format of POSIX (ustar, with extended headers for long names): what an
// engine takes as the context of a build.
#pragma once

#include "dstack/base/fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dstack::backend {

/// What is in front of the content of a file in an archive.
struct TarEntry {
  std::string path;
  char type = '0';          ///< '0': a file, '2': a link, '5': a folder
  std::uint32_t mode = 0;   ///< permissions
  std::uint64_t size = 0;   ///< bytes of a file's content
  std::int64_t time = 0;    ///< seconds since 1970
  std::string target = {};  ///< of a link
};

/// The headers of an entry: whole blocks. Owner is root.
std::string tar_header(const TarEntry& entry);

/// Writes into an open file, from where it stands.
class TarWriter {
 public:
  explicit TarWriter(int file) : file_(file) {}

  Result<void> add(const TarEntry& entry) const;
  /// A file with these bytes.
  Result<void> add(TarEntry entry, std::string_view content) const;
  /// A file with the content of an open one; `entry.size` is its size.
  Result<void> add_file(const TarEntry& entry, int content) const;
  /// After the last entry.
  Result<void> end() const;

 private:
  Result<void> pad(std::uint64_t size) const;

  int file_;
};

}  // namespace dstack::backend
