// Looking for texts that must be nowhere: in files, in processes, in their memory. Knows nothing of
// the code that masks, and looks at every position.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::test {

class Hunt {
 public:
  /// Each text has at least eight bytes.
  explicit Hunt(std::vector<std::string> texts) : texts_(std::move(texts)), seen_(bits / 64) {
    REQUIRE(std::all_of(texts_.begin(), texts_.end(), [](const std::string& text) {
      return text.size() >= sizeof(std::uint64_t);
    }));
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      longest_ = std::max(longest_, texts_[i].size());
      const std::uint64_t beginning = bytes_at(texts_[i].data());
      seen_[slot(beginning) / 64] |= std::uint64_t{1} << slot(beginning) % 64;
      by_beginning_.emplace(beginning, i);
    }
  }

  const std::vector<std::string>& texts() const { return texts_; }

  std::size_t longest() const { return longest_; }

  /// Which of them stand in `bytes`.
  std::set<std::size_t> find_all(std::string_view bytes) const {
    std::set<std::size_t> found;
    each(bytes, [&](std::size_t text) {
      found.insert(text);
      return true;
    });
    return found;
  }

  /// One that stands in `bytes`; "" when none does.
  std::string find(std::string_view bytes) const {
    std::string found;
    each(bytes, [&](std::size_t text) {
      found = texts_[text];
      return false;
    });
    return found;
  }

 private:
  static constexpr std::size_t bits = std::size_t{1} << 24;

  static std::uint64_t bytes_at(const char* at) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof bytes);
    return bytes;
  }

  static std::size_t slot(std::uint64_t bytes) { return bytes * 0x9E3779B97F4A7C15U >> 40; }

  template <typename Use>
  void each(std::string_view bytes, Use use) const {
    const std::uint64_t* const seen = seen_.data();
    const char* const end = bytes.data() + bytes.size();
    for (const char* at = bytes.data(); at + sizeof(std::uint64_t) <= end; ++at) {
      const std::uint64_t beginning = bytes_at(at);
      const std::size_t bit = slot(beginning);
      if ((seen[bit / 64] >> bit % 64 & 1U) == 0)
        continue;
      const auto [first, last] = by_beginning_.equal_range(beginning);
      for (auto text = first; text != last; ++text)
        if (std::string_view(at, static_cast<std::size_t>(end - at))
                .starts_with(texts_[text->second]) &&
            !use(text->second))
          return;
    }
  }

  std::vector<std::string> texts_;
  std::vector<std::uint64_t> seen_;  ///< a bit for each hash of a beginning
  std::unordered_multimap<std::uint64_t, std::size_t> by_beginning_;
  std::size_t longest_ = 0;
};

/// The files below a folder in which one of the texts stands, or whose name has one.
inline std::vector<std::string> files_with(const Hunt& hunt, const Path& folder) {
  std::vector<std::string> found;
  boost::system::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; entry != end && !error;
       entry.increment(error)) {
    boost::system::error_code gone;
    const std::string name = entry->path().string();
    const bool is_file = entry->symlink_status(gone).type() == fs::regular_file;
    if (!hunt.find(name).empty() || (is_file && !hunt.find(read_file(name).value_or("")).empty()))
      found.push_back(name);
  }
  return found;
}

struct Process {
  int pid = 0;
  std::string words;        ///< its command line
  std::string environment;  ///< "" where that may not be seen
};

inline std::vector<Process> all_processes() {
  std::vector<Process> all;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto pid = parse_number<int>(entry.path().filename().string());
    if (pid)
      all.push_back({*pid,
                     read_kernel_file(entry.path() / "cmdline").value_or(""),
                     read_kernel_file(entry.path() / "environ").value_or("")});
  }
  return all;
}

/// The process whose command line is these words, with or without blanks at its end; 0: there is
/// none.
inline int pid_of(const std::vector<std::string>& words) {
  const std::string line = join(words, std::string_view("\0", 1));
  for (const Process& process : all_processes()) {
    const std::size_t end = process.words.find_last_not_of(std::string_view(" \0", 2));
    if (end != std::string::npos && process.words.substr(0, end + 1) == line)
      return process.pid;
  }
  return 0;
}

/// Whether this process may read the memory of another.
inline bool may_read_memory(int pid) {
  return static_cast<bool>(open_file("/proc/" + std::to_string(pid) + "/mem", O_RDONLY));
}

/// Calls `use` with all that a process has in its memory, in pieces that share `shared` bytes.
inline void each_piece_of_memory(int pid,
                                 std::size_t shared,
                                 const std::function<void(std::string_view)>& use) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const auto memory = open_file(folder + "/mem", O_RDONLY);
  REQUIRE(memory);
  const std::string maps = read_kernel_file(folder + "/maps").value();
  std::string piece(8 << 20, '\0');
  for (const std::string_view line : split(maps, '\n')) {
    unsigned long long begin = 0;
    unsigned long long end = 0;
    std::array<char, 5> mode{};
    if (std::sscanf(std::string(line).c_str(), "%llx-%llx %4s", &begin, &end, mode.data()) != 3 ||
        mode[0] != 'r')
      continue;
    while (begin < end) {
      const std::size_t wanted = std::min<std::size_t>(piece.size(), end - begin);
      const ssize_t count = ::pread(memory->get(), piece.data(), wanted, static_cast<off_t>(begin));
      if (count <= 0)
        break;  // what the kernel alone may read
      use({piece.data(), static_cast<std::size_t>(count)});
      const bool is_last = static_cast<std::size_t>(count) < piece.size();
      begin += static_cast<std::size_t>(count) - (is_last ? 0 : shared);
    }
  }
}

/// One of the texts that stands in the memory of a process; "" when none does.
inline std::string find_in_memory(const Hunt& hunt, int pid) {
  std::string found;
  std::size_t seen = 0;
  each_piece_of_memory(pid, hunt.longest(), [&](std::string_view piece) {
    seen += piece.size();
    if (found.empty())
      found = hunt.find(piece);
  });
  REQUIRE(seen > 100'000);
  return found;
}

}  // namespace dstack::test
