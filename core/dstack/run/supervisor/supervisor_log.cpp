#include "dstack/run/supervisor/supervisor_log.hpp"

#include "dstack/base/log.hpp"
#include "dstack/run/protocol/file_names.hpp"

namespace dstack::run {

void complain(const Path& run_folder, const std::string& message) {
  log::start(log::Level::warning, (run_folder / file_names::supervisor_log).string());
  log::warning(message);
}

}  // namespace dstack::run
