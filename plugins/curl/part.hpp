// The file that is being downloaded. Until it is complete it has no name, or a temporary one where
// the file system does not support that: however the job ends, a partial file is never an artifact.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace curl {

/// All functions throw dstack::Error on errors of the disk.
class Part {
 public:
  /// Makes the folders above `output`, which is seen from the working directory and normal. Nothing
  /// is written through a link, or where Git finds a repository. With `hashed`, digest() is
  /// available.
  Part(std::string output, bool hashed);
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  ~Part();

  void append(std::string_view bytes);
  /// Starts over with an empty file.
  void clear();

  std::uint64_t size() const { return size_; }

  /// SHA-256 of all that was appended, 64 hexadecimal digits. Once.
  std::string digest();

  /// Gives it its name, replacing an existing file.
  void publish();

 private:
  struct Hash;

  std::string output_;
  int folder_ = -1;    ///< that it is in
  std::string name_;   ///< in that folder
  std::string named_;  ///< its temporary name there; empty: it has none
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::unique_ptr<Hash> hash_;
};

}  // namespace curl
