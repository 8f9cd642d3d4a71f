#include "views/artifact_files.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/run/client/selection.hpp"
#include "dstack/run/protocol/damaged_input.hpp"
#include "dstack/run/protocol/gathered_path.hpp"
#include "dstack/sweep/address.hpp"
#include "views/secret_findings.hpp"

#include <algorithm>
#include <tuple>

namespace dstack::cli {

namespace {

using Artifacts = std::vector<job::Artifact>;

std::string folder_in(const CombinationFolders& folders, const job::Artifact& artifact) {
  const auto found = folders.find(artifact.workflow);
  return found == folders.end() ? std::string() : found->second;
}

Failure refuse_empty(const std::string& reference,
                     const std::string& workflow,
                     const std::vector<job::Artifact>& all) {
  if (workflow.empty())
    return fail(ErrorCode::not_found, "'{}' has saved no artifacts", reference);
  std::vector<std::string> others;
  for (const job::Artifact& artifact : all)
    if (const std::string name(sweep::workflow_of(artifact.workflow));
        std::find(others.begin(), others.end(), name) == others.end())
      others.push_back(name);
  return fail(ErrorCode::not_found,
              "workflow '{}' of '{}' has saved no artifacts",
              workflow,
              reference)
      .with_hint("{}", others.empty() ? "" : fmt::format("{} did", quoted_list(others)));
}

}  // namespace

std::string ArtifactFile::path() const {
  return folder.empty() ? file.path : run::gathered_path(artifact->path, folder, file.path);
}

std::string ArtifactFile::shown_path() const {
  if (exposed == nullptr || folder.empty())
    return exposed == nullptr ? path() : exposed->path;
  return run::gathered_path(artifact->path, folder, exposed->path);
}

std::string path_among(const job::Artifact& artifact,
                       const CombinationFolders& folders,
                       const std::string& path) {
  const std::string folder = folder_in(folders, artifact);
  return folder.empty() ? path : run::gathered_path(artifact.path, folder, path);
}

Result<std::vector<ArtifactFile>> list_files(const store::ObjectStore& objects,
                                             const std::vector<job::Artifact>& artifacts,
                                             const CombinationFolders& folders) {
  std::vector<ArtifactFile> files;
  for (const job::Artifact& artifact : artifacts) {
    (void)objects.has_tree(artifact.tree);  // so that it stays; what is missing is named below
    DSTACK_TRY(auto listed, objects.list(artifact.tree));
    std::uint64_t number = 0;
    for (store::TreeFile& file : listed) {
      const auto* exposed = find_file_with_secrets(artifact.exposure, file.path, number++);
      files.push_back({&artifact, exposed, std::move(file), folder_in(folders, artifact)});
    }
  }
  return files;
}

std::vector<std::pair<std::string, std::string>> known_paths(store::Records& records,
                                                             const store::ObjectStore& objects,
                                                             const std::string& project,
                                                             const std::string& reference) {
  constexpr std::size_t most = 1000;
  std::vector<std::pair<std::string, std::string>> paths;
  Reference found;
  auto [workflow, name] = split_tag(reference);
  if (workflow.empty()) {
    std::tie(name, found.combination) = run::split_part(reference);
  } else {
    const auto tag = records.find_tag(project, workflow, name);
    name = tag && *tag ? (*tag)->run : "";
    found.workflow = workflow;
    found.combination = tag && *tag ? (*tag)->combination : "";
  }
  auto run = records.find_run(name);
  if (!run || !*run)
    return paths;
  found.run = **std::move(run);
  const auto chosen = artifacts_of(records, std::move(found));
  if (!chosen)
    return paths;
  const auto files =
      list_files(objects, chosen->artifacts, chosen->folders).value_or(std::vector<ArtifactFile>());
  for (const ArtifactFile& each : files)
    if (each.exposed == nullptr && paths.size() < most)
      paths.emplace_back(each.path(), each.artifact->workflow);
  return paths;
}

Result<ChosenArtifacts> artifacts_of(store::Records& records, Reference reference) {
  const store::RunRecord& run = reference.run;
  DSTACK_TRY(const auto part, run::Selection::make(run, reference.workflow, reference.combination));
  DSTACK_TRY(const auto all, records.artifacts(run.id));
  std::map<std::string, std::size_t> index;
  for (const store::WorkflowRecord& workflow : run.workflows)
    index.emplace(workflow.name, workflow.index);
  ChosenArtifacts chosen;
  for (const job::Artifact& artifact : all) {
    const auto workflow = index.find(artifact.workflow);
    if (workflow != index.end() ? part.holds(workflow->second) : part.is_all())
      chosen.artifacts.push_back(artifact);
  }
  if (!part.is_one_combination(run))
    for (const job::Artifact& artifact : chosen.artifacts)
      if (const auto combination = sweep::combination_of(artifact.workflow); !combination.empty())
        chosen.folders.emplace(artifact.workflow, sweep::folder_of(combination));
  chosen.of = std::move(reference);
  return chosen;
}

Result<ChosenArtifacts> choose_artifacts(const Context& context,
                                         store::Records& records,
                                         const std::string& reference,
                                         const std::string& workflow) {
  DSTACK_TRY(Reference found, resolve_reference(context, records, reference));
  if (!workflow.empty()) {
    if (!found.workflow.empty() && found.workflow != workflow)
      return fail(ErrorCode::usage,
                  "'{}' is of workflow '{}', and '-w' asks for '{}'",
                  reference,
                  found.workflow,
                  workflow)
          .with_hint("leave out '-w'");
    found.workflow = workflow;
  }
  DSTACK_TRY(auto chosen, artifacts_of(records, std::move(found)));
  if (chosen.artifacts.empty()) {
    DSTACK_TRY(const auto all, records.artifacts(chosen.of.run.id));
    return refuse_empty(reference, workflow, all);
  }
  return chosen;
}

Error of_artifact(Error error, const job::Artifact& artifact, const std::string& run) {
  return run::name_owner(std::move(error), {run, artifact.workflow, artifact.path});
}

std::string normal_artifact_path(const std::string& path) {
  return normal_relative_path(path).value_or(path);
}

std::string hint_for_path(const std::string& path,
                          const std::vector<ArtifactFile>& files,
                          const std::string& reference) {
  std::vector<std::string> paths;
  std::vector<std::string> namesakes;
  for (const ArtifactFile& file : files) {
    if (file.path() == file.shown_path() && file_name(file.file.path) == file_name(path))
      namesakes.push_back(file.shown_path());
    paths.push_back(file.shown_path());
  }
  if (!namesakes.empty()) {
    std::sort(namesakes.begin(), namesakes.end());
    namesakes.erase(std::unique(namesakes.begin(), namesakes.end()), namesakes.end());
    return fmt::format("there is {}", quoted_list(namesakes, 3));
  }
  std::string hint = did_you_mean(path, paths);
  for (std::string& each : paths)
    each = std::string(file_name(each));
  if (hint.empty())
    hint = did_you_mean(std::string(file_name(path)), paths);
  return hint.empty() ? fmt::format("'dstack artifacts list {}' lists the files", reference) : hint;
}

PathPatterns::PathPatterns(const std::vector<std::string>& texts, std::string base)
    : base_(std::move(base)) {
  for (const std::string& text : texts) {
    Pattern pattern;
    pattern.text = text;
    pattern.path = normal_artifact_path(text);
    std::string rule = text;
    if (rule.starts_with('!') && rule.size() > 1) {
      pattern.excludes = true;
      rule.erase(0, 1);
      pattern.path = normal_artifact_path(rule);
    }
    if (rule.starts_with("./"))
      rule.erase(0, 2);
    // What has a meaning in a file of patterns only.
    if (rule.starts_with('!') || rule.starts_with('#'))
      rule.insert(0, "\\");
    if (rule.ends_with(' '))
      rule.insert(rule.size() - 1, "\\");
    if (rule.find('\n') == std::string::npos)
      pattern.rules.add("", rule);
    patterns_.push_back(std::move(pattern));
  }
}

bool PathPatterns::matches(Pattern& pattern, const std::string& path, source::PathType type) {
  const bool is_root = pattern.path.empty() && !pattern.text.empty();
  const bool is_named = !pattern.path.empty() && is_below(path, pattern.path);
  return is_root || is_named || pattern.rules.ignores(path) || pattern.rules.matches(path, type);
}

bool PathPatterns::takes(const std::string& path, source::PathType type) {
  bool taken = std::all_of(
      patterns_.begin(), patterns_.end(), [](const Pattern& pattern) { return pattern.excludes; });
  bool excluded = false;
  for (Pattern& pattern : patterns_) {
    const bool is_in_base = !base_.empty() && path != base_ && is_below(path, base_);
    if (!matches(pattern, path, type) &&
        !(is_in_base && matches(pattern, path.substr(base_.size() + 1), type)))
      continue;
    pattern.used = true;
    (pattern.excludes ? excluded : taken) = true;
  }
  return taken && !excluded;
}

std::vector<std::string> PathPatterns::unused() const {
  std::vector<std::string> texts;
  for (const Pattern& pattern : patterns_)
    if (!pattern.used)
      texts.push_back(pattern.text);
  return texts;
}

}  // namespace dstack::cli
