// Bringing edits back into the project, three-way.
#include "dstack/base/file_digest.hpp"
#include "dstack/base/git_name.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/drafts.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/staging_folder.hpp"
#include "dstack/files/users_folder.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/source/code_rules.hpp"
#include "dstack/source/edits.hpp"
#include "dstack/source/exclusions.hpp"
#include "dstack/source/file_digest.hpp"
#include "dstack/source/git.hpp"

#include <cerrno>
#include <functional>
#include <map>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::source {

namespace {

using files::EntryType;

constexpr std::uint64_t largest_merged = 16 << 20;

/// What is at a path: nothing, a file or link with its content, or something in the way.
struct Content {
  enum class Kind { nothing, known, obstacle };

  Kind kind = Kind::nothing;
  EntryType type = EntryType::file;
  Digest digest = {};
  std::uint64_t size = 0;
  std::uint32_t closed = 0;  ///< of a file in the store: as in files::FileState
  mode_t mode = 0;           ///< of a file in the project

  /// Modes do not count: a job's are never those of the project.
  bool operator==(const Content& other) const {
    return kind == other.kind && type == other.type && digest == other.digest && size == other.size;
  }
};

constexpr Content::Kind nothing = Content::Kind::nothing;

Result<Content> content_at(int root, const Path& project, const std::string& path) {
  const Fd entry(files::open_beneath(root, path, O_PATH | O_NOFOLLOW));
  if (!entry && errno == ENOENT)
    return Content{.kind = nothing};
  if (!entry && (files::is_missing(errno) || errno == EACCES || errno == EXDEV))
    return Content{.kind = Content::Kind::obstacle};
  if (!entry)
    return fail_errno("cannot open '{}'", (project / path).string());
  struct stat status;
  if (::fstat(entry.get(), &status) != 0)
    return fail_errno("cannot inspect '{}'", (project / path).string());
  const auto state = files::file_state(status);
  if (!state || state->type == EntryType::folder)
    return Content{.kind = Content::Kind::obstacle};
  DSTACK_TRY(const Digest digest, digest_of(root, path, state->type));
  if (state->type == EntryType::link)
    return Content{.kind = Content::Kind::known,
                   .type = EntryType::link,
                   .digest = digest,
                   .size = state->size};
  return Content{.kind = Content::Kind::known,
                 .type = state->type,
                 .digest = digest,
                 .size = state->size,
                 .mode = status.st_mode & 07777};
}

Content content_of(const store::TreeFile& file) {
  return {.kind = Content::Kind::known,
          .type = file.type,
          .digest = file.digest,
          .size = file.size,
          .closed = file.closed};
}

/// The mode of a file that stays the user's: theirs alone may take permissions away, if the job
/// did, and only the x bits follow the job.
mode_t kept_mode(const Content& base, const Content& ours, const Content& theirs) {
  const std::uint32_t closed_before = base.kind == Content::Kind::known ? base.closed : 0;
  const mode_t mode = ours.mode & ~(theirs.closed & ~closed_before);
  if (theirs.type == ours.type)
    return mode;
  return theirs.type == EntryType::executable ? mode | ((mode & 0444U) >> 2) : mode & ~0111U;
}

class Applier {
 public:
  Applier(const Path& project, files::UsersFolder root, const EditedCode& edited, Path staging)
      : project_(project),
        edited_(edited),
        staging_(std::move(staging)),
        drafts_(edited.objects.home()),
        root_(std::move(root)) {}

  Result<Applied> apply() {
    DSTACK_TRY(const auto code, edited_.objects.list(edited_.code));
    base_ = contents_of(code);
    IgnoreRules rules;
    DSTACK_CHECK(add_rules_of(code, {".gitignore", ignore_file}, edited_.objects, rules));
    DSTACK_TRY(const auto theirs, edited_.kept.list(edited_.edits.files));
    DSTACK_TRY(const auto folders, edited_.kept.list_folders(edited_.edits.files));
    for (const store::TreeFolder& folder : folders)
      closed_folders_.emplace(folder.path, folder.closed);
    for (const auto& [path, content] : contents_of(theirs))
      if (base_.find(path) == base_.end() && rules.ignores(path))
        applied_.ignored.push_back(path);
      else
        DSTACK_CHECK(apply_one(path, content));
    for (const std::string& path : edited_.edits.removed)
      DSTACK_CHECK(apply_one(path, Content{}));
    return std::move(applied_);
  }

 private:
  using Contents = std::map<std::string, Content, std::less<>>;

  static Contents contents_of(const std::vector<store::TreeFile>& files) {
    Contents contents;
    for (const store::TreeFile& file : files)
      contents.emplace(file.path, content_of(file));
    return contents;
  }

  Result<void> apply_one(const std::string& path, const Content& theirs) {
    const auto known = base_.find(path);
    const Content base = known == base_.end() ? Content{} : known->second;
    if (!git_part(path).empty()) {  // of a run of an older version
      applied_.conflicts.push_back(path);
      return {};
    }
    DSTACK_TRY(const Content ours, content_at(root_.fd(), project_, path));
    if (ours == theirs) {
      applied_.unchanged.push_back(path);
      return {};
    }
    if (ours == base) {
      (theirs.kind == nothing ? applied_.removed : applied_.written).push_back(path);
      return theirs.kind == nothing ? remove(path) : write(path, base, ours, theirs);
    }
    DSTACK_TRY(const bool merged, merge(path, base, ours, theirs));
    (merged ? applied_.merged : applied_.conflicts).push_back(path);
    return {};
  }

