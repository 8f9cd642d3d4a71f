#include "part.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dstack/detail/git_name.hpp>
#include <dstack/provider.hpp>

namespace curl {

namespace {

[[noreturn]] void fail(const std::string& doing, int error) {
  throw dstack::Error("cannot " + doing + ": " + std::strerror(error),
                      error == ENOSPC ? "free space on the disk of the workspace" : "");
}

/// The folder that `output` is in, made where it is missing: step by step, so that no link is
/// followed, whoever puts one there meanwhile.
int open_folder(const std::string& output) {
  if (const auto git = dstack::git::git_part(output); !git.empty())
    throw dstack::Error("nothing is downloaded to '" + output + "': '" + std::string(git) +
                            "' is a repository of Git",
                        "name another folder");
  int at = ::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (std::size_t begin = 0, slash = output.find('/'); at >= 0 && slash != std::string::npos;
       begin = slash + 1, slash = output.find('/', begin)) {
    const std::string name = output.substr(begin, slash - begin);
    if (::mkdirat(at, name.c_str(), 0777) != 0 && errno != EEXIST)
      fail("make the folder '" + output.substr(0, slash) + "'", errno);
    const int next = ::openat(at, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0 && (errno == ELOOP || errno == ENOTDIR))
      throw dstack::Error("'" + output.substr(0, slash) + "' is a link or a file",
                          "nothing is written through it: name a folder that is not a link");
    ::close(std::exchange(at, next));
  }
  if (at < 0)
    fail("open the folder of '" + output + "'", errno);
  return at;
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
  folder_ = open_folder(output_);
  name_ = output_.substr(output_.rfind('/') + 1);

  struct stat status {};

  if (::fstatat(folder_, name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISDIR(status.st_mode))
    throw dstack::Error("'" + output_ + "' is a folder", "name a file in it: " + output_ + "/NAME");
  fd_ = ::openat(folder_, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
  if (fd_ >= 0)
    return;
  named_ = name_ + ".part";
  fd_ = ::openat(
      folder_, named_.c_str(), O_CREAT | O_TRUNC | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
  if (fd_ < 0)
    fail("write '" + output_ + "'", errno);
}

Part::~Part() {
  if (!named_.empty())
    ::unlinkat(folder_, named_.c_str(), 0);
  if (fd_ >= 0)
    ::close(fd_);
  if (folder_ >= 0)
    ::close(folder_);
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
    named_ = name_ + ".part";
    ::unlinkat(folder_, named_.c_str(), 0);
    const std::string descriptor = "/proc/self/fd/" + std::to_string(fd_);
    if (::linkat(AT_FDCWD, descriptor.c_str(), folder_, named_.c_str(), AT_SYMLINK_FOLLOW) != 0)
      fail("write '" + output_ + "'", errno);
  }
  if (::renameat(folder_, named_.c_str(), folder_, name_.c_str()) != 0)
    fail("write '" + output_ + "'", errno);
  named_.clear();
}

}  // namespace curl
