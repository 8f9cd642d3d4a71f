#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/job/artifact.hpp"
#include "views/artifact_files.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::cli {

namespace {

using files::EntryType;

/// A file or link to write, and where.
struct Wanted {
  store::TreeFile file;
  Path destination;
};

enum class Found { nothing, same, different, folder };

Result<Digest> hash_file(const Path& path) {
  DSTACK_TRY(const Fd file, open_file(path.string(), O_RDONLY));
  Sha256 hasher;
  std::array<char, 1 << 16> buffer;
  for (;;) {
    DSTACK_TRY(const std::size_t count, read_some(file.get(), buffer.data(), buffer.size()));
    if (count == 0)
      return hasher.finish();
    hasher.update({buffer.data(), count});
  }
}

/// Content decides what is the same; modification times do not.
Result<Found> compare(const Wanted& wanted) {
  struct stat status {};

  if (::lstat(wanted.destination.c_str(), &status) != 0)
    return Found::nothing;
  if (S_ISDIR(status.st_mode))
    return Found::folder;
  const bool link = wanted.file.type == EntryType::link;
  if (link != S_ISLNK(status.st_mode) || (!link && !S_ISREG(status.st_mode)))
    return Found::different;
  if (link) {
    boost::system::error_code error;
    const Path target = fs::read_symlink(wanted.destination, error);
    return !error && sha256(target.string()) == wanted.file.digest ? Found::same : Found::different;
  }
  if (static_cast<std::uint64_t>(status.st_size) != wanted.file.size)
    return Found::different;
  DSTACK_TRY(const Digest digest, hash_file(wanted.destination));
  if (digest != wanted.file.digest)
    return Found::different;
  const bool executable = (status.st_mode & 0111u) != 0;
  if (executable != (wanted.file.type == EntryType::executable))
    ::chmod(wanted.destination.c_str(), executable ? 0644 : 0755);
  return Found::same;
}

Result<void> copy_bytes(const Path& from, const Path& to, bool executable) {
  DSTACK_TRY(const Fd source, open_file(from.string(), O_RDONLY));
  DSTACK_TRY(
      const Fd target,
      open_file(to.string(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, executable ? 0755 : 0644));
  std::array<char, 1 << 17> buffer;
  for (;;) {
    // Within the kernel where possible: some file systems then share the blocks.
    const ssize_t moved =
        ::copy_file_range(source.get(), nullptr, target.get(), nullptr, 1u << 30, 0);
    if (moved > 0)
      continue;
    DSTACK_TRY(const std::size_t count, read_some(source.get(), buffer.data(), buffer.size()));
    if (count == 0)
      return {};
    DSTACK_CHECK(write_all(target.get(), {buffer.data(), count}));
  }
}

void set_time(const Path& path, std::int64_t nanoseconds) {
  constexpr std::int64_t second = 1'000'000'000;
  const std::int64_t fraction = ((nanoseconds % second) + second) % second;
  const timespec time = {static_cast<time_t>((nanoseconds - fraction) / second),
                         static_cast<long>(fraction)};
  const timespec times[2] = {time, time};
  ::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

/// Written under another name, then renamed: a partial file is never visible.
Result<void> write(const store::ObjectStore& objects, const Wanted& wanted) {
  DSTACK_CHECK(make_folders(wanted.destination.parent_path()));
  const Path temporary = fmt::format("{}.dstack-{}", wanted.destination.string(), random_hex(4));
  const auto make = [&]() -> Result<void> {
    if (wanted.file.type == EntryType::link) {
      DSTACK_TRY(const std::string target, objects.read_blob(wanted.file.digest));
      if (::symlink(target.c_str(), temporary.c_str()) != 0)
        return fail_errno("cannot make '{}'", wanted.destination.string());
    } else {
      const bool executable = wanted.file.type == EntryType::executable;
      DSTACK_CHECK(
          copy_bytes(objects.blob_path(wanted.file.digest, executable), temporary, executable));
    }
    set_time(temporary, wanted.file.modified);
    if (::rename(temporary.c_str(), wanted.destination.c_str()) != 0)
      return fail_errno("cannot write '{}'", wanted.destination.string());
    return {};
  };
  auto made = make();
  if (!made)
    ::unlink(temporary.c_str());
  return made;
}

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
            "of one, '**' any number of folders, and a folder has all that is below it.")
        .example("dstack artifacts download quiet-otter-3 -o out", "all that a run saved")
        .example("dstack artifacts download train:best -o out", "what is tagged")
        .example("dstack artifacts download quiet-otter-3 -w train '*.csv' -o out",
                 "the tables of one workflow");
  }

