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

void to_json(Json& json, const GitFacts& git);
void from_json(const Json& json, GitFacts& git);

struct CodeRecord {
  TreeReference snapshot = {};
  GitFacts git = {};
};

void to_json(Json& json, const CodeRecord& code);
void from_json(const Json& json, CodeRecord& code);

}  // namespace dstack::job
