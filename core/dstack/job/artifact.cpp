#include "dstack/job/artifact.hpp"

#include "dstack/base/json_fields.hpp"

namespace dstack::job {

template <class Fields, MaybeConst<Artifact> Self>
void fields(Fields& fields, Self& artifact) {
  fields.member("workflow", artifact.workflow);
  fields.member("path", artifact.path);
  fields.required("tree", artifact.tree.tree);
  fields.required("times", artifact.tree.times);
  fields.member("files", artifact.tree.files);
  fields.member("bytes", artifact.tree.bytes);
  fields.member("partial", artifact.partial);
}

void to_json(Json& json, const Artifact& artifact) {
  write_fields(json, artifact);
}

void from_json(const Json& json, Artifact& artifact) {
  read_fields(json, artifact, "artifact");
}

}  // namespace dstack::job
