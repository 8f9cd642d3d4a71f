// Which runs a rule forgets, and the rule of config.yaml.
#pragma once

#include "dstack/base/time.hpp"
#include "dstack/config/settings/settings.hpp"
#include "dstack/files/home.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <string>
#include <vector>

namespace dstack::run {

bool is_tagged(const store::RunRecord& run);

/// Of runs from the newest on: those that are over, have no tag, and which the rule names.
/// `workflow`: only runs of that target; empty: of each.
std::vector<store::RunRecord> runs_beyond(const config::Retention& rule,
                                          const std::string& workflow,
                                          std::vector<store::RunRecord> runs,
                                          Timestamp at);

/// Forgets what `retention` of config.yaml names among the runs of a project, but for `self`, whose
/// supervisor this is.
Result<void> apply_retention(const files::Home& home,
                             store::Records& records,
                             const store::RunRecord& self);

}  // namespace dstack::run
