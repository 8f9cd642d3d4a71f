#include "dstack/base/fd.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/python/build.hpp"
#include "dstack/python/compiled.hpp"
#include "dstack/python/conda.hpp"
#include "dstack/python/content_record.hpp"
#include "dstack/python/index_origin.hpp"
#include "dstack/python/key.hpp"
#include "dstack/python/link_folder.hpp"
#include "dstack/python/passwords.hpp"
#include "dstack/python/progress.hpp"
#include "dstack/python/python.hpp"
#include "dstack/python/requirement_variables.hpp"
#include "dstack/python/requirements.hpp"
#include "dstack/python/seal.hpp"
#include "dstack/python/settings.hpp"
#include "dstack/python/stage.hpp"
#include "dstack/python/unused.hpp"
#include "dstack/python/uv.hpp"

#include <algorithm>
#include <mutex>
#include <set>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::python {

namespace {

/// The last file of an environment to be written. It contains the folder's path, as do programs
/// inside: an environment that was moved with its home is not complete.
constexpr const char* marker_name = "complete";

std::string marker_content(const Path& folder) {
  return folder.string() + "\n";
}

bool is_complete(const Path& folder) {
  const auto marker = read_file(folder / marker_name);
  return marker && *marker == marker_content(folder) &&
         ::access((folder / "bin/python").c_str(), X_OK) == 0;
}

PythonEnvironment environment_in(const Path& folder, bool made) {
  return {folder, folder / "bin/python", folder / "bin", made, folder / packages_file};
}

/// Everything reaches the disk before the marker does.
Result<void> finish(const Path& folder) {
  DSTACK_CHECK(record_content(folder));
  DSTACK_TRY(const Fd handle, open_file(folder.string(), O_RDONLY | O_DIRECTORY));
  if (::syncfs(handle.get()) != 0)
    return fail_errno("cannot sync '{}'", folder.string());
  DSTACK_CHECK(
      write_file_atomically(folder / marker_name, marker_content(folder), Durable::yes, 0444));
  return seal_top(folder);
}

/// uv links files from its cache into environments. As these become read-only, they use a cache of
/// their own, or copies from the user's.
std::vector<std::string> build_variables(const Lookup& environment,
                                         const JobInput& job,
                                         const files::Home& home) {
  std::vector<std::string> variables = installer_environment(environment, job);
  if (!environment("UV_CACHE_DIR"))
    variables.push_back("UV_CACHE_DIR=" + (home.environments() / "uv-cache").string());
  else if (!environment("UV_LINK_MODE"))
    variables.emplace_back("UV_LINK_MODE=copy");
  return variables;
}

/// Adds the variables that the files use to those of the installers, and what of all of them must
/// not be shown to what is hidden.
void add_file_variables(const Requirements& requirements,
                        const Lookup& environment,
                        const JobInput& job,
                        InstallContext& context) {
  context.hidden = job.hidden;
  for (std::string& password : passwords_in(context.environment))
    context.hidden.push_back(std::move(password));
  for (const FileVariable& variable : variables_of(requirements)) {
    const auto value = file_variable(environment, job, variable.name);
    if (!value || value->empty()) {
      context.unset.push_back(
          fmt::format("'{}' at {}:{}", variable.name, variable.file, variable.line));
      continue;
    }
    const std::string entry = variable.name + "=";
    const auto is_it = [&](const std::string& other) { return other.starts_with(entry); };
    if (std::none_of(context.environment.begin(), context.environment.end(), is_it))
      context.environment.push_back(entry + *value);
    context.hidden.push_back(hidden_part(variable.name, *value));
  }
}

/// The folder of an environment: that of its key, or a further one where it was found changed.
Path usable_folder(const files::Home& home, const std::string& key) {
  boost::system::error_code error;
  for (std::size_t number = 1;; ++number) {
    const Path folder =
        home.environments() / (number == 1 ? key : fmt::format("{}-{}", key, number));
    if (!fs::exists(changed_mark_of(folder), error))
      return folder;
  }
}

/// Takes the compiled files away if they are not as they were made: jobs compile again.
Result<void> check_compiled(const Path& folder, int output_fd) {
  const Path layer = compiled_folder(folder);
  boost::system::error_code error;
  if (!fs::exists(layer, error))
    return {};
  DSTACK_TRY(const std::string change, find_change(layer));
  if (change.empty())
    return {};
  InstallContext{{}, {}, output_fd, -1}.say(fmt::format(
      "{} in the compiled files '{}' since they were made: they are removed, and made again",
      change,
      layer.string()));
  return remove_compiled(folder);
}

/// Whether a complete environment is as it was made. Looked at once by each process, as there may
/// be thousands of jobs. One that is not is never given out again, and neither is what the
/// installer had of it: its files are links to the same ones.
Result<bool> is_unchanged(const Path& folder, const files::Home& home, int output_fd) {
  static std::mutex mutex;
  static std::set<std::string> known;
  {
    const std::lock_guard guard(mutex);
    if (known.contains(folder.string()))
      return true;
  }
  DSTACK_TRY(const std::string change, find_change(folder));
  if (change.empty()) {
    DSTACK_CHECK(check_compiled(folder, output_fd));
    const std::lock_guard guard(mutex);
    known.insert(folder.string());
    return true;
  }
  InstallContext{{}, {}, output_fd, -1}.say(
      fmt::format("{} in the Python environment '{}' since it was built: it is built again",
                  change,
                  folder.string()));
  DSTACK_CHECK(write_file_atomically(changed_mark_of(folder), change + "\n", Durable::yes, 0600));
  DSTACK_CHECK(remove_tree(home.environments() / "uv-cache"));
  return false;
}

struct Site {
  Path folder;
  Path stage;
  Fd lock;
};

/// Waits, with a note in the log, while another process builds the same environment.
Result<Site> enter(const Path& folder, int output_fd) {
  DSTACK_CHECK(make_folders(folder.parent_path()));
  DSTACK_TRY(Fd lock, open_file(lock_of(folder).string(), O_RDWR | O_CREAT));
  DSTACK_TRY(const bool is_mine, lock_exclusive(lock.get(), Wait::no));
  if (!is_mine) {
    InstallContext{{}, {}, output_fd, -1}.say(
        "waiting for another job that is building the same Python environment");
    DSTACK_CHECK(lock_until_stopped(lock.get()));
  }
  return Site{folder, folder.string() + ".stage", std::move(lock)};
}

Result<void> clear(const Site& site) {
  DSTACK_CHECK(remove_tree(site.folder));
  // Of other sources, should there be one.
  DSTACK_CHECK(remove_tree(compiled_folder(site.folder).string() + ".new"));
  DSTACK_CHECK(remove_compiled(site.folder));
  return remove_tree(site.stage);
}

std::string subject(const BuildOrder& order) {
  if (order.conda)
    return fmt::format("building an environment for {} with {}",
                       order.requirements.title,
                       Path(*order.conda).filename().string());
  return fmt::format("building an environment of Python {}{} for {} with {}",
                     order.interpreter.version,
                     order.interpreter.named_by.empty()
                         ? std::string()
                         : fmt::format(" ('{}')", order.interpreter.named_by),
                     order.requirements.title,
                     order.uv ? "uv" : "pip");
}

Result<void> build(const Site& site,
                   const Requirements& requirements,
                   const Interpreter& interpreter,
                   const Path& code,
                   InstallContext context,
                   const Lookup& environment) {
  auto conda = requirements.conda ? find_conda(environment) : std::nullopt;
  if (requirements.conda && !conda)
    return conda_is_missing(requirements.conda->name);
  DSTACK_CHECK(clear(site));  // left by a builder that died
  DSTACK_TRY(auto files, fill_stage(requirements, code, site.stage));
  const BuildOrder order{
      requirements,
      interpreter,
      site.folder,
      std::move(files),
      requirements.lock ? staged_project(*requirements.lock, code, site.stage) : Path(),
      find_uv(environment),
      std::move(conda)};
  DSTACK_TRY(const Fd log,
             open_file(log_of(site.folder).string(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND));
  InstallProgress progress(subject(order), context.output_fd);
  context.job_fd = context.output_fd;
  context.output_fd = log.get();
  context.on_line = [&progress](std::string_view line) { progress.take(line); };
  const auto built = build_environment(order, context);
  progress.finish(bool(built));
  if (!built) {
    (void)clear(site);
    return built;
  }
  DSTACK_CHECK(remove_tree(site.stage));
  return finish(site.folder);
}

}  // namespace

Result<PythonEnvironment> provide_environment(const job::PythonRequest& request,
                                              const Interpreter& interpreter,
                                              const Path& code,
                                              const files::Home& home,
                                              const Lookup& environment,
                                              int output_fd,
                                              const JobInput& job_input) {
  if (request.requirements.empty() && request.packages.empty()) {
    DSTACK_TRY(Path bin, bin_folder(interpreter, home));
    return PythonEnvironment{{}, interpreter.program, std::move(bin), false, {}};
  }
  JobInput job = job_input;
  job.index = request.index;
  job.index_where = request.index_where;
  DSTACK_TRY(const Requirements requirements,
             read_requirements(request, code, [&](const std::string& name) {
               return file_variable(environment, job, name);
             }));
  DSTACK_TRY(const std::string key,
             environment_key(requirements, interpreter, code, environment, job));
  Path folder = usable_folder(home, key);
  if (is_complete(folder)) {
    DSTACK_TRY(const bool unchanged, is_unchanged(folder, home, output_fd));
    if (!unchanged)
      folder = usable_folder(home, key);
  }
  note_use(folder);
  if (is_complete(folder))
    return environment_in(folder, false);
  DSTACK_TRY(const Site site, enter(folder, output_fd));
  if (is_complete(folder))
    return environment_in(folder, false);
  InstallContext context{
      build_variables(environment, job, home), site.stage, output_fd, site.lock.get()};
  add_file_variables(requirements, environment, job, context);
  context.indexes = index_origins(requirements, environment, job);
  DSTACK_CHECK(build(site, requirements, interpreter, code, context, environment));
  return environment_in(folder, true);
}

}  // namespace dstack::python
