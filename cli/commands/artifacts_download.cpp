#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "commands/download_folder.hpp"
#include "dstack/base/git_name.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/files/parallel.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/run/protocol/gathered_path.hpp"
#include "dstack/sweep/address.hpp"
#include "dstack/sweep/trials.hpp"
#include "follow/unwinding.hpp"
#include "views/artifact_files.hpp"
#include "views/work_progress.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

namespace dstack::cli {

namespace {

/// A file or link to write, where below the output, and what it is of.
struct Wanted {
  store::TreeFile file;
  std::string destination;
  const job::Artifact* artifact;
  std::string text = {};  ///< of a file that is in no store: the table of a sweep
};

constexpr std::size_t files_at_once = 8;

class ArtifactsDownload final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN|WORKFLOW:TAG", reference_, Need::required, "whose artifacts")
        .arguments("PATTERN", patterns_, Need::optional, "only these files and folders")
        .option("-w,--workflow", "WORKFLOW", workflow_, "only what this workflow of the run saved")
        .option("-o,--output", "DIR", output_, "the folder to write to; created if missing")
        .flag("-f,--force", force_, "replace files whose content differs")
        .note(
            "Writes DIR/ARTIFACT, or DIR/WORKFLOW/ARTIFACT when the run has several workflows.\n"
            "Existing files with the same content are not touched.\n\n"
            "A PATTERN is read as in '.gitignore': '*.csv' takes files of any folder, "
            "'model/*.csv' those\n"
            "of one, '**' any number of folders, and a folder has all that is below it. '!*.csv' "
            "leaves out\n"
            "what the others take.")
        .example("dstack artifacts download quiet-otter-3 -o out", "all that a run saved")
        .example("dstack artifacts download train:best -o out", "what is tagged")
        .example("dstack artifacts download quiet-otter-3 -w train '*.csv' -o out",
                 "the tables of one workflow");
  }

  Result<int> run(Context& context) override {
    if (output_.empty())
      return fail(ErrorCode::usage, "'dstack artifacts download' needs a folder to write to")
          .with_hint("add '-o DIR'");
    const Unwinding unwinding;  // what is made later goes before the process does
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(const auto chosen, choose_artifacts(context, records, reference_, workflow_));
    const bool several = chosen.of.workflow.empty() && has_several_workflows(chosen.of.run);
    return download(context, chosen, several);
  }

 private:
  /// The combinations of a sweep are one.
  static bool has_several_workflows(const store::RunRecord& run) {
    return std::any_of(run.workflows.begin(), run.workflows.end(), [&](const auto& workflow) {
      return sweep::workflow_of(workflow.name) != sweep::workflow_of(run.workflows.front().name);
    });
  }

  /// With the permissions that each lacks.
  using Folders = std::map<std::string, std::uint32_t>;

