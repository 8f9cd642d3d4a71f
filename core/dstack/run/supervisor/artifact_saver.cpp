#include "dstack/run/supervisor/artifact_saver.hpp"

#include "dstack/base/path_pattern.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/home.hpp"
#include "dstack/files/matches.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/job_progress.hpp"
#include "dstack/run/protocol/kept_changes.hpp"
#include "dstack/run/protocol/workspace.hpp"
#include "dstack/store/objects/originals.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include <unistd.h>

namespace dstack::run {

namespace {

constexpr std::size_t most_named = 3;

std::unique_ptr<Workspace> find_workspace(const store::ObjectStore& objects,
                                          const JobOrder& order) {
  const Path folder = attempt_folder(objects.home(), order.run, order.index, order.attempt);
  return workspace_of(objects.home(), folder, order);
}

job::SecretFindings exposure_of(const ExitRecord& record, const std::string& artifact) {
  for (const ArtifactWithSecrets& exposed : record.exposed)
    if (exposed.path == artifact)
      return exposed.exposure;
  return {};
}

/// Whether all files of what was found lay in the workspace before the job began, as they are.
Result<bool> is_given(const store::ObjectStore& objects,
                      const JobOrder& order,
                      const job::TreeReference& found) {
  std::map<std::string, Digest> given;
  for (const job::TreeReference& tree : trees_of(order)) {
    DSTACK_TRY(const auto files, objects.list(tree));
    for (const store::TreeFile& file : files)
      given[file.path] = file.digest;
  }
  DSTACK_TRY(const auto files, objects.list(found));
  return std::all_of(files.begin(), files.end(), [&](const store::TreeFile& file) {
    const auto before = given.find(file.path);
    return (before != given.end() && before->second == file.digest) ||
           std::any_of(order.links.begin(), order.links.end(), [&](const auto& link) {
             return link.first == file.path;
           });
  });
}

/// `missing`: the places where each of them was looked for.
std::string describe_missing(const std::vector<std::vector<std::string>>& missing) {
  std::vector<std::string> patterns;
  std::vector<std::string> paths;
  for (const auto& places : missing) {
    std::string text = fmt::format("'{}'", printable(places.front()));
    for (std::size_t i = 1; i < places.size(); ++i)
      text += fmt::format("{}'{}'", i == 1 ? " (nor " : ", ", printable(places[i]));
    text += places.size() > 1 ? ")" : "";
    (is_pattern(places.front()) ? patterns : paths).push_back(std::move(text));
  }
  std::vector<std::string> parts;
  if (!paths.empty())
    parts.push_back(fmt::format("it did not make {}", join(paths, ", ")));
  if (!patterns.empty())
    parts.push_back(fmt::format("nothing matches {}", join(patterns, ", ")));
  return fmt::format(
      "it ended well, but {}, which 'artifacts' lists; '{{path: …, optional: true}}' "
      "allows that",
      join(parts, " and "));
}

/// Of a job that did not end well, which makes no other failure of it.
std::string describe_part(const std::vector<job::Artifact>& saved,
                          const std::vector<std::vector<std::string>>& missing) {
  std::vector<std::string> made;
  for (const job::Artifact& artifact : saved)
    made.push_back(printable(artifact.path));
  std::vector<std::string> absent;
  for (const auto& places : missing)
    absent.push_back(printable(places.front()));
  const char* were_absent = absent.size() == 1 ? "was" : "were";
  if (made.empty())
    return fmt::format(
        "nothing was saved: {} {} not there when it ended", quoted_list(absent), were_absent);
  return fmt::format("of its artifacts {} {} saved, and {} {} not there when it ended",
                     quoted_list(made),
                     made.size() == 1 ? "was" : "were",
                     quoted_list(absent),
                     were_absent);
}

/// What the job made. The place beside the working directory may hold what it was given.
Result<std::optional<job::TreeReference>> capture_made(store::ObjectStore& objects,
                                                       const Workspace& workspace,
                                                       const JobOrder& order,
                                                       const std::string& path,
                                                       bool is_elsewhere,
                                                       store::Originals originals,
                                                       SavedArtifacts& result) {
  DSTACK_TRY(auto tree, workspace.capture(path, objects, result.warnings, originals));
  if (!tree || !is_elsewhere)
    return tree;
  DSTACK_TRY(const bool given, is_given(objects, order, *tree));
  return given ? std::nullopt : std::move(tree);
}

void note_no_room(const Error& error, SavedArtifacts& result) {
  if (is_disk_full(error))
    result.no_room = error.message;
}

void capture(store::ObjectStore& objects,
             const Workspace& workspace,
             const std::vector<std::string>& paths,
             const std::string& workflow,
             const JobOrder& order,
             store::Originals originals,
             SavedArtifacts& result) {
  const job::JobSpec& spec = order.spec;
  std::vector<std::string> errors;
  std::vector<std::vector<std::string>> missing;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string& artifact = spec.artifacts[i];
    const std::string& path = paths[i];
    const bool is_elsewhere = path != job::path_from_root(spec, artifact);
    const ReportedJobWork reported(objects.home().job(order.run, order.index),
                                   fmt::format("saving {}", path.empty() ? "." : path));
    auto tree = capture_made(objects, workspace, order, path, is_elsewhere, originals, result);
    if (!tree) {
      errors.push_back(
          fmt::format("the artifact '{}' could not be stored: {}", path, render(tree.error())));
      note_no_room(tree.error(), result);
    } else if (*tree)
      result.artifacts.push_back(
          {workflow, path, **tree, !ended_well(result.record), exposure_of(result.record, path)});
    else if (!job::is_optional(spec, artifact))
      missing.push_back(places_of(order, artifact));
  }
  if (!errors.empty())
    result.error = fmt::format(
        "{}; what the job made is still in '{}'{}",
        join(errors, "; "),
        workspace.written().string(),
        workspace.is_private()
            ? fmt::format(", and 'dstack artifacts rescue {}' saves it later", order.run)
            : "");
  if (!missing.empty() && ended_well(result.record))
    result.missing = describe_missing(missing);
  else if (!missing.empty() &&
           (!result.artifacts.empty() || result.record.cause == job::Cause::timeout ||
            result.record.cause == job::Cause::disk))
    result.warnings.push_back(describe_part(result.artifacts, missing));
  if (!errors.empty() || !missing.empty())
    for (job::Artifact& artifact : result.artifacts)
      artifact.partial = true;
}

std::string describe_dropped(const std::vector<files::FoundFile>& dropped, std::uint64_t limit) {
  std::uint64_t bytes = 0;
  std::vector<std::string> named;
  for (const files::FoundFile& file : dropped) {
    bytes += file.state.size;
    if (named.size() < most_named)
      named.push_back(fmt::format("'{}' ({})", file.path, render_size(file.state.size)));
  }
  if (dropped.size() > named.size())
    named.push_back(fmt::format("{} more", dropped.size() - named.size()));
  return fmt::format(
      "{} ({}) that it left beside its artifacts {} not kept: {}; list what is needed in "
      "'artifacts', or raise 'keep_changes' in config.yaml, which is {}",
      plural(dropped.size(), "file"),
      render_size(bytes),
      dropped.size() == 1 ? "was" : "were",
      join(named, ", "),
      render_size(limit));
}

Result<void> try_to_keep_edits(const store::ObjectStore& objects,
                               const source::EditedFolder& place,
                               const JobOrder& order,
                               SavedArtifacts& result) {
  DSTACK_TRY(auto found, source::find_edits(place, objects, order.keep_changes));
  if (!found.dropped.empty())
    result.warnings.push_back(describe_dropped(found.dropped, order.keep_changes));
  if (found.empty())
    return {};
  DSTACK_TRY(auto kept, make_store_of_changes(objects.home(), order.run));
  DSTACK_TRY(result.edits, source::keep_edits(place, std::move(found), kept, result.warnings));
  result.edits->job = order.index;
  result.edits->exposure = result.record.exposed_changes;
  return {};
}

/// Without them no artifact is lost: the job ends as it would have, with a warning.
void keep_edits(const store::ObjectStore& objects,
                const source::EditedFolder& place,
                const JobOrder& order,
                SavedArtifacts& result) {
  const auto kept = try_to_keep_edits(objects, place, order, result);
  if (kept)
    return;
  note_no_room(kept.error(), result);
  result.warnings.push_back(fmt::format(
      "what it changed beside its artifacts could not be kept: {}{}",
      render(kept.error()),
      result.no_room.empty()
          ? ""
          : fmt::format("; it is still in the workspace, and 'dstack artifacts rescue {}' saves it "
                        "later",
                        order.run)));
}

/// It stays for the user, who may change what is in it.
void keep_workspace(const files::Home& home, const Workspace& workspace, SavedArtifacts& result) {
  if (const auto own = store::take_back_originals(home, workspace.written()); !own)
    result.warnings.push_back(
        fmt::format("files in '{}' may also be those of stored artifacts, which would change with "
                    "them: copy them before you change any ({})",
                    workspace.written().string(),
                    render(own.error())));
}

}  // namespace

SavedArtifacts save_artifacts(store::ObjectStore& objects,
                              const JobOrder& order,
                              const std::string& workflow,
                              const ExitRecord& record,
                              store::Originals originals) {
  SavedArtifacts result;
  result.job = order.index;
  result.record = record;
  const auto workspace = find_workspace(objects, order);
  const source::EditedFolder place = edited_folder(order, *workspace);
  capture(objects, *workspace, place.artifacts, workflow, order, originals, result);
  if (!result.error.empty() && originals == store::Originals::go)
    keep_workspace(objects.home(), *workspace, result);
  if (record.edited && workspace->is_private() && result.error.empty())
    keep_edits(objects, place, order, result);
  return result;
}

}  // namespace dstack::run
