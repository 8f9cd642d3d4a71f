// From a command line to a run that is recorded and started.
#pragma once

#include "dstack/config/settings/settings.hpp"
#include "dstack/files/home.hpp"
#include "dstack/plan/make.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/source/snapshot.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dstack::run {

/// What every command that reads the project's files needs, read once.
struct Workbench {
  files::Home home;
  config::Settings settings;
  config::Project project;
  provider::Registry providers;
  plan::Machine machine;
  std::string place;  ///< where the user stands, from the project's root; "" is the root
  std::shared_ptr<source::GitInquiry> asked = nullptr;  ///< with Purpose::code
};

/// Whether the project's code will be listed, too: then Git is asked about it at once.
enum class Purpose { project, code };

/// Loads settings, the project found from `folder` upwards (an undefined one where there is none)
/// and the providers. `provider_paths` are those of the command line. `read`: that project, where
/// the caller has loaded it already.
Result<Workbench> open_workbench(const Path& folder,
                                 const files::Home& home,
                                 const std::vector<Path>& provider_paths = {},
                                 Purpose purpose = Purpose::project,
                                 std::optional<config::Project> read = {});

/// Called before an input is copied, which may take long.
using OnInput = std::function<void(const job::InputFile& input)>;

struct SubmitRequest {
  std::string target;
  std::vector<std::string> target_arguments;  ///< after the target: options and positionals
  std::size_t leading = 0;                    ///< how many of them were before it (plan::Request)
  std::vector<std::string> arguments;         ///< after `--`
  std::vector<plan::SweepArgument> sweeps = {};
  sweep::Sampling sampling = {};
  std::string tag;                ///< to be set on success; may be empty
  std::size_t parallel = 0;       ///< jobs at a time; 0: as many as there are cores
  std::size_t most_failures = 0;  ///< as in RunOrder
  /// Whether the tag is moved here from another run.
  store::Records::Force move_tag = store::Records::Force::no;
  source::LargeFolder large_folder = source::LargeFolder::refused;
  /// Called before the code is taken into the store, which may take long; if set.
  std::function<void(const source::Amount& code)> before_capture = {};
  OnInput on_input = {};  ///< may be empty
  /// Called with the plan before anything of it is taken in or recorded; an error ends it. May be
  /// empty.
  std::function<Result<void>(const plan::Plan& plan)> on_plan = {};
};

struct Submitted {
  store::RunId id = 0;
  std::string name;
  plan::Plan plan;
  std::vector<std::string> warnings;
  std::vector<std::string> notes;            ///< of the code; those of the plan are in it
  std::optional<process::Child> supervisor;  ///< for follow(); none where another has started it
};

/// The plan, and nothing else: no file is written, no row. `code` becomes what was listed, also
/// where the plan fails.
Result<plan::Plan> preview(const Workbench& bench,
                           const SubmitRequest& request,
                           source::Snapshot& code);
/// Lists the code, plans, takes the code into the store, records the run and starts its supervisor.
/// When it returns, the run is durable and no longer depends on this process. Code and inputs that
/// are taken in count as the work of this thread (base/progress.hpp).
Result<Submitted> submit(const Workbench& bench,
                         store::Records& records,
                         const SubmitRequest& request);
/// Checks every workflow of the project (`dstack validate`). Returns warnings.
Result<std::vector<std::string>> validate(const Workbench& bench);

}  // namespace dstack::run
