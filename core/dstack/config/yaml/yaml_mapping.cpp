// What YamlTree does with a mapping once it is complete: duplicate keys and merge keys.
#include "dstack/base/text.hpp"
#include "dstack/config/yaml/yaml_tree.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace dstack::config {

namespace {

/// Up to here, comparing each key with each is cheaper than hashing.
constexpr std::size_t few_members = 12;

/// Keys of two words are the same with `-` and with `_`, also when one of them comes by a merge.
std::string merge_identity(std::string key) {
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

}  // namespace

void YamlTree::drop_duplicates(Frame& frame) {
  std::vector<Member>& members = frame.value.members;
  std::vector<std::size_t> dropped;
  if (members.size() <= few_members) {
    for (std::size_t i = 1; i < members.size(); ++i)
      for (std::size_t k = 0; k < i; ++k)
        if (members[i].key == members[k].key) {
          report_duplicate(members[k], members[i]);
          dropped.push_back(i);
          break;
        }
  } else {
    std::unordered_map<std::string_view, std::size_t> first;
    first.reserve(members.size());
    for (std::size_t i = 0; i < members.size(); ++i)
      if (const auto [entry, is_new] = first.emplace(members[i].key, i); !is_new) {
        report_duplicate(members[entry->second], members[i]);
        dropped.push_back(i);
      }
  }
  if (dropped.empty())
    return;
  std::vector<Member> kept;
  std::vector<std::size_t> merges;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (std::binary_search(dropped.begin(), dropped.end(), i))
      continue;
    if (std::binary_search(frame.merges.begin(), frame.merges.end(), i))
      merges.push_back(kept.size());
    kept.push_back(std::move(members[i]));
  }
  members = std::move(kept);
  frame.merges = std::move(merges);
}

void YamlTree::report_duplicate(const Member& first, const Member& second) {
  report(make_error(ErrorCode::configuration, "duplicate key '{}'", printable(second.key))
             .at(second.key_where)
             .with_hint("the first is at {}; remove one of the two", first.key_where.render()));
}

/// Merged members take the place of their `<<`; a key of the map's own wins, then the earlier of
/// several sources.
void YamlTree::merge(Frame& frame) {
  std::vector<Member>& members = frame.value.members;
  std::unordered_set<std::string> taken;
  for (std::size_t i = 0; i < members.size(); ++i)
    if (!std::binary_search(frame.merges.begin(), frame.merges.end(), i))
      taken.insert(merge_identity(members[i].key));
  std::vector<Member> merged;
  const auto take_from = [&](Value& source) {
    if (source.kind != ValueKind::mapping) {
      report(make_error(ErrorCode::configuration,
                        "'<<' takes a map or a list of maps, not {}",
                        describe(source))
                 .at(source.where)
                 .with_hint("name the anchor of a map: '<<: *defaults'"));
      return;
    }
    for (Member& member : source.members)
      if (taken.insert(merge_identity(member.key)).second)
        merged.push_back(std::move(member));
  };
  for (std::size_t i = 0; i < members.size(); ++i) {
    Value& value = members[i].value;
    if (!std::binary_search(frame.merges.begin(), frame.merges.end(), i))
      merged.push_back(std::move(members[i]));
    else if (value.kind == ValueKind::sequence)
      for (Value& source : value.elements)
        take_from(source);
    else
      take_from(value);
  }
  members = std::move(merged);
}

}  // namespace dstack::config
