// The order of a supervisor: a value with a JSON form; no behaviour.
#pragma once

#include "dstack/config/settings/on_end.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/code.hpp"
#include "dstack/plan/plan.hpp"
#include "dstack/resources/machine.hpp"
#include "dstack/store/records/run_record.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::store {
class Records;
struct RunRecord;
}  // namespace dstack::store

namespace dstack::run {

/// Everything a supervisor needs, kept whole with the run's record: a later supervisor of the same
/// run starts from the same order.
struct RunOrder {
  plan::Plan plan;
  std::size_t parallel = 1;  ///< jobs at a time
  /// When so many jobs have failed, no other is started; 0: there is no limit.
  std::size_t most_failures = 0;
  std::chrono::milliseconds stop_grace{10'000};
  /// As in config::Settings: of each job.
  std::uint64_t keep_changes = 100'000'000;
  std::uint64_t log_limit = 0;
  std::vector<std::string> job_ids;  ///< by job
  job::CodeRecord code;
  std::vector<config::Receiver> on_end;  ///< as the settings were; without places
  std::string origin = {};  ///< the run of which it is a restart; empty: none
  bool move_tag = false;  ///< the tag to be set on success may name another run, and is then moved
  /// The machine when the run began; nothing when none of its jobs asks for resources.
  std::optional<resources::Machine> machine;
};

/// Where the sealed texts of its files of variables are.
Path env_texts_of(const files::Home& home, const RunOrder& order);

void to_json(Json& json, const RunOrder& order);
void from_json(const Json& json, RunOrder& order);
std::string render_run_order(const RunOrder& order);
Result<RunOrder> parse_run_order(std::string_view text);
/// The project of which it was made: the folder at that time. Empty: it cannot be read.
std::string project_of_run_order(std::string_view text);
/// That of a run on record.
Result<RunOrder> read_run_order(store::Records& records, const store::RunRecord& run);

}  // namespace dstack::run
