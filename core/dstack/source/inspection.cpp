#include "dstack/source/inspection.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/parallel.hpp"
#include "dstack/source/outside_link.hpp"

#include <algorithm>
#include <array>
#include <climits>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::source {

namespace {

constexpr std::size_t most_names = 5;

// Three short lines, of which the second is a SHA-256: few other files have such a size, so only
// these are read.
constexpr std::string_view pointer_start = "version https://git-lfs.github.com/spec/v1\n";
constexpr std::uint64_t shortest_pointer = 120;
constexpr std::uint64_t longest_pointer = 160;

std::optional<OutsideLink> outside_link_at(int root, const files::FoundFile& file) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlinkat(root, file.path.c_str(), target.data(), target.size());
  if (size <= 0)
    return std::nullopt;
  OutsideLink link{file.path, std::string(target.data(), static_cast<std::size_t>(size))};
  return leads_out(link.path, link.target) ? std::optional(std::move(link)) : std::nullopt;
}

void find_outside_links(int root, CodeFiles& code) {
  for (const files::FoundFile& file : code.files)
    if (file.state.type == files::EntryType::link)
      if (auto link = outside_link_at(root, file))
        code.outside_links.push_back(*std::move(link));
}

bool is_pointer(int root, const std::string& path) {
  const Fd file(files::open_beneath(root, path, O_RDONLY | O_NONBLOCK));
  std::array<char, pointer_start.size()> start;
  return file &&
         ::read(file.get(), start.data(), start.size()) == static_cast<ssize_t>(start.size()) &&
         std::string_view(start.data(), start.size()) == pointer_start;
}

void say_of_pointers(int root, CodeFiles& code) {
  std::vector<std::string> suspects;
  for (const files::FoundFile& file : code.files)
    if (file.state.type != files::EntryType::link && file.state.size >= shortest_pointer &&
        file.state.size <= longest_pointer)
      suspects.push_back(file.path);
  constexpr std::size_t at_once = 256;
  std::vector<char> is_one(suspects.size(), 0);
  const auto looked =
      files::in_parallel(suspects.size(), at_once, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i)
          is_one[i] = is_pointer(root, suspects[i]) ? 1 : 0;
        return Result<void>();
      });
  if (!looked)
    return;
  std::vector<std::string> pointers;
  for (std::size_t i = 0; i < suspects.size(); ++i)
    if (is_one[i] != 0)
      pointers.push_back(suspects[i]);
  if (!pointers.empty())
    code.warnings.push_back(fmt::format(
        "{} {} of Git LFS, not the content: jobs get {}; 'git lfs pull' fetches the content",
        quoted_list(pointers, most_names),
        pointers.size() == 1 ? "is a pointer" : "are pointers",
        pointers.size() == 1 ? "the pointer" : "the pointers"));
}

}  // namespace

void inspect_files(int root, CodeFiles& code) {
  find_outside_links(root, code);
  say_of_pointers(root, code);
}

}  // namespace dstack::source
