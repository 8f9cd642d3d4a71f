#include "dstack/job/code.hpp"

namespace dstack::job {

Json code_to_json(const CodeRecord& code) {
  return Json{{"tree", tree_to_json(code.snapshot)},
              {"remote", code.git.remote},
              {"branch", code.git.branch},
              {"commit", code.git.commit},
              {"root_commit", code.git.root_commit},
              {"dirty", code.git.dirty}};
}

Result<CodeRecord> code_from_json(const Json* json) {
  const Json* tree = json == nullptr ? nullptr : json_member(*json, "tree");
  if (tree == nullptr)
    return fail(ErrorCode::internal, "a run's record does not name its code");
  CodeRecord code;
  DSTACK_TRY(code.snapshot, tree_from_json(*tree));
  code.git.remote = json_string(*json, "remote");
  code.git.branch = json_string(*json, "branch");
  code.git.commit = json_string(*json, "commit");
  code.git.root_commit = json_string(*json, "root_commit");
  code.git.dirty = json_boolean(*json, "dirty");
  return code;
}

}  // namespace dstack::job
