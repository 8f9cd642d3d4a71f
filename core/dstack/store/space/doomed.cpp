#include "dstack/store/space/doomed.hpp"

#include <algorithm>

namespace dstack::store {

namespace {

constexpr std::size_t filter_size = 1 << 20;

std::size_t place_in_filter(std::uint64_t name) {
  return (name >> 1) & (filter_size - 1);
}

std::uint64_t without_mode(std::uint64_t name) {
  return name & ~std::uint64_t{1};
}

}  // namespace

void Doomed::seal() {
  by_name_.reserve(objects_.size());
  filter_.assign(filter_size, false);
  for (std::size_t i = 0; i < objects_.size(); ++i) {
    const std::uint64_t name = short_name(objects_[i].digest, false);
    by_name_.emplace_back(name, i);
    filter_[place_in_filter(name)] = true;
  }
  std::sort(by_name_.begin(), by_name_.end());
}

template <typename Matches>
void Doomed::keep_where(std::uint64_t name, const Matches& matches) {
  if (filter_.empty() || !filter_[place_in_filter(name)])
    return;
  for (auto found = std::lower_bound(
           by_name_.begin(), by_name_.end(), std::pair<std::uint64_t, std::size_t>(name, 0));
       found != by_name_.end() && found->first == name;
       ++found)
    if (DoomedObject& object = objects_[found->second]; matches(object))
      object.is_kept = true;
}

void Doomed::keep(const Digest& digest) {
  keep_where(short_name(digest, false),
             [&](const DoomedObject& object) { return object.digest == digest; });
}

void Doomed::keep(const TreeRecord& tree) {
  const Digest digest = tree.digest();
  keep_where(short_name(digest, false), [&](const DoomedObject& object) {
    return object.digest == digest && (object.kind == Kind::tree || object.kind == Kind::pack);
  });
  for (std::size_t i = 0; i < tree.blobs(); ++i) {
    const std::uint64_t name = tree.blob(i).name;
    const Kind kind = (name & 1) != 0 ? Kind::executable : Kind::blob;
    keep_where(without_mode(name), [&](const DoomedObject& object) {
      return object.kind == kind || object.kind == Kind::pack;
    });
  }
}

}  // namespace dstack::store
