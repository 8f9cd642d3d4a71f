#include "dstack/job/tree_reference.hpp"

namespace dstack::job {

Json tree_to_json(const TreeReference& tree) {
  return Json::array({tree.tree.render(), tree.times.render(), tree.files, tree.bytes});
}

Result<TreeReference> tree_from_json(const Json& json) {
  if (!json.is_array() || json.size() != 4 || !json[0].is_string() || !json[1].is_string() ||
      !json[2].is_number_unsigned() || !json[3].is_number_unsigned())
    return fail(ErrorCode::internal, "a record names a tree in an unknown form");
  const auto tree = Digest::parse(json[0].get_ref<const std::string&>());
  const auto times = Digest::parse(json[1].get_ref<const std::string&>());
  if (!tree || !times)
    return fail(ErrorCode::internal, "a record names a tree by something that is no digest");
  return TreeReference{*tree, *times, json[2].get<std::uint64_t>(), json[3].get<std::uint64_t>()};
}

}  // namespace dstack::job
