// Bringing edits back into the project, three-way.
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/source/edits.hpp"
#include "dstack/source/git.hpp"

#include <algorithm>
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

  bool operator==(const Content&) const = default;
};

Result<Digest> hash_file(int file) {
  Sha256 hash;
  std::string buffer(256 * 1024, '\0');
  for (;;) {
    DSTACK_TRY(const std::size_t count, read_some(file, buffer.data(), buffer.size()));
    if (count == 0)
      return hash.finish();
    hash.update(std::string_view(buffer).substr(0, count));
  }
}

Result<Content> content_at(int root, const Path& project, const std::string& path) {
  const Fd entry(files::open_beneath(root, path, O_PATH | O_NOFOLLOW));
  if (!entry)
    return Content{errno == ENOENT ? Content::Kind::nothing : Content::Kind::obstacle, {}, {}, 0};
  struct stat status;
  if (::fstat(entry.get(), &status) != 0)
    return fail_errno("cannot inspect '{}'", (project / path).string());
  const auto state = files::file_state(status);
  if (!state || state->type == EntryType::folder)
    return Content{Content::Kind::obstacle, {}, {}, 0};
  if (state->type == EntryType::link) {
    boost::system::error_code error;
    const Path target = fs::read_symlink(project / path, error);
    return Content{Content::Kind::known, EntryType::link, sha256(target.string()), state->size};
  }
  const Fd file(files::open_beneath(root, path, O_RDONLY | O_NOFOLLOW));
  if (!file)
    return fail_errno("cannot read '{}'", (project / path).string());
  DSTACK_TRY(const Digest digest, hash_file(file.get()));
  return Content{Content::Kind::known, state->type, digest, state->size};
}

Content content_of(const store::TreeFile& file) {
  return {Content::Kind::known, file.type, file.digest, file.size};
}

class Applier {
 public:
  Applier(const Path& project, const store::ObjectStore& objects, Path staging)
      : project_(project), objects_(objects), staging_(std::move(staging)) {}

  Result<Applied> apply(const job::TreeReference& code, const job::Edits& edits) {
    DSTACK_TRY(root_, open_file(project_.string(), O_RDONLY | O_DIRECTORY));
    DSTACK_TRY(base_, contents_of(code));
    DSTACK_TRY(const auto theirs, contents_of(edits.files));
    DSTACK_CHECK(objects_.lay_out(edits.files, staging_ / "job", store::LayOut::fresh));
    for (const auto& [path, content] : theirs)
      DSTACK_CHECK(apply_one(path, content));
    for (const std::string& path : edits.removed)
      DSTACK_CHECK(apply_one(path, Content{}));
    return std::move(applied_);
  }

 private:
  using Contents = std::map<std::string, Content, std::less<>>;

  Result<Contents> contents_of(const job::TreeReference& tree) const {
    DSTACK_TRY(const auto files, objects_.list(tree));
    Contents contents;
    for (const store::TreeFile& file : files)
      contents.emplace(file.path, content_of(file));
    return contents;
  }

  Result<void> apply_one(const std::string& path, const Content& theirs) {
    const auto known = base_.find(path);
    const Content base = known == base_.end() ? Content{} : known->second;
    DSTACK_TRY(const Content ours, content_at(root_.get(), project_, path));
    if (ours == theirs) {
      applied_.unchanged.push_back(path);
      return {};
    }
    if (ours == base) {
      applied_.written.push_back(path);
      return theirs.kind == Content::Kind::nothing ? remove(path)
                                                   : replace(path, staging_ / "job" / path);
    }
    DSTACK_TRY(const bool merged, merge(path, base, ours, theirs));
    (merged ? applied_.merged : applied_.conflicts).push_back(path);
    return {};
  }

  Result<void> remove(const std::string& path) const {
    if (::unlinkat(root_.get(), path.c_str(), 0) != 0)
      return fail_errno("cannot remove '{}'", (project_ / path).string());
    return {};
  }

  /// By a name beside it, so that there is always the old file or the new one.
  Result<void> replace(const std::string& path, const Path& source) const {
    const Path target = project_ / path;
    DSTACK_CHECK(make_folders(target.parent_path()));
    const Path draft = target.parent_path() /
                       (fmt::format(".{}.{}.dstack", target.filename().string(), random_hex(4)));
    boost::system::error_code error;
    if (fs::is_symlink(fs::symlink_status(source, error)))
      fs::copy_symlink(source, draft, error);
    else
      fs::copy_file(source, draft, error);
    if (!error)
      fs::rename(draft, target, error);
    if (error) {
      const int problem = error.value();
      fs::remove(draft, error);
      return fail_errno_of(problem, "cannot write '{}'", target.string());
    }
    return {};
  }

  /// False where the two changes cannot go together.
  Result<bool> merge(const std::string& path,
                     const Content& base,
                     const Content& ours,
                     const Content& theirs) const {
    for (const Content* side : {&base, &ours, &theirs})
      if (side->kind != Content::Kind::known || side->type == EntryType::link ||
          side->size > largest_merged)
        return false;
    DSTACK_TRY(const std::string before, objects_.read_blob(base.digest));
    DSTACK_CHECK(write_file_atomically(staging_ / "base", before, Durable::no));
    auto command = git_command(staging_,
                               {"merge-file",
                                "--stdout",
                                (project_ / path).string(),
                                (staging_ / "base").string(),
                                (staging_ / "job" / path).string()});
    const auto output = process::run(std::move(command));
    const auto* end = output ? std::get_if<process::Exited>(&output->status) : nullptr;
    if (end == nullptr || end->code != 0)
      return false;  // conflicts, binary files, no Git
    const Path merged = staging_ / "merged";
    const unsigned mode = ours.type == EntryType::executable ? 0755 : 0644;
    DSTACK_CHECK(write_file_atomically(merged, output->out, Durable::no, mode));
    DSTACK_CHECK(replace(path, merged));
    return true;
  }

  const Path& project_;
  const store::ObjectStore& objects_;
  Path staging_;
  Fd root_;
  Contents base_;
  Applied applied_;
};

}  // namespace

Result<Applied> apply_edits(const Path& project,
                            const job::TreeReference& code,
                            const job::Edits& edits,
                            const store::ObjectStore& objects) {
  DSTACK_TRY(const TemporaryFolder staging,
             TemporaryFolder::make(objects.home().temporary(), "edits-"));
  return Applier(project, objects, staging.path()).apply(code, edits);
}

}  // namespace dstack::source
