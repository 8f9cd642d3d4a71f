// What differs from run to run, by name: so that the output of the program can be compared whole.
#pragma once

#include <regex>
#include <string>

namespace dstack::test {

/// Names of runs become RUN, times TIME, durations SPAN, hashes HASH; columns that follow them
/// close up.
inline std::string named(std::string text) {
  const auto replace = [&](const char* pattern, const char* by) {
    text = std::regex_replace(text, std::regex(pattern), by);
  };
  replace(R"(\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)", "TIME");
  replace(R"(\b[0-9a-f]{64}\b)", "HASH");
  replace(R"(\b[0-9a-f]{12}\b)", "HASH");
  replace(R"(\b[a-z]+-[a-z]+-[0-9]+\b)", "RUN");
  replace(R"(\b[0-9]+(\.[0-9])?s\b)", "SPAN");
  replace(R"( {2,})", "  ");
  return text;
}

}  // namespace dstack::test
