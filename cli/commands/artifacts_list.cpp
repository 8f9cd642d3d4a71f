#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/sweep/address.hpp"
#include "ui/table.hpp"
#include "views/artifact_files.hpp"
#include "views/secret_findings.hpp"

namespace dstack::cli {

namespace {

class ArtifactsList final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .argument("RUN|WORKFLOW:TAG",
                  reference_,
                  Need::optional,
                  "whose artifacts; default: the last run")
        .flag("--json",
              json_,
              "as JSON: an array of {workflow, combination, artifact, path, size, sha256, secrets}")
        .example("dstack artifacts list quiet-otter-3", "all files that the run saved")
        .example("dstack artifacts list download:latest", "those of a tag");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(auto reference, resolve_reference(context, records, reference_));
    DSTACK_TRY(const auto chosen, artifacts_of(records, std::move(reference)));
    const auto& artifacts = chosen.artifacts;
    const store::ObjectStore objects(context.home);
    DSTACK_TRY(const auto files, list_files(objects, artifacts, chosen.folders));
    if (json_)
      context.out.json(as_json(files));
    else if (artifacts.empty())
      context.messages.note(fmt::format("run '{}' has saved no artifacts", chosen.of.run.name));
    else
      print(context, artifacts, files);
    return exit_code::success;
  }

 private:
  static std::string describe(const ArtifactFile& entry) {
    return entry.shown_path() + (entry.file.type == files::EntryType::link ? " (link)" : "") +
           (entry.exposed == nullptr
                ? ""
                : fmt::format(" (contains {})", name_secrets(entry.exposed->secrets)));
  }

  static Json as_json(const std::vector<ArtifactFile>& files) {
    Json list = Json::array();
    for (const ArtifactFile& entry : files)
      list.push_back(
          {{"workflow", std::string(sweep::workflow_of(entry.artifact->workflow))},
           {"combination", combination_json(*entry.artifact)},
           {"artifact", entry.artifact->path},
           {"path", entry.shown_path()},
           {"size", entry.file.size},
           {"sha256", entry.file.digest.render()},
           {"secrets",
            entry.exposed == nullptr ? std::vector<std::string>() : entry.exposed->secrets}});
    return list;
  }

  static Json combination_json(const job::Artifact& artifact) {
    const auto combination = sweep::combination_of(artifact.workflow);
    return combination.empty() ? Json() : Json(combination);
  }

  static void print(Context& context,
                    const std::vector<job::Artifact>& artifacts,
                    const std::vector<ArtifactFile>& files) {
    ui::Table table({{"WORKFLOW"},
                     {"ARTIFACT"},
                     {"FILE", ui::Table::Align::left, ui::Table::Width::shrinks},
                     {"SIZE", ui::Table::Align::right}});
    const bool human = context.out.stream().terminal;
    for (const ArtifactFile& entry : files)
      table.add({{std::string(sweep::workflow_of(entry.artifact->workflow))},
                 {entry.artifact->path + (entry.artifact->partial ? " (partial)" : "")},
                 {describe(entry)},
                 {human ? render_size(entry.file.size) : std::to_string(entry.file.size)}});
    context.out.write(table.render(context.out.stream()));
    for (const job::Artifact& artifact : artifacts)
      if (artifact.tree.files == 0)
        context.messages.note(fmt::format("artifact '{}' of workflow '{}' is empty",
                                          printable(artifact.path),
                                          printable(artifact.workflow)));
    context.messages.warnings(secret_warnings(artifacts));
    std::uint64_t bytes = 0;
    for (const ArtifactFile& entry : files)
      bytes += entry.file.size;
    context.messages.note(fmt::format("{}, {}", plural(files.size(), "file"), render_size(bytes)));
  }

  std::string reference_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_artifacts_list() {
  return std::make_unique<ArtifactsList>();
}

}  // namespace dstack::cli
