// The folder a job works in: its own, made from the code and the inputs, or the user's project
// itself. Its own is a copy, or an overlay over layers that many jobs share (store/layers), which
// costs the same whatever they hold.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/files/matches.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/source/edits.hpp"
#include "dstack/store/objects/objects.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dstack::run {

class Workspace {
 public:
  virtual ~Workspace() = default;

  virtual const Path& folder() const = 0;
  /// Lays out the order's code, over it what the property `inputs` names, and over that each
  /// artifact of other workflows; linked inputs last. `warnings` names files that two of the
  /// artifacts hold. unavailable: a linked input has gone.
  virtual Result<void> make(const JobOrder& order, std::vector<std::string>& warnings) = 0;
  /// Whether the folder is the run's, and goes with it.
  virtual bool is_private() const = 0;
  virtual Result<void> remove() = 0;

  /// What is in it when its job has ended, also for a process that does not see it mounted.
  /// The paths of an artifact that are there, of one that may be a pattern.
  virtual Result<std::vector<files::Match>> find_matches(const std::string& path) const = 0;
  /// Stores them as one tree; nothing when there are none.
  virtual Result<std::optional<job::TreeReference>> capture(const std::string& path,
                                                            store::ObjectStore& objects,
                                                            std::vector<std::string>& warnings,
                                                            store::Originals originals) const = 0;

  /// Where what the job has written is: the folder itself, or that of an overlay.
  virtual const Path& written() const { return folder(); }

  virtual bool is_layered() const { return false; }
};

/// The trees that make up a job's workspace, the later over the earlier.
std::vector<job::TreeReference> trees_of(const JobOrder& order);

/// The workspace of a job: its own in the job's folder; or the user's project itself, where inputs
/// are laid out only where no file exists, and nothing is ever removed.
/// In layers where `job_folder` has a folder for what is written over them, which whoever mounts
/// them makes first.
std::unique_ptr<Workspace> workspace_of(const files::Home& home,
                                        const Path& job_folder,
                                        const JobOrder& order);
/// Whatever there is of a private one.
Result<void> remove_workspace(const Path& job_folder);

/// Where an artifact of the job is looked for, from the workspace's root: seen from the working
/// directory, and then, in a workspace of its own, from the project's folder and the root.
std::vector<std::string> places_of(const JobOrder& order, const std::string& artifact);
/// Where the artifacts of a job that has ended are, one path or pattern for each: the first of its
/// places, or the next where there is something, which may be code or an input.
std::vector<std::string> artifact_paths(const JobOrder& order, const Workspace& workspace);

/// What a job's workspace has to be compared with.
source::EditedFolder edited_folder(const JobOrder& order, const Workspace& workspace);

}  // namespace dstack::run
