// Which code a run works on.
#pragma once

#include "dstack/job/tree_reference.hpp"

#include <string>

namespace dstack::job {

struct GitFacts {
  std::string remote = {};
  std::string branch = {};
  std::string commit = {};
  std::string root_commit = {};  ///< recognises a project that was moved
  bool dirty = false;

  bool operator==(const GitFacts&) const = default;
};

struct CodeRecord {
  TreeReference snapshot = {};
  GitFacts git = {};
};

Json code_to_json(const CodeRecord& code);
Result<CodeRecord> code_from_json(const Json* json);

}  // namespace dstack::job