  Result<int> download(Context& context, const ChosenArtifacts& chosen, bool several) const {
    const std::vector<job::Artifact>& artifacts = chosen.artifacts;
    const store::ObjectStore objects(context.home);
    std::vector<Wanted> files;
    Folders folders;
    PathPatterns patterns(
        patterns_,
        patterns_.empty() ? std::string() : config::place_in_code(chosen.of.run.project));
    for (const job::Artifact& artifact : artifacts) {
      const std::string workflow(sweep::workflow_of(artifact.workflow));
      const std::string root = several ? workflow + "/" : "";
      const auto place = [&](const std::string& path) {
        return path_among(artifact, chosen.folders, path);
      };
      const std::size_t before = files.size();
      (void)objects.has_tree(artifact.tree);  // so that it stays; what is missing is named below
      DSTACK_TRY(const auto listed, objects.list(artifact.tree).map_error([&](Error error) {
        return of_artifact(std::move(error), artifact, chosen.of.run.name);
      }));
      for (const store::TreeFile& file : listed)
        if (patterns.takes(place(file.path), source::PathType::file))
          files.push_back({file, root + place(file.path), &artifact});
      if (several && (patterns_.empty() || files.size() > before))
        folders.emplace(workflow, 0);
      std::set<std::string> holding;  // folders that hold one of these
      for (std::size_t i = before; i < files.size(); ++i)
        for (Path above = Path(files[i].destination.substr(root.size())).parent_path();
             !above.empty();
             above = above.parent_path())
          holding.insert(above.string());
      DSTACK_TRY(const auto below, objects.list_folders(artifact.tree));
      for (const store::TreeFolder& folder : below) {
        const bool above = !chosen.folders.empty() && !is_below(folder.path, artifact.path);
        const std::string path = above ? folder.path : place(folder.path);
        if (patterns.takes(path, source::PathType::folder) || holding.contains(path))
          folders[root + path] |= folder.closed;
      }
      for (const std::string& folder : holding)
        folders.try_emplace(root + folder, 0);
    }
    if (patterns_.empty())
      add_tables(chosen, several, files);
    DSTACK_CHECK(check_used(patterns, objects, chosen));
    const std::string in_git = leave_out_git(files, folders);
    // A link of one artifact may be a folder of another, which then holds what the link leads to.
    std::erase_if(files,
                  [&](const Wanted& wanted) { return folders.contains(wanted.destination); });
    DSTACK_TRY(DownloadFolder output, DownloadFolder::open(place_of_new(output_), context.home));
    DSTACK_CHECK(check_folders(output, folders));
    DSTACK_TRY(const auto missing, to_write(output, std::move(files)));
    DSTACK_CHECK(output.prepare());
    for (const auto& [folder, closed] : folders)
      DSTACK_CHECK(output.make_folder(folder, closed));
    WorkAmount all{missing.files.size(), 0};
    for (const Wanted& wanted : missing.files)
      all.bytes += wanted.file.size;
    auto written = write(context, output, objects, missing.files, all, chosen.of.run.name);
    output.finish();
    DSTACK_CHECK(std::move(written));
    if (!in_git.empty())
      context.messages.warnings({in_git});
    context.messages.note(fmt::format(
        "downloaded {}, {} to {}{}",
        plural(missing.files.size(), "file"),
        render_size(all.bytes),
        printable(output_),
        missing.same > 0
            ? fmt::format(
                  "; {}{} already up to date", missing.same, missing.same == 1 ? " was" : " were")
            : ""));
    return exit_code::success;
  }

  /// One beside the folders of combinations.
  static void add_tables(const ChosenArtifacts& chosen, bool several, std::vector<Wanted>& files) {
    struct Table {
      std::vector<sweep::TableRow> rows;
      std::int64_t modified = 0;
      const job::Artifact* artifact = nullptr;
    };

    std::map<std::string, Table> tables;
    for (const Wanted& wanted : files) {
      const auto folder = chosen.folders.find(wanted.artifact->workflow);
      if (folder == chosen.folders.end())
        continue;
      const std::string place =
          run::table_path(run::gathering_folder(wanted.artifact->path, wanted.file.path));
      const std::string root =
          several ? std::string(sweep::workflow_of(wanted.artifact->workflow)) + "/" : "";
      Table& table = tables[root + place];
      table.artifact = wanted.artifact;
      table.modified = std::max(table.modified, wanted.file.modified);
      if (table.rows.empty() || table.rows.back().folder != folder->second)
        table.rows.push_back(
            {folder->second, sweep::parts_of(sweep::combination_of(wanted.artifact->workflow))});
    }
    for (auto& [path, table] : tables) {
      std::string text = sweep::render_table(table.rows);
      const store::TreeFile file{
          .path = path, .digest = sha256(text), .size = text.size(), .modified = table.modified};
      files.push_back({file, path, table.artifact, std::move(text)});
    }
  }

  /// Of what is damaged in the store nothing is written, but everything else is.
  Result<void> write(const Context& context,
                     DownloadFolder& output,
                     const store::ObjectStore& objects,
                     const std::vector<Wanted>& files,
                     const WorkAmount& all,
                     const std::string& run) const {
    WorkProgress progress(context.messages);
    progress.begin(fmt::format("downloading to '{}'", printable(output_)));
    expect_work(all);
    std::mutex mutex;
    std::vector<Error> damaged;
    DSTACK_CHECK(files::in_parallel(
        files.size(), files_at_once, [&](std::size_t first, std::size_t last) -> Result<void> {
          for (std::size_t i = first; i < last; ++i) {
            if (auto going_on = check_stop(); !going_on)
              return going_on;
            const Wanted& wanted = files[i];
            auto written = wanted.text.empty()
                               ? output.write(objects, wanted.file, wanted.destination)
                               : output.write(wanted.text, wanted.file, wanted.destination);
            if (!written && written.error().code != ErrorCode::damaged)
              return written;
            count_work({.files = 1});
            if (written)
              continue;
            const std::lock_guard guard(mutex);
            damaged.push_back(of_artifact(std::move(written).error(), *wanted.artifact, run));
          }
          return {};
        }));
    if (damaged.empty())
      return {};
    return fail(join(std::move(damaged)));
  }

