#include "command_line/exit_code.hpp"
#include "commands/belief_checks.hpp"
#include "commands/commands.hpp"
#include "commands/file_systems.hpp"
#include "commands/program_checks.hpp"
#include "commands/stored_checks.hpp"
#include "dstack/audit/audit_log.hpp"
#include "dstack/base/environment_variable.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/settings/settings.hpp"
#include "dstack/files/home.hpp"
#include "dstack/files/locks.hpp"
#include "dstack/overlay/mount.hpp"
#include "dstack/provider/discovery/registry.hpp"
#include "dstack/resources/lease.hpp"
#include "dstack/resources/limits.hpp"
#include "dstack/resources/machine.hpp"
#include "dstack/sandbox/main.hpp"
#include "dstack/secrets/vault.hpp"
#include "dstack/store/records/records.hpp"
#include "views/checks.hpp"

#include <set>

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace dstack::cli {

namespace {

/// True for a home that an older version made in an existing folder.
bool is_open_to_others(const files::Home& home) {
  struct stat root;
  struct stat database;
  return ::stat(home.root.c_str(), &root) == 0 && (root.st_mode & S_IXOTH) != 0 &&
         ::stat(home.database().c_str(), &database) == 0 && (database.st_mode & S_IROTH) != 0;
}

/// The home, or the nearest folder above it when it does not exist yet.
Path nearest_folder(const files::Home& home) {
  Path nearest = home.root;
  while (!nearest.empty() && ::access(nearest.c_str(), F_OK) != 0)
    nearest = nearest.parent_path();
  return nearest;
}

Check check_home(const files::Home& home) {
  const Path nearest = nearest_folder(home);
  if (::access(nearest.c_str(), W_OK) != 0)
    return {"home",
            Health::error,
            fmt::format("{} cannot be written", home.root.string()),
            fmt::format("set DSTACK_HOME to another folder, or fix the permissions of {}",
                        nearest.string())};
  const std::string kind = file_system_name(nearest);

  struct statvfs space {};

  ::statvfs(nearest.c_str(), &space);
  const std::uint64_t free = static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize;
  Check check{"home",
              Health::ok,
              fmt::format("{}{}, {}, {} free",
                          home.root.string(),
                          nearest == home.root ? "" : " (not created yet)",
                          kind,
                          render_size(free))};
  if (is_on_network(kind)) {
    check.health = Health::warning;
    check.hint =
        "a database on a network file system can be corrupted: set DSTACK_HOME to a local folder";
  } else if (is_open_to_others(home)) {
    check.health = Health::warning;
    check.hint =
        fmt::format("other users can read it: chmod -R go-rwx {}", shell_quote(home.root.string()));
  } else if (free < 1'000'000'000) {
    check.health = Health::warning;
    check.hint = "little space is left for artifacts";
  }
  return check;
}

void check_audit_log(const files::Home& home, std::vector<Check>& checks) {
  const auto log = audit::read(home);
  if (!log) {
    checks.push_back({"audit", Health::error, log.error().message, log.error().hint});
    return;
  }
  for (const std::string& damage : log->damage)
    checks.push_back({"audit",
                      Health::warning,
                      fmt::format("the audit log is damaged: {}", damage),
                      "'dstack audit' shows what can be read"});
  if (log->damage.empty() && !log->entries.empty())
    checks.push_back({"audit",
                      Health::ok,
                      fmt::format("the audit log is whole, {} in it", log->entries.size())});
}

void check_locks(const files::Home& home, std::vector<Check>& checks) {
  const Path nearest = nearest_folder(home);
  if (const auto tried = files::try_locks_in(nearest); !tried)
    checks.push_back({"locks", Health::error, tried.error().message, tried.error().hint});
  else if (::access(nearest.c_str(), W_OK) == 0)
    checks.push_back({"locks", Health::ok, "files of the home can be locked"});
}

/// In the same place. Where only copies can be made nothing is wrong, and much is slower.
void check_workspaces(const files::Home& home, std::vector<Check>& checks) {
  const Path folder = nearest_folder(home);
  if (::access(folder.c_str(), W_OK) != 0)
    return;
  const auto tried = overlay::try_in(folder);
  if (!tried)
    checks.push_back({"workspace",
                      Health::note,
                      fmt::format("copies: {}", tried.error().message),
                      tried.error().hint});
  else
    checks.push_back(
        {"workspace",
         Health::ok,
         *tried == overlay::Access::root ? "overlays" : "overlays in user namespaces"});
}

std::string describe_entry(const resources::Entry& entry) {
  std::vector<std::string> parts;
  if (entry.demand.cpu > 0)
    parts.push_back(plural(entry.demand.cpu, "core"));
  if (entry.demand.memory > 0)
    parts.push_back(fmt::format("{} memory", render_size(entry.demand.memory)));
  std::vector<std::string> gpus;
  std::uint32_t wanted = 0;
  for (std::size_t request = 0; request < entry.demand.gpus.size(); ++request) {
    wanted += entry.demand.gpus[request].count;
    if (entry.granted)
      gpus.insert(gpus.end(), (*entry.granted)[request].begin(), (*entry.granted)[request].end());
  }
  if (wanted > 0)
    parts.push_back(plural(wanted, "GPU") +
                    (gpus.empty() ? "" : fmt::format(" ({})", join(gpus, ", "))));
  return fmt::format("{}{}{}' of run '{}'",
                     join(parts, ", "),
                     entry.granted ? " reserved by '" : " requested by '",
                     entry.workflow,
                     entry.run);
}

/// Reservations, and how limits are enforced.
void check_reservations(const files::Home& home, std::vector<Check>& checks) {
  for (const resources::Entry& entry :
       resources::read_leases(resources::leases_folder(home.root)).entries)
    checks.push_back({"reserved", Health::note, describe_entry(entry)});
  const resources::EnforcementMethods methods = resources::find_enforcement();
  const auto add = [&](const std::string& what, const resources::Enforcement& each) {
    const bool whole = resources::is_control_group(each.kind);
    checks.push_back(
        {"limits", whole ? Health::ok : Health::note, fmt::format("{} {}", what, describe(each))});
  };
  add("memory", methods.memory);
  add("cpu", methods.cpu);
  add("processes", methods.processes);
}

/// Each level is tried as a job would have it.
void check_sandboxes(const files::Home& home, std::vector<Check>& checks) {
  sandbox::Confinement files;
  files.base = nearest_folder(home).string();
  sandbox::Confinement strict = files;
  strict.own_processes = strict.fewer_calls = strict.own_network = true;
  const auto add = [&](const char* level, const char* what, const sandbox::Confinement& wanted) {
    if (const auto tried = sandbox::try_confinement(wanted))
      checks.push_back({"sandbox", Health::ok, fmt::format("{}: {}", level, what)});
    else
      checks.push_back({"sandbox",
                        Health::note,
                        fmt::format("{}: refused here, and so are jobs that ask for it: {}",
                                    level,
                                    tried.error().message),
                        overlay::describe_refusal()});
  };
  add("files", "files by a mount namespace, no new privileges", files);
  add("strict", "also process ids, network (none) and system calls", strict);
}

/// The settings; the defaults when they have errors, which are all added.
config::Settings check_settings(const files::Home& home, std::vector<Check>& checks) {
  auto settings = config::load_settings(home.config());
  if (settings)
    return *std::move(settings);
  for (const Error& error : flatten(settings.error()))
    checks.push_back({"settings",
                      Health::error,
                      error.message + (error.where ? fmt::format(" ({})", error.where->render())
                                                   : std::string()),
                      error.hint});
  return {};
}

/// What the machine has, and why it may differ from the hardware.
void check_machine(const config::ResourceSettings& settings, std::vector<Check>& checks) {
  const resources::Machine machine = resources::find_machine(settings);
  std::vector<std::string> gpus;
  for (const config::Gpu& gpu : machine.gpus)
    gpus.push_back(fmt::format("{} {} ({})", gpu.name, render_size(gpu.memory), gpu.id));
  checks.push_back({"machine",
                    Health::ok,
                    fmt::format("{}, {} memory, {}",
                                plural(machine.cpu, "core"),
                                render_size(machine.memory),
                                gpus.empty() ? "no GPUs" : join(gpus, ", "))});
  std::vector<std::string> from_settings;
  if (settings.cpu)
    from_settings.emplace_back("cores");
  if (settings.memory)
    from_settings.emplace_back("memory");
  if (settings.gpus)
    from_settings.emplace_back("GPUs");
  if (!from_settings.empty())
    checks.push_back(
        {"machine",
         Health::note,
         fmt::format("{} from config.yaml, not as detected", join(from_settings, ", "))});
  if (machine.hidden_gpus > 0)
    checks.push_back({"machine",
                      Health::note,
                      fmt::format("CUDA_VISIBLE_DEVICES={} hides {}",
                                  environment_variable("CUDA_VISIBLE_DEVICES").value_or(""),
                                  plural(machine.hidden_gpus, "GPU"))});
}

/// A damaged vault prevents every run from starting.
void check_secrets(const files::Home& home, std::vector<Check>& checks) {
  const auto vault = secrets::Vault::open(home.secrets());
  if (!vault)
    checks.push_back({"secrets", Health::error, vault.error().message, vault.error().hint});
  else if (!vault->names().empty())
    checks.push_back({"secrets", Health::ok, plural(vault->names().size(), "secret")});
}

/// The last failed notification of each receiver, among the latest ones.
void check_deliveries(const files::Home& home, std::vector<Check>& checks) {
  constexpr std::size_t looked_at = 20;
  auto records = store::Records::open(home, store::Records::Mode::read_only);
  const auto last = records ? records->last_notifications(looked_at) : Failure(records.error());
  if (!last)
    return;
  std::set<std::string> seen;
  for (const auto& [run, notification] : *last)
    if (notification.status == store::NotificationStatus::failed &&
        seen.insert(notification.receiver).second)
      checks.push_back({"on_end",
                        Health::warning,
                        fmt::format("the end of run '{}' was not reported to {}: {}",
                                    run,
                                    notification.receiver,
                                    notification.reason),
                        fmt::format("'dstack show {}' shows all notifications", run)});
}

void check_notifications(const files::Home& home,
                         const std::vector<config::Receiver>& on_end,
                         std::vector<Check>& checks) {
  if (on_end.empty())
    return;
  checks.push_back({"on_end", Health::ok, join(config::describe(on_end), ", ")});
  check_deliveries(home, checks);
}

void check_providers(const provider::SearchPath& search, std::vector<Check>& checks) {
  const auto registry = provider::Registry::discover(search);
  for (const provider::Place& place : search.places) {
    if (!place.passed_over.empty()) {
      checks.push_back(
          {"plugins",
           Health::note,
           fmt::format("{} ({}): {}", place.path.string(), place.source, place.passed_over)});
      continue;
    }
    std::vector<std::string> names;
    for (const provider::Candidate& candidate : registry.candidates())
      if (candidate.status == provider::CandidateStatus::ok && candidate.source == place.source &&
          (candidate.path == place.path || candidate.path.parent_path() == place.path))
        names.push_back(candidate.name);
    checks.push_back({"plugins",
                      names.empty() && place.trust_level == provider::TrustLevel::ours
                          ? Health::error
                          : Health::ok,
                      fmt::format("{} ({}): {}",
                                  place.path.string(),
                                  place.source,
                                  names.empty() ? "none" : join(names, ", "))});
  }
  for (const std::string& trouble : registry.unreadable())
    checks.push_back({"plugins", Health::warning, trouble, "its providers are not found"});
  for (const provider::Candidate& candidate : registry.candidates())
    if (candidate.status != provider::CandidateStatus::ok)
      checks.push_back(
          {"plugins",
           candidate.status == provider::CandidateStatus::refused ? Health::warning : Health::note,
           fmt::format("{}: {}", candidate.path.string(), candidate.reason)});
}

/// Whether it can be opened: '--store' reads all of it.
void check_records(const files::Home& home, std::vector<Check>& checks) {
  if (const auto records = store::Records::open(home, store::Records::Mode::read_only); !records)
    checks.push_back({"database", Health::error, records.error().message, records.error().hint});
}

class Doctor final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.flag("--store", store_, "instead: read everything that is stored, and compare it")
        .flag("--repair",
              repair_,
              "make a damaged or lost database anew; with '--store' also what else is damaged")
        .flag("--json", json_, "as JSON: an array of {check, status, detail, hint}")
        .note("Exit code 1 when a problem must be fixed before anything can run.")
        .note(
            "'--store' says what refers to an object that is damaged or missing. With '--repair' "
            "it "
            "is made\nagain from another copy, or moved aside: whatever saves the same content "
            "next stores it anew.\nWhat nobody needs any more is left to 'dstack gc'.")
        .example("dstack doctor", "engines, Pythons, plugins, and where the state is kept")
        .example("dstack doctor --store", "every object, and every run on record")
        .example("dstack doctor --repair", "the database, from the folders of the runs");
  }

  bool opens_home() const override { return store_ || repair_; }

  Result<int> run(Context& context) override {
    if (store_ || repair_) {
      DSTACK_TRY(const auto checks, check_stored(context));
      return show(context, checks);
    }
    std::vector<Check> checks;
    if (!check_belief(context, checks))
      return show(context, checks);
    checks.insert(checks.begin(), check_home(context.home));
    check_records(context.home, checks);
    check_locks(context.home, checks);
    check_workspaces(context.home, checks);
    const config::Settings settings = check_settings(context.home, checks);
    check_machine(settings.resources, checks);
    check_reservations(context.home, checks);
    check_sandboxes(context.home, checks);
    check_secrets(context.home, checks);
    check_audit_log(context.home, checks);
    check_notifications(context.home, settings.on_end, checks);
    checks.push_back(check_program(
        "git", Health::warning, "without it a snapshot includes every file; install git"));
    checks.push_back(check_program(
        "uv", Health::note, "environments are made with venv and pip, which is slower"));
    check_pythons(context.project(), checks);
    check_engines(checks);
    check_providers(context.search_path(), checks);
    return show(context, checks);
  }

 private:
  int show(Context& context, const std::vector<Check>& checks) const {
    if (json_)
      print_checks_as_json(context, checks);
    else
      print_checks(context, checks);
    return exit_code_of(checks);
  }

  Result<std::vector<Check>> check_stored(Context& context) const {
    std::vector<Check> checks;
    if (repair_) {
      DSTACK_TRY(checks, repair_database(context.home));
    } else {
      checks = check_database(context.home);
    }
    // Only a whole database says what is needed.
    if (!store_ || exit_code_of(checks) != exit_code::success)
      return checks;
    DSTACK_TRY(const auto stores,
               check_stores(context, repair_ ? store::Repair::yes : store::Repair::no));
    checks.insert(checks.end(), stores.begin(), stores.end());
    return checks;
  }

  bool store_ = false;
  bool repair_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_doctor() {
  return std::make_unique<Doctor>();
}

}  // namespace dstack::cli
