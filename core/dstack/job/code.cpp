#include "dstack/job/code.hpp"

#include "dstack/base/json_fields.hpp"

namespace dstack::job {

template <class Fields, MaybeConst<GitFacts> Self>
void fields(Fields& fields, Self& git) {
  fields.member("remote", git.remote);
  fields.member("branch", git.branch);
  fields.member("commit", git.commit);
  fields.member("root_commit", git.root_commit);
  fields.member("dirty", git.dirty);
}

template <class Fields, MaybeConst<CodeRecord> Self>
void fields(Fields& visitor, Self& code) {
  visitor.required("tree", code.snapshot);
  fields(visitor, code.git);
}

void to_json(Json& json, const GitFacts& git) {
  write_fields(json, git);
}

void from_json(const Json& json, GitFacts& git) {
  read_fields(json, git, "git");
}

void to_json(Json& json, const CodeRecord& code) {
  write_fields(json, code);
}

void from_json(const Json& json, CodeRecord& code) {
  read_fields(json, code, "code");
}

}  // namespace dstack::job
