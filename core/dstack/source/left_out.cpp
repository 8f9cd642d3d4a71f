#include "dstack/source/left_out.hpp"

#include "dstack/base/format.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::source {

namespace {

constexpr std::size_t most_names = 5;

std::string_view are(std::size_t count) {
  return count == 1 ? "is" : "are";
}

std::string_view them(std::size_t count) {
  return count == 1 ? "it" : "them";
}

std::string warning_of_large(std::vector<std::string> large, std::uint64_t file_limit) {
  const std::size_t count = large.size();
  if (count > most_names) {
    large.resize(most_names);
    large.push_back(fmt::format("and {} more", count - most_names));
  }
  return fmt::format(
      "{} that Git does not track {} over {} and left out of the code: {}; 'git add' "
      "or ignore {}, or raise 'snapshot_file_limit'",
      plural(count, "file"),
      are(count),
      render_size(file_limit),
      join(large, ", "),
      them(count));
}

std::string warning_of(const std::vector<std::string>& names, std::string_view reason) {
  return fmt::format(
      "{} {} left out of the code: {}", quoted_list(names, most_names), are(names.size()), reason);
}

}  // namespace

std::vector<std::string> warnings_of(LeftOut left_out, std::uint64_t file_limit) {
  std::vector<std::string> warnings;
  for (auto* names :
       {&left_out.unreadable, &left_out.foreign, &left_out.broken, &left_out.special}) {
    std::sort(names->begin(), names->end());
    names->erase(std::unique(names->begin(), names->end()), names->end());
  }
  if (!left_out.large.empty())
    warnings.push_back(warning_of_large(std::move(left_out.large), file_limit));
  if (!left_out.unreadable.empty())
    warnings.push_back(warning_of(
        left_out.unreadable,
        fmt::format("you may not read {}; name {} in '.dstackignore' to leave {} out on purpose",
                    them(left_out.unreadable.size()),
                    them(left_out.unreadable.size()),
                    them(left_out.unreadable.size()))));
  if (!left_out.foreign.empty())
    warnings.push_back(
        warning_of(left_out.foreign,
                   "Git refuses repositories that belong to another user; 'git config --global "
                   "--add safe.directory FOLDER' accepts one, and '.dstackignore' leaves it out on "
                   "purpose"));
  if (!left_out.broken.empty())
    warnings.push_back(warning_of(left_out.broken,
                                  "Git cannot read this repository inside the project; 'git "
                                  "status' there shows what is wrong, and '.dstackignore' leaves "
                                  "it out on purpose"));
  if (!left_out.special.empty())
    warnings.push_back(warning_of(left_out.special, "neither file, folder nor link"));
  return warnings;
}

}  // namespace dstack::source
