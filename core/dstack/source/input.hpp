// Files and folders that a workflow names as inputs: data beside the code, wherever it is on this
// machine. What is copied goes into the store by content; the second time only what has changed is
// read.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dstack::source {

/// What is at the path of an input; a link at the path itself is followed.
struct InputFacts {
  bool folder = false;        ///< else a file
  std::uint64_t files = 0;    ///< files and links; 1 for a file
  std::uint64_t size = 0;     ///< bytes, of all of them
  std::int64_t modified = 0;  ///< nanoseconds since 1970; the newest of all
  bool incomplete = false;    ///< there are more files than are counted

  bool operator==(const InputFacts&) const = default;
};

enum class InputUse {
  copy,  ///< all of it must be readable
  link   ///< only a limited number of files is counted
};

/// Reads no content. not_found: there is nothing; unavailable: it, or something below it, cannot be
/// read, or it is neither a file nor a folder.
Result<InputFacts> inspect_input(const Path& path, InputUse use, const files::Home& home);

struct CapturedInput {
  job::TreeReference tree;  ///< holds the input at its place in the workspace
  Digest digest;            ///< of the file's content; of a folder: of its own tree
  InputFacts facts;         ///< as it was read
};

/// Takes an input into the store, durably. `at` is its normal path in the workspace. Links below a
/// folder stay links; `warnings` names those that lead out of it, and what is left out.
Result<CapturedInput> capture_input(store::ObjectStore& objects,
                                    const Path& path,
                                    const std::string& at,
                                    std::vector<std::string>& warnings);

}  // namespace dstack::source
