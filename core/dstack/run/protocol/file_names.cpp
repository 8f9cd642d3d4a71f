#include "dstack/run/protocol/file_names.hpp"

namespace dstack::run {

Path attempt_folder(const files::Home& home,
                    const std::string& run,
                    std::size_t job,
                    std::size_t attempt) {
  const Path folder = home.job(run, job);
  return attempt <= 1 ? folder : folder / ("attempt-" + std::to_string(attempt));
}

}  // namespace dstack::run
