// What a run's supervisor believes of a message about an application. A job of the same user can
// send such messages, too: what is opened in a browser comes from the plan.
#pragma once

#include "dstack/job/application.hpp"
#include "dstack/job/job_spec.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace dstack::run {

/// The application of this job that the message is about, with its name and its port at 127.0.0.1.
/// Of the address that was said, only whether it is https, the path and the query are taken.
/// Nothing: the plan has no such application.
std::optional<job::Application> known_application(job::Application said,
                                                  const job::JobSpec& spec,
                                                  const std::vector<std::uint16_t>& ports);

}  // namespace dstack::run
