#include "part.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <dstack/provider.hpp>

namespace curl {

namespace {

[[noreturn]] void fail(const std::string& doing, int error) {
  throw dstack::Error("cannot " + doing + ": " + std::strerror(error),
                      error == ENOSPC ? "free space on the disk of the workspace" : "");
}

}  // namespace

struct Part::Hash {
  Hash() { begin(); }

  ~Hash() { EVP_MD_CTX_free(context); }

  void begin() const {
    if (context == nullptr || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1)
      throw dstack::Error("this libcrypto has no SHA-256");
  }

  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Part::Part(std::string output, bool hashed) : output_(std::move(output)) {
  if (hashed)
    hash_ = std::make_unique<Hash>();
  const std::filesystem::path path(output_);
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    fail("make the folder '" + folder + "'", error.value());
  if (std::filesystem::is_directory(path, error))
    throw dstack::Error("'" + output_ + "' is a folder", "name a file in it: " + output_ + "/NAME");
  fd_ = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
  if (fd_ >= 0)
    return;
  named_ = output_ + ".part";
  fd_ = ::open(named_.c_str(), O_CREAT | O_TRUNC | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
  if (fd_ < 0)
    fail("write '" + output_ + "'", errno);
}

Part::~Part() {
  if (!named_.empty())
    ::unlink(named_.c_str());
  if (fd_ >= 0)
    ::close(fd_);
}

void Part::append(std::string_view bytes) {
  if (hash_)
    EVP_DigestUpdate(hash_->context, bytes.data(), bytes.size());
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      fail("write '" + output_ + "'", errno);
    size_ += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Part::clear() {
  if (size_ == 0)
    return;
  if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) != 0)
    fail("empty '" + output_ + "'", errno);
  size_ = 0;
  if (hash_)
    hash_->begin();
}

std::string Part::digest() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  EVP_DigestFinal_ex(hash_->context, bytes.data(), &size);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", unsigned{bytes[i]});
    hex += digits.data();
  }
  return hex;
}

void Part::publish() {
  if (named_.empty()) {
    // linkat() cannot replace a file: hence through a temporary name.
    named_ = output_ + ".part";
    ::unlink(named_.c_str());
    const std::string descriptor = "/proc/self/fd/" + std::to_string(fd_);
    if (::linkat(AT_FDCWD, descriptor.c_str(), AT_FDCWD, named_.c_str(), AT_SYMLINK_FOLLOW) != 0)
      fail("write '" + output_ + "'", errno);
  }
  if (::rename(named_.c_str(), output_.c_str()) != 0)
    fail("write '" + output_ + "'", errno);
  named_.clear();
}

}  // namespace curl
