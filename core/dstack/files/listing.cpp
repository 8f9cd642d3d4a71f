#include "dstack/files/listing.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>

namespace dstack::files {

namespace {

// As many as the kernel follows.
constexpr int most_links = 40;

/// Follows the links on the way to a path, as the kernel would.
class Resolver {
 public:
  Resolver(const Listing& listing, std::string path) : listing_(listing), path_(std::move(path)) {
    push_front(path_);
  }

  /// Where it really is; nothing when nothing is there.
  Result<std::optional<std::string>> resolve() {
    while (!names_.empty()) {
      const std::string name = std::move(names_.front());
      names_.pop_front();
      if (name == "..") {
        if (at_.empty())
          return leads_out("..");
        at_ = std::string(folder_of(at_));
        continue;
      }
      const std::string next = at_.empty() ? name : at_ + "/" + name;
      const FoundFile* entry = listing_.find(next);
      if (entry == nullptr || (entry->state.type != EntryType::folder &&
                               entry->state.type != EntryType::link && !names_.empty()))
        return std::nullopt;
      if (entry->state.type != EntryType::link) {
        at_ = next;
        continue;
      }
      if (++links_ > most_links)
        return std::nullopt;
      DSTACK_TRY(const std::string target, listing_.target(*entry));
      DSTACK_CHECK(follow(target));
    }
    return std::optional(at_);
  }

 private:
  Failure leads_out(std::string_view target) const {
    return fail(ErrorCode::unavailable,
                "'{}' leads out of its folder through a link, to '{}'",
                path_,
                target)
        .with_hint("copy the files there instead of linking to them");
  }

  Result<void> follow(const std::string& target) {
    if (!target.starts_with('/')) {
      push_front(target);
      return {};
    }
    const std::string real = Path(target).lexically_normal().string();
    if (!is_below(real, listing_.seen_at.string()))
      return leads_out(target);
    at_.clear();
    push_front(real.substr(std::min(real.size(), listing_.seen_at.string().size())));
    return {};
  }

  void push_front(std::string_view path) {
    std::vector<std::string> names;
    for (const std::string_view name : split(path, '/'))
      if (!name.empty() && name != ".")
        names.emplace_back(name);
    names_.insert(names_.begin(), names.begin(), names.end());
  }

  const Listing& listing_;
  const std::string path_;
  std::string at_;
  std::deque<std::string> names_;
  int links_ = 0;
};

/// The entries below `folder`, which is "" for all of them.
std::pair<std::vector<FoundFile>::const_iterator, std::vector<FoundFile>::const_iterator>
entries_below(const Listing& listing, const std::string& folder) {
  const auto& all = listing.entries;
  if (folder.empty())
    return {all.begin(), all.end()};
  const auto by_path = [](const FoundFile& entry, const std::string& path) {
    return entry.path < path;
  };
  // What is below "a" lies between "a/" and "a0": '0' follows '/'.
  return {std::lower_bound(all.begin(), all.end(), folder + "/", by_path),
          std::lower_bound(all.begin(), all.end(), folder + "0", by_path)};
}

Result<std::vector<Match>> expand(const Listing& listing, const PathPattern& pattern) {
  std::string inside;
  if (!pattern.fixed_part().empty()) {
    DSTACK_TRY(const auto found, Resolver(listing, pattern.fixed_part()).resolve());
    if (!found)
      return std::vector<Match>();
    inside = *found;
  }
  std::vector<Match> matches;
  std::set<std::string_view> matched;  // whose content goes with them
  const auto [begin, end] = entries_below(listing, inside);
  for (auto entry = begin; entry != end; ++entry) {
    std::string_view above = folder_of(entry->path);
    while (!above.empty() && matched.count(above) == 0)
      above = folder_of(above);
    const std::string below = entry->path.substr(inside.empty() ? 0 : inside.size() + 1);
    std::string path = pattern.fixed_part().empty() ? below : pattern.fixed_part() + "/" + below;
    if (!above.empty() || !pattern.matches(path))
      continue;
    Match match{std::move(path), entry->path};
    if (!may_be_saved(match))
      continue;
    matched.insert(entry->path);
    matches.push_back(std::move(match));
  }
  std::sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
    return a.path < b.path;
  });
  return matches;
}

}  // namespace

const FoundFile* Listing::find(std::string_view path) const {
  const auto found = std::lower_bound(
      entries.begin(), entries.end(), path, [](const FoundFile& entry, std::string_view wanted) {
        return entry.path < wanted;
      });
  return found != entries.end() && found->path == path ? &*found : nullptr;
}

Result<std::vector<Match>> find_matches(const Listing& listing, const std::string& path) {
  if (path.empty())
    return std::vector<Match>{{}};
  DSTACK_TRY(auto found, Resolver(listing, path).resolve());
  if (found) {
    std::vector<Match> one{{path, *std::move(found)}};
    std::erase_if(one, [](const Match& match) { return !may_be_saved(match); });
    return one;
  }
  if (listing.find(path) != nullptr)
    return fail(ErrorCode::unavailable, "cannot inspect '{}': its link leads to nothing", path);
  if (!is_pattern(path))
    return std::vector<Match>();
  return expand(listing, PathPattern(path));
}

}  // namespace dstack::files
