// What every command gets: its output streams, the user's home and the project.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/files/home.hpp"
#include "dstack/run/client/submit.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "ui/messages.hpp"
#include "ui/output.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::cli {

/// Options of every command.
struct Globals {
  bool help = false;
  bool quiet = false;
  bool verbose = false;
  std::string project;  ///< folder; empty: the current one
  std::string color;    ///< auto, always, never; empty: auto
  std::vector<std::string> provider_paths;
};

struct Context {
  ui::Output out;
  ui::Messages messages;
  files::Home home;
  Path folder;                            ///< where the search for the project begins, absolute
  std::vector<Path> provider_paths = {};  ///< of `--provider-path`, absolute

  /// The root of the project, or the folder itself without a project. Runs are recorded under it.
  Path project() const;
  /// Where providers are searched for.
  provider::SearchPath search_path() const;
  /// The project, the providers and the settings. `read`: the project, if it is loaded already.
  Result<run::Workbench> open_workbench(run::Purpose purpose = run::Purpose::project,
                                        std::optional<config::Project> read = {}) const;
};

/// The records, after supervisors that died were restarted, and a project that was moved was found
/// again. Read-only unless one of these has to be recorded.
Result<store::Records> open_records(const Context& context,
                                    store::Records::Mode mode = store::Records::Mode::read_only);

/// The run of this name, or the last one of the project when the name is empty.
Result<store::RunRecord> find_run(const Context& context,
                                  store::Records& records,
                                  const std::string& name);

/// `RUN`, `RUN/COMBINATION`, or `WORKFLOW:TAG`, which refers to one workflow of a run.
struct Reference {
  store::RunRecord run;
  std::string workflow;     ///< empty: all of the run
  std::string combination;  ///< of a sweep; empty: all of them
};

/// `RUN` or `RUN/COMBINATION`; of an empty text the last run of the project.
Result<Reference> find_part(const Context& context,
                            store::Records& records,
                            const std::string& text);

Result<Reference> resolve_reference(const Context& context,
                                    store::Records& records,
                                    const std::string& text);

/// `TAG` or `WORKFLOW:TAG`, split; the workflow may be empty.
std::pair<std::string, std::string> split_tag(const std::string& text);

}  // namespace dstack::cli
