// What every command is given: where to write, and where the user's state and project are.
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
  Path folder;                            ///< from which the project is looked for, absolute
  std::vector<Path> provider_paths = {};  ///< of `--provider-path`, absolute

  /// The root of the project, or the folder itself where there is none: what runs are recorded
  /// under.
  Path project() const;
  /// Where providers are looked for.
  provider::SearchPath search_path() const;
  /// The project, the providers and the settings; findings that stop nobody become warnings.
  Result<run::Workbench> open_workbench() const;
};

/// The records, after supervisors that died were brought back. Reads only, unless there is
/// something to bring back.
Result<store::Records> open_records(const Context& context,
                                    store::Records::Mode mode = store::Records::Mode::read_only);

/// The run of this name, or the last one of the project when the name is empty.
Result<store::RunRecord> find_run(const Context& context,
                                  store::Records& records,
                                  const std::string& name);

/// `RUN`, or `WORKFLOW:TAG`, with which one workflow of a run is meant.
struct Reference {
  store::RunRecord run;
  std::string workflow;  ///< empty: all of the run
};

Result<Reference> resolve_reference(const Context& context,
                                    store::Records& records,
                                    const std::string& text);

/// `TAG` or `WORKFLOW:TAG`, split; the workflow may be empty.
std::pair<std::string, std::string> split_tag(const std::string& text);

}  // namespace dstack::cli
