#include "dstack/source/git_repository.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/source/git.hpp"
#include "dstack/source/git_pipes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::source {

namespace {

constexpr std::size_t digest_size_of_sha1 = 20;
constexpr std::size_t digest_size_of_sha256 = 32;

// Where a child finds the index that this process has opened.
constexpr int index_fd = 3;
constexpr const char* opened_index = "/proc/self/fd/3";

/// The settings of a repository that count: how files are compared with the index, and which files
/// Git shows. None of them names a program.
constexpr std::array<std::string_view, 14> kept_keys = {"core.attributesfile",
                                                        "core.autocrlf",
                                                        "core.bigfilethreshold",
                                                        "core.checkstat",
                                                        "core.eol",
                                                        "core.excludesfile",
                                                        "core.filemode",
                                                        "core.ignorecase",
                                                        "core.precomposeunicode",
                                                        "core.repositoryformatversion",
                                                        "core.sparsecheckout",
                                                        "core.sparsecheckoutcone",
                                                        "core.symlinks",
                                                        "core.trustctime"};

/// These make Git read further configuration, or fetch what is missing.
constexpr std::array<std::string_view, 2> dropped_extensions = {"extensions.worktreeconfig",
                                                                "extensions.partialclone"};

/// Git LFS as `git lfs install --local` sets it up: its program is the user's.
bool is_lfs(const GitSetting& setting) {
  return (setting.key == "filter.lfs.clean" && setting.value == "git-lfs clean -- %f") ||
         (setting.key == "filter.lfs.process" && setting.value == "git-lfs filter-process") ||
         (setting.key == "filter.lfs.required" && is_true(&setting.value));
}

bool is_regular(const Path& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// A file that Git reads: never one that blocks, such as a pipe.
bool may_be_read(const GitSetting& setting, const Path& work_tree) {
  if (setting.key != "core.excludesfile" && setting.key != "core.attributesfile")
    return true;
  const Path file = setting.value;
  // Of other users' homes nothing is read.
  if (setting.value.starts_with('~'))
    return setting.value.starts_with("~/") &&
           is_regular(Path(environment_variable("HOME").value_or("/")) / setting.value.substr(2));
  return is_regular(file.is_absolute() ? file : work_tree / file);
}

bool is_kept(const GitSetting& setting, const Path& work_tree) {
  if (setting.key.starts_with("extensions."))
    return std::find(dropped_extensions.begin(), dropped_extensions.end(), setting.key) ==
           dropped_extensions.end();
  return is_lfs(setting) ||
         (std::find(kept_keys.begin(), kept_keys.end(), setting.key) != kept_keys.end() &&
          may_be_read(setting, work_tree));
}

/// A memory-backed place where the system has one: the folder lives as long as a call of Git.
Path place_for_own() {
  for (const std::string& place : {environment_variable("XDG_RUNTIME_DIR").value_or(""),
                                   std::string("/dev/shm"),
                                   environment_variable("TMPDIR").value_or("")})
    if (!place.empty() && ::access(place.c_str(), W_OK | X_OK) == 0)
      return place;
  return "/tmp";
}

/// A place on a disk, where the system has one: Git LFS copies each file there that it compares.
Path place_for_large_files() {
  const std::string own = environment_variable("TMPDIR").value_or("");
  for (const std::string& place : {own, std::string("/var/tmp")})
    if (!place.empty() && ::access(place.c_str(), W_OK | X_OK) == 0)
      return place;
  return "/tmp";
}

Result<void> link_to(const Path& target, const Path& name) {
  if (::symlink(target.c_str(), name.c_str()) != 0)
    return fail_errno("cannot make '{}'", name.string());
  return {};
}

/// It was a link to the branch once, and may still be.
Result<std::string> read_head(const Path& file) {
  boost::system::error_code error;
  const Path target = fs::read_symlink(file, error);
  if (!error && target.string().starts_with("refs/"))
    return fmt::format("ref: {}\n", target.string());
  return read_git_file(file);
}

bool is_above(const Path& above, const Path& path) {
  const Path relative = path.lexically_relative(above);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

Result<GitRepository> GitRepository::open(const Path& folder, const Path& entry) {
  if (entry.empty())
    return fail(ErrorCode::not_found, "'{}' is in no Git repository", folder.string());
  DSTACK_CHECK(check_git_entry(entry));
  DSTACK_TRY(auto own, files::StagingFolder::make_in(place_for_own(), "dstack-git-"));
  GitRepository repository(folder, std::move(own));
  DSTACK_CHECK(repository.find_folders(entry));
  DSTACK_CHECK(repository.read_settings());
  DSTACK_CHECK(repository.find_work_tree(entry));
  DSTACK_CHECK(repository.write_own());
  const Path index = repository.git_ / "index";
  if (is_regular(index))
    repository.index_ = Fd(::open(index.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  return repository;
}

/// The `.git` of a work tree that was added, or of a submodule, is a file that names the folder.
Result<void> GitRepository::find_folders(const Path& entry) {
  DSTACK_TRY(git_, find_git_folder(entry));
  if (git_ != entry) {
    if (!fs::exists(git_ / "HEAD"))
      return fail(broken_git_entry(entry, fmt::format("there is no '{}'", git_.string())));
    DSTACK_CHECK(check_git_entry(git_));
  }
  git_ = real_path(git_);
  DSTACK_TRY(const std::string common, read_git_file(git_ / "commondir"));
  common_ = common.empty() ? git_ : real_path(fs::absolute(Path(std::string(trim(common))), git_));
  if (!is_folder(common_ / "objects"))
    return fail(broken_git_entry(entry, fmt::format("there is no '{}'", objects().string())));
  return {};
}

Result<void> GitRepository::read_settings() {
  const Path file = common_ / "config";
  DSTACK_TRY(const std::string text, read_git_file(file));
  DSTACK_TRY(settings_, parse_git_config(text, file.string()));
  if (!is_true(find_setting(settings_, "extensions.worktreeconfig")))
    return {};
  const Path of_work_tree = git_ / "config.worktree";
  DSTACK_TRY(const std::string more, read_git_file(of_work_tree));
  DSTACK_TRY(auto settings, parse_git_config(more, of_work_tree.string()));
  settings_.insert(settings_.end(), settings.begin(), settings.end());
  return {};
}

Result<void> GitRepository::find_work_tree(const Path& entry) {
  const std::string* named = find_setting(settings_, "core.worktree");
  work_tree_ = real_path(named != nullptr && common_ == git_ ? fs::absolute(Path(*named), git_)
                                                             : entry.parent_path());
  const Path here = real_path(folder_);
  if (!is_above(work_tree_, here))
    return fail(broken_git_entry(
        entry,
        fmt::format(
            "its work tree is '{}', which '{}' is not in", work_tree_.string(), folder_.string())));
  const Path relative = here.lexically_relative(work_tree_);
  prefix_ = relative == "." ? std::string() : fmt::format("{}/", relative.string());
  return {};
}

Result<std::string> GitRepository::own_settings() {
  std::string config = "[core]\nbare = false\n";
  for (const GitSetting& setting : settings_)
    if (is_kept(setting, work_tree_))
      config += render_git_setting(setting);
  if (is_folder(common_ / "lfs")) {
    DSTACK_TRY(large_, files::StagingFolder::make_in(place_for_large_files(), "dstack-git-"));
    config += render_git_setting({"lfs.storage", large_->path().string()});
  }
  return config;
}

Result<void> GitRepository::write_own() {
  DSTACK_TRY(const std::string head, read_head(git_ / "HEAD"));
  const std::string branch(head.starts_with("ref:") ? trim(std::string_view(head).substr(4)) : "");
  DSTACK_CHECK(refuse_pipes({common_ / branch,
                             common_ / "packed-refs",
                             common_ / "shallow",
                             git_ / "index",
                             objects() / "info/alternates"}));
  DSTACK_TRY(const std::string config, own_settings());
  const Path& own = own_.path();
  DSTACK_CHECK(write_file_atomically(own / "HEAD", head, Durable::no, 0600));
  DSTACK_CHECK(write_file_atomically(own / "config", config, Durable::no, 0600));
  DSTACK_CHECK(link_to(common_ / "refs", own / "refs"));
  for (const char* name : {"packed-refs", "reftable", "shallow"})
    if (fs::exists(common_ / name))
      DSTACK_CHECK(link_to(common_ / name, own / name));
  // The parts of an index that is split.
  boost::system::error_code error;
  for (const auto& entry : fs::directory_iterator(git_, error))
    if (entry.path().filename().string().starts_with("sharedindex."))
      DSTACK_CHECK(link_to(entry.path(), own / entry.path().filename()));
  if (::mkdir((own / "info").c_str(), 0700) != 0)
    return fail_errno("cannot make '{}'", (own / "info").string());
  for (const auto& [where, name] : {std::pair{common_, "exclude"},
                                    std::pair{common_, "attributes"},
                                    std::pair{git_, "sparse-checkout"}})
    if (is_regular(where / "info" / name))
      DSTACK_CHECK(link_to(where / "info" / name, own / "info" / name));
  return {};
}

std::size_t GitRepository::digest_size() const {
  const std::string* format = find_setting(settings_, "extensions.objectformat");
  return format != nullptr && to_lower(*format) == "sha256" ? digest_size_of_sha256
                                                            : digest_size_of_sha1;
}

Result<std::string> GitRepository::read_index() const {
  if (!index_)
    return std::string();
  const Fd file(
      ::open(fmt::format("/proc/self/fd/{}", index_.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return fail_errno("cannot read the index of Git");
  return read_all(file.get());
}

process::Command GitRepository::command(std::vector<std::string> arguments) const {
  auto made = with_variables(
      folder_,
      std::move(arguments),
      {"GIT_WORK_TREE=" + work_tree_.string(),
       "GIT_INDEX_FILE=" + (index_ ? std::string(opened_index) : (git_ / "index").string()),
       "GIT_OBJECT_DIRECTORY=" + objects().string()});
  if (index_)
    made.descriptors = {{index_fd, index_.get()}};
  return made;
}

process::Command GitRepository::command(const Writing& writing,
                                        std::vector<std::string> arguments) const {
  std::vector<std::string> all = {objects().string()};
  all.insert(all.end(), writing.more_objects.begin(), writing.more_objects.end());
  return with_variables(writing.work_tree,
                        std::move(arguments),
                        {"GIT_WORK_TREE=" + writing.work_tree.string(),
                         "GIT_INDEX_FILE=" + writing.index.string(),
                         "GIT_OBJECT_DIRECTORY=" + writing.objects.string(),
                         "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + join(all, ":")});
}

process::Command GitRepository::with_variables(const Path& where,
                                               std::vector<std::string> arguments,
                                               const std::vector<std::string>& variables) const {
  std::vector<std::string> all = {"GIT_DIR=" + own_.path().string(), "GIT_ALLOW_PROTOCOL=none"};
  all.insert(all.end(), variables.begin(), variables.end());
  return git_command(where, std::move(arguments), all);
}

}  // namespace dstack::source