  /// Of several patterns each takes something: one that does not is most likely misspelt.
  Result<void> check_used(const PathPatterns& patterns,
                          const store::ObjectStore& objects,
                          const ChosenArtifacts& chosen) const {
    const auto unused = patterns.unused();
    if (unused.empty())
      return {};
    DSTACK_TRY(const auto files, list_files(objects, chosen.artifacts, chosen.folders));
    std::vector<Error> errors;
    for (const std::string& text : unused)
      errors.push_back(
          make_error(ErrorCode::not_found, "'{}' has no file '{}'", reference_, printable(text))
              .with_hint("{}", hint_for_path(normal_artifact_path(text), files, reference_)));
    return fail(join(std::move(errors)));
  }

  /// What Git would take for a repository of the user's, whose hooks it runs, is not written; what
  /// to say of it.
  static std::string leave_out_git(std::vector<Wanted>& files, Folders& folders) {
    std::set<std::string> left_out;
    const std::size_t removed = std::erase_if(files, [&](const Wanted& wanted) {
      const std::string_view part = git_part(wanted.destination);
      if (!part.empty())
        left_out.emplace(part);
      return !part.empty();
    });
    std::erase_if(folders, [](const auto& folder) { return !git_part(folder.first).empty(); });
    if (left_out.empty())
      return {};
    return fmt::format(
        "{} not written, because Git would take {} for a repository of yours and run its hooks; "
        "'dstack artifacts cat' prints a file, and a job can pack them with tar",
        removed == 1 ? "a file was" : fmt::format("{} files were", removed),
        quoted_list({left_out.begin(), left_out.end()}, 3));
  }

  /// Links and files where folders are to be, which `--force` replaces.
  Result<void> check_folders(const DownloadFolder& output, const Folders& folders) const {
    std::vector<std::string> obstacles;
    for (const auto& [folder, closed] : folders)
      if (auto found = output.obstacle(folder); found && !force_)
        obstacles.push_back(shown(*found));
    obstacles.erase(std::unique(obstacles.begin(), obstacles.end()), obstacles.end());
    if (obstacles.empty())
      return {};
    return fail(ErrorCode::conflict,
                "a link or a file has the path of a folder: {}",
                quoted_list(obstacles))
        .with_hint(
            "'--force' replaces it by a folder, and leaves alone what a link leads to; nothing was "
            "written");
  }

  std::string shown(const std::string& path) const { return (Path(output_) / path).string(); }

  struct Missing {
    std::vector<Wanted> files;
    std::size_t same = 0;
  };

  /// Checks everything before anything is written.
  Result<Missing> to_write(const DownloadFolder& output, std::vector<Wanted> files) const {
    using Found = DownloadFolder::Found;
    Missing missing;
    std::vector<std::string> different;
    std::vector<std::string> folders;
    for (Wanted& wanted : files) {
      DSTACK_TRY(const Found found, output.compare(wanted.file, wanted.destination));
      if (found == Found::same) {
        ++missing.same;
        continue;
      }
      if (found == Found::different)
        different.push_back(shown(wanted.destination));
      if (found == Found::folder)
        folders.push_back(shown(wanted.destination));
      missing.files.push_back(std::move(wanted));
    }
    if (!folders.empty())
      return fail(ErrorCode::conflict, "a folder has the path of a file: {}", quoted_list(folders))
          .with_hint("move it, or choose another folder with '-o'");
    if (!different.empty() && !force_)
      return fail(ErrorCode::conflict,
                  "{} would be overwritten with other content: {}",
                  plural(different.size(), "file"),
                  quoted_list(different))
          .with_hint("'--force' replaces them; nothing was written");
    return missing;
  }

  std::string reference_;
  std::vector<std::string> patterns_;
  std::string workflow_;
  std::string output_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Action> make_artifacts_download() {
  return std::make_unique<ArtifactsDownload>();
}

}  // namespace dstack::cli
