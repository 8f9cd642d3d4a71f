#include "dstack/base/mapped_file.hpp"

#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>

namespace dstack {

std::optional<MappedFile> MappedFile::of(int file) {
  struct stat status {};

  if (::fstat(file, &status) != 0)
    return std::nullopt;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (bytes == MAP_FAILED)
    return std::nullopt;
  return MappedFile(bytes, size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)), size_(other.size_) {}

MappedFile::~MappedFile() {
  if (bytes_ != nullptr)
    ::munmap(bytes_, size_);
}

}  // namespace dstack