  Result<int> run(Context& context) override {
    if (output_.empty())
      return fail(ErrorCode::usage, "'dstack artifacts download' needs a folder to write to")
          .with_hint("add '-o DIR'");
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(const auto chosen, choose_artifacts(context, records, reference_, workflow_));
    const bool several = chosen.of.workflow.empty() && chosen.of.run.workflows.size() > 1;
    return download(context, chosen.artifacts, several);
  }

 private:
  Result<int> download(Context& context,
                       const std::vector<job::Artifact>& artifacts,
                       bool several) const {
    const store::ObjectStore objects(context.home);
    std::vector<Wanted> files;
    std::set<Path> folders;
    PathPatterns patterns(patterns_);
    for (const job::Artifact& artifact : artifacts) {
      const Path root = several ? Path(output_) / artifact.workflow : Path(output_);
      DSTACK_TRY(const auto listed, objects.list(artifact.tree));
      for (const store::TreeFile& file : listed)
        if (patterns.takes(file.path, source::PathType::file))
          files.push_back({file, root / file.path});
      DSTACK_TRY(const auto below, objects.list_folders(artifact.tree));
      for (const std::string& folder : below)
        if (patterns.takes(folder, source::PathType::folder))
          folders.insert(root / folder);
    }
    DSTACK_CHECK(check_used(patterns, objects, artifacts));
    DSTACK_TRY(const auto missing, to_write(std::move(files)));
    for (const Path& folder : folders)
      DSTACK_CHECK(make_folders(folder));
    std::uint64_t bytes = 0;
    for (const Wanted& wanted : missing.files) {
      DSTACK_CHECK(write(objects, wanted));
      bytes += wanted.file.size;
    }
    context.messages.note(fmt::format(
        "downloaded {}, {} to {}{}",
        plural(missing.files.size(), "file"),
        render_size(bytes),
        printable(output_),
        missing.same > 0
            ? fmt::format(
                  "; {}{} already up to date", missing.same, missing.same == 1 ? " was" : " were")
            : ""));
    return exit_code::success;
  }

  /// Of several patterns each takes something: one that does not is most likely misspelt.
  Result<void> check_used(const PathPatterns& patterns,
                          const store::ObjectStore& objects,
                          const std::vector<job::Artifact>& artifacts) const {
    const auto unused = patterns.unused();
    if (unused.empty())
      return {};
    DSTACK_TRY(const auto files, list_files(objects, artifacts));
    std::vector<Error> errors;
    for (const std::string& text : unused)
      errors.push_back(
          make_error(ErrorCode::not_found, "'{}' has no file '{}'", reference_, printable(text))
              .with_hint("{}", hint_for_path(normal_artifact_path(text), files, reference_)));
    return fail(join(std::move(errors)));
  }

  struct Missing {
    std::vector<Wanted> files;
    std::size_t same = 0;
  };

  /// Checks everything before anything is written.
  Result<Missing> to_write(std::vector<Wanted> files) const {
    Missing missing;
    std::vector<std::string> different;
    std::vector<std::string> folders;
    for (Wanted& wanted : files) {
      DSTACK_TRY(const Found found, compare(wanted));
      if (found == Found::same) {
        ++missing.same;
        continue;
      }
      if (found == Found::different)
        different.push_back(wanted.destination.string());
      if (found == Found::folder)
        folders.push_back(wanted.destination.string());
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
