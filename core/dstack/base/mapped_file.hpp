// The bytes of a file as memory, read by the kernel when they are looked at.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace dstack {

class MappedFile {
 public:
  /// All of an open file, which may be closed afterwards. Nothing, with `errno`: it cannot be read,
  /// or is empty.
  static std::optional<MappedFile> of(int file);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  /// As long as this lives, and the file is not made shorter.
  std::string_view bytes() const { return {static_cast<const char*>(bytes_), size_}; }

 private:
  MappedFile(void* bytes, std::size_t size) : bytes_(bytes), size_(size) {}

  void* bytes_;
  std::size_t size_;
};

}  // namespace dstack
