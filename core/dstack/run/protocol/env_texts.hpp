// The texts of a run's files of variables, as they were when it was submitted: sealed, in the run's
// folder. Orders and records have paths, names and digests alone.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/files/home.hpp"

#include <map>
#include <string>

namespace dstack::run {

/// By digest, as hexadecimal digits.
using EnvTexts = std::map<std::string, std::string>;

/// Durable when it returns.
Result<void> write_env_texts(const files::Home& home, const Path& file, const EnvTexts& texts);
Result<EnvTexts> read_env_texts(const files::Home& home, const Path& file);

}  // namespace dstack::run