  Result<void> remove(const std::string& path) const {
    const Fd parent = root_.open_parent(path);
    if (!parent || ::unlinkat(parent.get(), name_of(path).c_str(), 0) != 0)
      return fail_errno("cannot remove '{}'", (project_ / path).string());
    return {};
  }

  Result<void> write(const std::string& path,
                     const Content& base,
                     const Content& ours,
                     const Content& theirs) {
    DSTACK_CHECK(root_.make_folders(std::string(folder_of(path)), [&](const std::string& folder) {
      return mode_of_new_folder(folder);
    }));
    if (theirs.type == EntryType::link) {
      DSTACK_TRY(const std::string target, edited_.kept.read_blob(theirs.digest));
      return replace(path, [&](int parent, const std::string& draft) -> Result<void> {
        if (::symlinkat(target.c_str(), parent, draft.c_str()) != 0)
          return fail_errno("cannot make the link '{}'", (project_ / path).string());
        return {};
      });
    }
    return replace(path, [&](int parent, const std::string& draft) -> Result<void> {
      DSTACK_TRY(const Fd file, make_file(parent, draft, base, ours, theirs));
      DSTACK_CHECK(edited_.kept.copy_content(
          {.path = path, .type = theirs.type, .digest = theirs.digest, .size = theirs.size},
          file.get()));
      return sync(file, path);
    });
  }

  /// By a name beside it, so that there is always the old file or the new one. The name is short:
  /// the file's own may be as long as names can be.
  Result<void> replace(
      const std::string& path,
      const std::function<Result<void>(int parent, const std::string& draft)>& make) {
    const Fd parent = root_.open_parent(path);
    if (!parent)
      return fail_errno("cannot write '{}'", (project_ / path).string());
    const std::string draft = drafts_.name_in((project_ / path).parent_path());
    auto made = make(parent.get(), draft);
    if (made && ::renameat(parent.get(), draft.c_str(), parent.get(), name_of(path).c_str()) != 0)
      made = fail_errno("cannot write '{}'", (project_ / path).string());
    if (!made)
      ::unlinkat(parent.get(), draft.c_str(), 0);
    return made;
  }

  static std::string name_of(const std::string& path) { return std::string(file_name(path)); }

  /// A power cut must not leave an empty file in place of the user's own.
  Result<void> sync(const Fd& file, const std::string& path) const {
    if (::fsync(file.get()) != 0)
      return fail_errno("cannot sync '{}'", (project_ / path).string());
    return {};
  }

  /// A new file is as open as the umask and the job say; one that replaces another keeps its mode.
  static Result<Fd> make_file(int parent,
                              const std::string& draft,
                              const Content& base,
                              const Content& ours,
                              const Content& theirs) {
    const bool is_new = ours.kind == nothing || ours.type == EntryType::link;
    const mode_t mode = is_new ? files::mode_under_umask(theirs.type, theirs.closed)
                               : kept_mode(base, ours, theirs);
    constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Fd file(::openat(parent, draft.c_str(), flags, mode & 0777));
    if (!file || (!is_new && ::fchmod(file.get(), mode) != 0))
      return fail_errno("cannot make '{}'", draft);
    return file;
  }

  mode_t mode_of_new_folder(const std::string& folder) const {
    const auto closed = closed_folders_.find(folder);
    return 0700U | files::mode_under_umask(EntryType::folder,
                                           closed == closed_folders_.end() ? 0 : closed->second);
  }

  /// False where the two changes cannot go together.
  Result<bool> merge(const std::string& path,
                     const Content& base,
                     const Content& ours,
                     const Content& theirs) {
    for (const Content* side : {&base, &ours, &theirs})
      if (side->kind != Content::Kind::known || side->type == EntryType::link ||
          side->size > largest_merged)
        return false;
    DSTACK_TRY(const std::string before, edited_.objects.read_blob(base.digest));
    DSTACK_TRY(const std::string after, edited_.kept.read_blob(theirs.digest));
    const Fd now(files::open_beneath(root_.fd(), path, O_RDONLY | O_NONBLOCK));
    DSTACK_TRY(const std::string own, read_all(now.get()));
    DSTACK_CHECK(write_file_atomically(staging_ / "own", own, Durable::no));
    DSTACK_CHECK(write_file_atomically(staging_ / "base", before, Durable::no));
    DSTACK_CHECK(write_file_atomically(staging_ / "job", after, Durable::no));
    auto command = git_command(staging_,
                               {"merge-file",
                                "--stdout",
                                (staging_ / "own").string(),
                                (staging_ / "base").string(),
                                (staging_ / "job").string()});
    const auto output = process::run(std::move(command));
    const auto* end = output ? std::get_if<process::Exited>(&output->status) : nullptr;
    if (end == nullptr || end->code != 0)
      return false;  // conflicts, binary files, no Git
    DSTACK_CHECK(replace(path, [&](int parent, const std::string& draft) -> Result<void> {
      DSTACK_TRY(const Fd file, make_file(parent, draft, base, ours, theirs));
      auto written = write_all(file.get(), output->out);
      return written ? sync(file, path) : written;
    }));
    return true;
  }

  const Path& project_;
  const EditedCode& edited_;
  Path staging_;
  files::Drafts drafts_;
  files::UsersFolder root_;
  Contents base_;
  std::map<std::string, std::uint32_t> closed_folders_;  ///< of the edits
  Applied applied_;
};

}  // namespace

Result<Applied> apply_edits(const Path& project, const EditedCode& edited) {
  DSTACK_TRY(const files::StagingFolder staging,
             files::StagingFolder::make(edited.objects.home(), "edits"));
  DSTACK_TRY(files::UsersFolder root, files::UsersFolder::open(project));
  return Applier(project, std::move(root), edited, staging.path()).apply();
}

}  // namespace dstack::source
