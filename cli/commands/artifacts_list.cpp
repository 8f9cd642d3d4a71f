#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/secret_findings.hpp"
#include "ui/table.hpp"
#include "views/secret_findings.hpp"

namespace dstack::cli {

namespace {

/// A file of an artifact; its path is relative to the project's root, as the artifact's own.
struct Listed {
  const job::Artifact* artifact;
  const job::FileWithSecrets* exposed;  ///< null: no secret is known to be in it
  store::TreeFile file;

  /// Without the secrets that it may have.
  const std::string& shown_path() const { return exposed == nullptr ? file.path : exposed->path; }
};

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
              "as JSON: an array of {workflow, artifact, path, size, sha256, secrets}")
        .example("dstack artifacts list quiet-otter-3", "all files that the run saved")
        .example("dstack artifacts list download:latest", "those of a tag");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(const auto reference, resolve_reference(context, records, reference_));
    DSTACK_TRY(auto artifacts, records.artifacts(reference.run.id));
    if (!reference.workflow.empty())
      std::erase_if(artifacts,
                    [&](const auto& artifact) { return artifact.workflow != reference.workflow; });
    const store::ObjectStore objects(context.home);
    std::vector<Listed> files;
    for (const job::Artifact& artifact : artifacts) {
      DSTACK_TRY(auto listed, objects.list(artifact.tree));
      std::uint64_t number = 0;
      for (store::TreeFile& file : listed) {
        const auto* exposed = find_file_with_secrets(artifact.exposure, file.path, number++);
        files.push_back({&artifact, exposed, std::move(file)});
      }
    }
    if (json_)
      context.out.json(as_json(files));
    else if (artifacts.empty())
      context.messages.note(fmt::format("run '{}' has saved no artifacts", reference.run.name));
    else
      print(context, artifacts, files);
    return exit_code::success;
  }

 private:
  static std::string describe(const Listed& entry) {
    return entry.shown_path() + (entry.file.type == files::EntryType::link ? " (link)" : "") +
           (entry.exposed == nullptr
                ? ""
                : fmt::format(" (contains {})", name_secrets(entry.exposed->secrets)));
  }

  static Json as_json(const std::vector<Listed>& files) {
    Json list = Json::array();
    for (const Listed& entry : files)
      list.push_back(
          {{"workflow", entry.artifact->workflow},
           {"artifact", entry.artifact->path},
           {"path", entry.shown_path()},
           {"size", entry.file.size},
           {"sha256", entry.file.digest.render()},
           {"secrets",
            entry.exposed == nullptr ? std::vector<std::string>() : entry.exposed->secrets}});
    return list;
  }

  static void print(Context& context,
                    const std::vector<job::Artifact>& artifacts,
                    const std::vector<Listed>& files) {
    ui::Table table({{"WORKFLOW"},
                     {"ARTIFACT"},
                     {"FILE", ui::Table::Align::left, ui::Table::Width::shrinks},
                     {"SIZE", ui::Table::Align::right}});
    const bool human = context.out.stream().terminal;
    for (const Listed& entry : files)
      table.add({{entry.artifact->workflow},
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
    for (const Listed& entry : files)
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
