// The files of what a run saved: which artifacts are meant, and which files of them.
#pragma once

#include "command_line/context.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/source/ignore.hpp"
#include "dstack/store/objects/objects.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dstack::cli {

/// Where the artifacts of a sweep's combinations are shown: the folder of each, by the name of its
/// workflow in the run. Those of a single combination need none.
using CombinationFolders = std::map<std::string, std::string>;

/// A file of an artifact; its path is relative to the project's root, as the artifact's own.
struct ArtifactFile {
  const job::Artifact* artifact;
  const job::FileWithSecrets* exposed;  ///< null: no secret is known to be in it
  store::TreeFile file;

  std::string folder = {};  ///< of its combination, among those of others; else empty

  /// Where it is among the files of other combinations.
  std::string path() const;
  /// The same without the secrets that it may have.
  std::string shown_path() const;
};

/// Where a path of an artifact is among those of other combinations.
std::string path_among(const job::Artifact& artifact,
                       const CombinationFolders& folders,
                       const std::string& path);

/// Artifact by artifact, each sorted by path. Refers to `artifacts`.
Result<std::vector<ArtifactFile>> list_files(const store::ObjectStore& objects,
                                             const std::vector<job::Artifact>& artifacts,
                                             const CombinationFolders& folders);

/// For completion: the paths of a run or tag, each with its workflow, without those that contain
/// secrets; none where anything is wrong.
std::vector<std::pair<std::string, std::string>> known_paths(store::Records& records,
                                                             const store::ObjectStore& objects,
                                                             const std::string& project,
                                                             const std::string& reference);

struct ChosenArtifacts {
  Reference of;  ///< with a workflow if only that one's are meant
  std::vector<job::Artifact> artifacts;
  CombinationFolders folders = {};
};

/// What part of a run, or a tag, has saved; may be nothing.
Result<ChosenArtifacts> artifacts_of(store::Records& records, Reference reference);

/// Of a run or tag, and with a name only of this workflow. An error when the run has no such
/// workflow, or when nothing was saved.
Result<ChosenArtifacts> choose_artifacts(const Context& context,
                                         store::Records& records,
                                         const std::string& reference,
                                         const std::string& workflow);

/// Of stored content that is damaged: says whose it was, and what makes it anew.
Error of_artifact(Error error, const job::Artifact& artifact, const std::string& run);

/// `Data//x/./y/` as artifacts name it: `Data/x/y`; what leaves the project stays as it is.
std::string normal_artifact_path(const std::string& path);
/// The next step for a path or pattern that names no file.
std::string hint_for_path(const std::string& path,
                          const std::vector<ArtifactFile>& files,
                          const std::string& reference);

/// Patterns as in .gitignore: one without a slash is about names at any depth, one with a slash
/// about the path from the project's root; `**` is any number of folders; a folder has all that is
/// below it. A path is a pattern, whatever it consists of. With `!` before it, a pattern leaves out
/// what it matches, wherever it stands. None but those: everything.
class PathPatterns {
 public:
  /// They may be meant from the folder `base` as well.
  explicit PathPatterns(const std::vector<std::string>& texts, std::string base = {});

  /// Remembers which of them took something.
  bool takes(const std::string& path, source::PathType type);
  /// Those that took nothing yet, as they were given.
  std::vector<std::string> unused() const;

 private:
  struct Pattern {
    std::string text;
    std::string path;
    source::IgnoreRules rules;
    bool excludes = false;
    bool used = false;
  };

  static bool matches(Pattern& pattern, const std::string& path, source::PathType type);

  std::vector<Pattern> patterns_;
  std::string base_;
};

}  // namespace dstack::cli
