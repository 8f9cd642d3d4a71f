#include "dstack/job/tree_reference.hpp"

#include "dstack/base/json_fields.hpp"

namespace dstack {

void to_json(Json& json, const Digest& digest) {
  json = digest.render();
}

void from_json(const Json& json, Digest& digest) {
  read_word(json, digest, Digest::parse, "a digest must have 64 hexadecimal digits, not");
}

}  // namespace dstack

namespace dstack::job {

void to_json(Json& json, const TreeReference& tree) {
  json = Json::array({tree.tree, tree.times, tree.files, tree.bytes});
}

void from_json(const Json& json, TreeReference& tree) {
  if (!json.is_array() || json.size() != 4 || !json[2].is_number_unsigned() ||
      !json[3].is_number_unsigned())
    throw JsonProblem("a tree reference has an unknown form");
  json[0].get_to(tree.tree);
  json[1].get_to(tree.times);
  json[2].get_to(tree.files);
  json[3].get_to(tree.bytes);
}

}  // namespace dstack::job
