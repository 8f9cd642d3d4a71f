// Names under which Git finds a repository, for everything that writes files for a user: the hooks
// and the settings of a repository run with the next command of its user.
#ifndef DSTACK_DETAIL_GIT_NAME_HPP
#define DSTACK_DETAIL_GIT_NAME_HPP

#include <cstddef>
#include <string>
#include <string_view>

namespace dstack::git {

/// Bytes of one of the code points that HFS+ passes over in names: U+200C to 200F, 202A to 202E,
/// 206A to 206F, FEFF. All take three in UTF-8.
inline bool is_passed_over(std::string_view bytes) {
  if (bytes.size() < 3)
    return false;
  if (bytes.substr(0, 3) == "\xef\xbb\xbf")
    return true;
  const auto last = static_cast<unsigned char>(bytes[2]);
  if (bytes[0] != '\xe2')
    return false;
  return bytes[1] == '\x80' ? (last >= 0x8c && last <= 0x8f) || (last >= 0xaa && last <= 0xae)
                            : bytes[1] == '\x81' && last >= 0xaa && last <= 0xaf;
}

/// As file systems compare it that do not tell case.
inline std::string folded_name(std::string_view name) {
  std::string folded;
  while (!name.empty()) {
    if (is_passed_over(name)) {
      name.remove_prefix(3);
      continue;
    }
    const char c = name.front();
    folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    name.remove_prefix(1);
  }
  return folded;
}

/// `.git`, also as other file systems read it: `.GIT`, `.git `, `.git::$INDEX_ALLOCATION`, `git~1`.
/// The names that Git itself never checks out.
inline bool is_git_name(std::string_view name) {
  // Most names are told by their first byte.
  if (name.size() < 4 ||
      std::string_view(".gG\xe2\xef").find(name.front()) == std::string_view::npos)
    return false;
  const std::string folded = folded_name(name);
  if (folded.compare(0, 4, ".git") != 0 && folded.compare(0, 5, "git~1") != 0)
    return false;
  // Windows drops dots and blanks at the end, and a colon begins the name of a stream.
  const std::size_t end = folded.find_first_not_of(". ", folded.front() == '.' ? 4 : 5);
  return end == std::string::npos || folded[end] == ':' || folded[end] == '\\';
}

/// The beginning of the path that ends with such a name; empty: no part of it is one.
inline std::string_view git_part(std::string_view path) {
  for (std::size_t begin = 0; begin < path.size();) {
    std::size_t end = path.find('/', begin);
    if (end == std::string_view::npos)
      end = path.size();
    if (is_git_name(path.substr(begin, end - begin)))
      return path.substr(0, end);
    begin = end + 1;
  }
  return {};
}

}  // namespace dstack::git

#endif
