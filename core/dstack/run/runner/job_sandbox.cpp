#include "dstack/run/runner/job_sandbox.hpp"

#include "dstack/base/installation.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/run/protocol/agent.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/runner/job_metrics.hpp"
#include "dstack/run/runner/job_variables.hpp"
#include "dstack/sandbox/confinement.hpp"

#include <algorithm>
#include <initializer_list>

namespace dstack::run {

namespace {

using sandbox::Opened;
using sandbox::Use;

constexpr const char* temporary_folder = "/tmp";
/// Where more of them look than honour TMPDIR.
constexpr const char* other_temporary_folder = "/var/tmp";

/// The files of certificates that the base environment passes on.
constexpr const char* certificate_variables[] = {
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"};

std::string value_of(const backend::Launch& launch, std::string_view name) {
  for (const auto& [variable, value] : launch.environment)
    if (variable == name)
      return value;
  return {};
}

void set(backend::Launch& launch, const std::string& name, const std::string& value) {
  for (auto& [variable, old] : launch.environment)
    if (variable == name) {
      old = value;
      return;
    }
  launch.environment.emplace_back(name, value);
}

class Confining {
 public:
  Confining(const JobAttempt& attempt, PreparedJob& job)
      : attempt_(attempt),
        job_(job),
        launch_(job.launch),
        folder_(sandbox_folder(attempt.folder)) {}

  Result<void> run() {
    const job::Sandbox& wanted = *attempt_.order.spec.sandbox;
    const bool is_strict = wanted.level == job::SandboxLevel::strict;
    confinement_.base = attempt_.folder.string();
    confinement_.own_processes = is_strict;
    confinement_.fewer_calls = is_strict;
    confinement_.own_network = job::network_of(wanted) == job::SandboxNetwork::none;
    DSTACK_CHECK(remove_tree(folder_));  // of an earlier start
    DSTACK_CHECK(open_own_folders());
    open_programs();
    if (!confinement_.own_network)
      see(confinement_.opened, "/etc/resolv.conf", Use::read);
    add_devices();
    DSTACK_CHECK(open_wanted(wanted.read, Use::read));
    DSTACK_CHECK(open_wanted(wanted.write, Use::write));
    confinement_.hidden = {real_path(attempt_.home.root).string()};
    open_what_is_prepared();
    launch_.confinement = std::move(confinement_);
    return {};
  }

 private:
  /// What the system shows anyway is not opened once more.
  static void see(std::vector<Opened>& opened, const Path& path, Use use) {
    for (Opened& each : sandbox::open_path(path, use))
      if (use == Use::write || !sandbox::is_of_system(each.source) ||
          !sandbox::is_of_system(each.at))
        opened.push_back(std::move(each));
  }

  Result<void> own_folder(const char* name, std::initializer_list<std::string> places) {
    const Path folder = folder_ / name;
    DSTACK_CHECK(make_folders(folder));
    for (const std::string& at : places)
      confinement_.opened.push_back({folder.string(), at, Use::write});
    return {};
  }

  /// An empty home at the place of the user's: programs find out where that is in several ways.
  Result<void> open_own_folders() {
    DSTACK_CHECK(own_folder("tmp", {temporary_folder, other_temporary_folder}));
    set(launch_, "TMPDIR", temporary_folder);
    const std::string home = value_of(launch_, "HOME");
    if (!home.starts_with('/') || home == "/" || sandbox::is_of_system(home))
      return {};
    home_ = real_path(home).string();
    DSTACK_CHECK(own_folder("home", {home_}));
    return home == home_ ? Result<void>() : own_folder("home", {home});
  }

  bool holds_home(const std::string& folder) const {
    return is_below(real_path(attempt_.home.root).string(), folder) ||
           (!home_.empty() && is_below(home_, folder));
  }

  /// The folders of lists such as PATH: they are what the user calls programs and libraries.
  void open_folders_of(const char* name) {
    const std::string list = value_of(launch_, name);
    for (const std::string_view folder : split(list, ':')) {
      if (!folder.starts_with('/') || folder == "/")
        continue;
      const std::string real = real_path(Path(std::string(folder))).string();
      const std::string home = real_path(attempt_.home.root).string();
      if (is_below(real, real_path(attempt_.home.environments()).string()))
        own(std::string(folder), Use::read);  // of the Python that was chosen
      else if (!holds_home(real) && !is_below(real, home))
        see(confinement_.opened, std::string(folder), Use::read);
    }
  }

  void open_programs() {
    open_folders_of("PATH");
    open_folders_of("LD_LIBRARY_PATH");
    for (const char* name : certificate_variables)
      if (const std::string path = value_of(launch_, name); path.starts_with('/'))
        see(confinement_.opened, path, Use::read);
    if (attempt_.order.python)
      open_interpreter(attempt_.order.python->program);
  }

  /// The folder that `bin` is in, of the program itself and of what it is a link to.
  void open_interpreter(const Path& program) {
    for (const Path& file : {program, real_path(program)}) {
      const std::string prefix = file.parent_path().parent_path().string();
      if (prefix.size() > 1 && !holds_home(real_path(prefix).string()))
        see(confinement_.opened, prefix, Use::read);
    }
  }

  void add_devices() {
    if (attempt_.order.gpus.empty())
      return;
    boost::system::error_code error;
    for (const auto& entry : fs::directory_iterator("/dev", error)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("nvidia") || name == "dri" || name == "kfd")
        confinement_.devices.push_back(entry.path().string());
    }
  }

  Result<void> open_wanted(const std::vector<std::string>& paths, Use use) {
    for (const std::string& path : paths) {
      auto opened = sandbox::open_path(path, use);
      if (opened.empty())
        return fail(ErrorCode::not_found, "there is no '{}', which its sandbox is to open", path)
            .with_hint("make it, or leave it out of '{}' of 'sandbox'",
                       use == Use::read ? "read" : "write");
      for (Opened& each : opened)
        confinement_.opened.push_back(std::move(each));
    }
    return {};
  }

  void own(const Path& path, Use use) { see(confinement_.own, path, use); }

  void open_what_is_prepared() {
    for (const std::string& folder : job_.shared_folders)
      own(folder, Use::read);
    for (const auto& [at, target] : attempt_.order.links)
      own(target, Use::read);
    own(attempt_.folder / "script.sh", Use::read);
    for (const char* name : {file_names::own_packages, file_names::private_folder})
      own(attempt_.folder / name, Use::write);
    for (const std::string& program : job_.tools)
      own(Path(program).parent_path().parent_path(), Use::read);
    if (!agent_role(attempt_.order.spec).empty())
      open_this_program();
    own(reported_metrics(attempt_), Use::write);
    own(attempt_.workspace->folder(), Use::write);
    if (!attempt_.workspace->is_private())
      protect_project();
  }

  /// A provider's function runs in this program.
  void open_this_program() {
    const std::string program = real_path("/proc/self/exe").string();
    launch_.program = program;
    own(program, Use::read);
    own(library_folder(), Use::read);
    own(attempt_.order.provider, Use::read);
  }

  /// What would be executed outside of the sandbox one day: hooks, and the workflows themselves.
  void protect_project() {
    for (const Path& folder : {attempt_.workspace->folder(), Path(attempt_.order.project)})
      for (const char* name : {".git", ".dstack"})
        own(folder / name, Use::read);
  }

  const JobAttempt& attempt_;
  PreparedJob& job_;
  backend::Launch& launch_;
  Path folder_;
  std::string home_;  ///< the user's, without links; empty: there is none to hide
  sandbox::Confinement confinement_;
};

}  // namespace

Path sandbox_folder(const Path& attempt_folder) {
  return attempt_folder / file_names::sandbox;
}

Result<void> confine(const JobAttempt& attempt, PreparedJob& job) {
  if (!attempt.order.spec.sandbox || attempt.order.spec.container)
    return {};
  return Confining(attempt, job).run();
}

}  // namespace dstack::run
