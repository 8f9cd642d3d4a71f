#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/project.hpp"
#include "views/artifact_files.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fcntl.h>

namespace dstack::cli {

namespace {

using files::EntryType;

constexpr int most_links = 40;  // as the kernel follows

class ArtifactsCat final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN|WORKFLOW:TAG", reference_, Need::required, "whose artifacts")
        .argument("PATH", path_, Need::required, "the file, from the project's root")
        .option("-w,--workflow", "WORKFLOW", workflow_, "what this workflow of the run saved")
        .note("Writes the bytes of the file as they are. A link is followed within the artifacts.")
        .example("dstack artifacts cat quiet-otter-3 model/metrics.json", "a file of a run")
        .example("dstack artifacts cat train:best model/metrics.json | jq .loss", "of a tag");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(const auto chosen, choose_artifacts(context, records, reference_, workflow_));
    const store::ObjectStore objects(context.home);
    DSTACK_TRY(const auto files, list_files(objects, chosen.artifacts, chosen.folders));
    DSTACK_TRY(const ArtifactFile* file,
               find(files, path_in(files, config::place_in_code(chosen.of.run.project))));
    for (int links = 0; file->file.type == EntryType::link; ++links) {
      DSTACK_TRY(const std::string target, objects.read_blob(file->file.digest));
      DSTACK_TRY(file, follow(files, *file, target, links));
    }
    DSTACK_CHECK(write(context, objects, *file).map_error([&](Error error) {
      return of_artifact(std::move(error), *file->artifact, chosen.of.run.name);
    }));
    return exit_code::success;
  }

 private:
  /// From the code's root, or else from the project's folder.
  std::string path_in(const std::vector<ArtifactFile>& files, const std::string& base) const {
    std::string path = normal_artifact_path(path_);
    const auto is_there = [&](const std::string& wanted) {
      return std::any_of(files.begin(), files.end(), [&](const ArtifactFile& file) {
        return is_below(file.path(), wanted);
      });
    };
    std::string below = base.empty() ? std::string() : fmt::format("{}/{}", base, path);
    return !below.empty() && !is_there(path) && is_there(below) ? below : path;
  }

  /// Of several workflows that saved the path, all have to have the same there.
  Result<const ArtifactFile*> find(const std::vector<ArtifactFile>& files,
                                   const std::string& path) const {
    const ArtifactFile* found = nullptr;
    std::set<std::string> owners;
    bool differ = false;
    for (const ArtifactFile& file : files) {
      if (file.path() != path)
        continue;
      differ = differ || (found != nullptr && (found->file.digest != file.file.digest ||
                                               found->file.type != file.file.type));
      found = found == nullptr ? &file : found;
      owners.insert(file.artifact->workflow);
    }
    if (differ)
      return fail(ErrorCode::usage,
                  "several workflows of '{}' saved '{}', each another content",
                  reference_,
                  printable(path))
          .with_hint("name one of {} with '-w'",
                     quoted_list(std::vector<std::string>(owners.begin(), owners.end())));
    if (found != nullptr)
      return found;
    return refuse(files, path);
  }

  Failure refuse(const std::vector<ArtifactFile>& files, const std::string& path) const {
    std::vector<std::string> inside;
    for (const ArtifactFile& file : files)
      if (path.empty() || file.path().starts_with(path + "/"))
        inside.push_back(file.shown_path());
    if (!inside.empty())
      return fail(ErrorCode::not_found, "'{}' is a folder", printable(path_))
          .with_hint("it has {}", quoted_list(inside, 3));
    return fail(ErrorCode::not_found, "'{}' has no file '{}'", reference_, printable(path_))
        .with_hint("{}", hint_for_path(path, files, reference_));
  }

  /// What a link of the same artifacts leads to.
  Result<const ArtifactFile*> follow(const std::vector<ArtifactFile>& files,
                                     const ArtifactFile& link,
                                     const std::string& target,
                                     int links) const {
    const Path folder = Path(link.file.path).parent_path();
    const auto path = target.starts_with('/')
                          ? std::nullopt
                          : normal_relative_path((folder / target).lexically_normal().string());
    const auto owner = [&](const ArtifactFile& file) {
      return path && file.file.path == *path && file.artifact->workflow == link.artifact->workflow;
    };
    const auto found = std::find_if(files.begin(), files.end(), owner);
    if (found != files.end() && links < most_links)
      return &*found;
    return fail(ErrorCode::not_found,
                "'{}' is a link to '{}', which is not a file of the artifacts",
                printable(link.shown_path()),
                link.exposed == nullptr ? printable(target) : "***");
  }

  /// The content is checked on the way, and a damaged one is an error at the end.
  static Result<void> write(Context& context,
                            const store::ObjectStore& objects,
                            const ArtifactFile& file) {
    DSTACK_TRY(const Fd source, objects.open_blob(file.file));
    Sha256 hasher;
    std::array<char, 1 << 17> buffer;
    for (std::uint64_t left = file.file.size; left > 0;) {
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
      DSTACK_TRY(const std::size_t count, read_some(source.get(), buffer.data(), wanted));
      if (count == 0)
        break;
      left -= count;
      hasher.update({buffer.data(), count});
      context.out.write({buffer.data(), count});
      if (context.out.closed())
        return {};
    }
    if (hasher.finish() == file.file.digest)
      return {};
    if (auto proven = objects.prove(file.file); !proven)
      return proven.map_error(while_doing("writing what is not what was saved"));
    return fail(ErrorCode::internal,
                "'{}' was read wrongly: what was written is not what was saved",
                printable(file.shown_path()))
        .with_hint("run the command again");
  }

  std::string reference_;
  std::string path_;
  std::string workflow_;
};

}  // namespace

std::unique_ptr<Action> make_artifacts_cat() {
  return std::make_unique<ArtifactsCat>();
}

}  // namespace dstack::cli
