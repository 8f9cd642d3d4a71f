// The file that is being downloaded. It has no name, or where the file system cannot do that a name
// of its own beside the wanted one, until it is whole: whatever ends the job, half a file is no
// artifact.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace curl {

/// Everything throws dstack::Error when the disk does not do what it should.
class Part {
 public:
  /// Makes the folders above `output`. With `hashed`, digest() can be asked.
  Part(std::string output, bool hashed);
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  ~Part();

  void append(std::string_view bytes);
  /// Begins anew.
  void clear();

  std::uint64_t size() const { return size_; }

  /// SHA-256 of all that was appended, 64 hexadecimal digits. Once.
  std::string digest();

  /// Gives it its name, in the place of whatever has it now.
  void publish();

 private:
  struct Hash;

  std::string output_;
  std::string named_;  ///< its name of its own; empty: it has none
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::unique_ptr<Hash> hash_;
};

}  // namespace curl
