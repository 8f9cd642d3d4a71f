// Putting a run on record and starting its supervisor: what every way of submitting one ends with.
// Internal to run/client.
#pragma once

#include "dstack/config/settings/settings.hpp"
#include "dstack/files/home.hpp"
#include "dstack/resources/machine.hpp"
#include "dstack/run/client/submit.hpp"
#include "dstack/run/protocol/env_texts.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/store/records/records.hpp"

#include <functional>
#include <string>
#include <vector>

namespace dstack::run {

/// Jobs at a time where nobody says how many.
std::size_t cores();

/// What the settings and the machine say of every run. After the plan: a machine is noted only
/// where a job asks for some of it.
void apply_settings(const config::Settings& settings,
                    const resources::Machine& machine,
                    RunOrder& order);

/// If any workflow of the run has the tag already, nothing starts, unless it is to be moved. An
/// empty tag is none.
Result<void> check_tag(const plan::Plan& plan,
                       const std::string& tag,
                       store::Records::Force move,
                       store::Records& records);

/// A notification that cannot be sent is reported before the run, not after it.
Result<void> check_receivers(const std::vector<config::Receiver>& receivers,
                             const std::vector<std::string>& secrets);

/// A run that lacks nothing but the ids of its jobs.
struct PreparedRun {
  RunOrder order;
  std::string tag;  ///< to be set on success; may be empty
  EnvTexts texts;   ///< of its files of variables
};

/// Finds a name, has the run prepared with it (again with another one, should somebody take it
/// meanwhile), puts it on record and starts its supervisor, which gets ready beside the
/// preparation. What the run needs from the store must be held until this returns.
Result<Submitted> record_and_start(
    const files::Home& home,
    store::Records& records,
    const std::function<Result<PreparedRun>(const std::string& name)>& prepare);

}  // namespace dstack::run
