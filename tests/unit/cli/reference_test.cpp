// Limits that the reference names are those of the code.
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/env_file.hpp"
#include "dstack/config/settings/settings.hpp"
#include "dstack/config/yaml/yaml.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/run/supervisor/ports.hpp"
#include "dstack/secrets/encodings.hpp"
#include "dstack/secrets/vault.hpp"
#include "support/catch.hpp"

#include <algorithm>

using namespace dstack;

namespace {

/// A page of the reference, with its lines joined.
std::string page(const std::string& name) {
  const auto text = read_file(Path(DSTACK_SOURCE_DIR) / "docs" / "reference" / name);
  REQUIRE(text);
  std::string joined = *text;
  std::replace(joined.begin(), joined.end(), '\n', ' ');
  return joined;
}

/// 250000 as "250,000".
std::string grouped(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t end = text.size(); end > 3; end -= 3)
    text.insert(end - 3, ",");
  return text;
}

void check_says(const std::string& page_name, const std::string& text) {
  CHECK_THAT(page(page_name), Catch::Contains(text));
}

}  // namespace

TEST_CASE("the reference has the limits of files of YAML") {
  const config::YamlLimits limits;
  check_says("workflows.md",
             fmt::format("at most {} MiB, {} keys and values and {} MiB of text (what aliases "
                         "repeat counts each time), {} brackets and commas, and {} levels",
                         limits.bytes >> 20U,
                         grouped(limits.nodes),
                         limits.text >> 20U,
                         grouped(limits.signs),
                         limits.depth));
}

TEST_CASE("the reference has the defaults of the settings") {
  const config::Settings settings;
  check_says("workflows.md", fmt::format("stop_grace: {}s ", settings.stop_grace.count() / 1000));
  check_says("workflows.md",
             fmt::format("snapshot_file_limit: {}MB ", settings.snapshot_file_limit / 1'000'000));
  check_says("workflows.md", fmt::format("keep_changes: {}MB ", settings.keep_changes / 1'000'000));
  check_says("workflows.md", fmt::format("{} MB by default", settings.keep_changes / 1'000'000));
  check_says("workflows.md", fmt::format("log_limit: {}GB ", settings.log_limit / 1'000'000'000));
  const config::Receiver receiver;
  check_says("notifications.md", fmt::format("default `{}s`", receiver.timeout.count() / 1000));
  check_says("notifications.md", fmt::format("default `{}`", receiver.retry));
}

TEST_CASE("the reference has the limits of variables, secrets, memory and ports") {
  check_says("workflows.md",
             fmt::format("A file has at most {} MiB", config::largest_env_file >> 20U));
  check_says("workflows.md",
             fmt::format("if they have at least {} bytes", secrets::shortest_masked));
  check_says("secrets.md", fmt::format("at most {} KiB of UTF-8", secrets::longest_value >> 10U));
  check_says("secrets.md", fmt::format("shorter than {} bytes", secrets::shortest_masked));
  check_says("secrets.md",
             fmt::format("the first {} are named, each with at most {} secrets",
                         job::most_files_with_secrets,
                         job::most_secrets_of_file));
  check_says("resources.md",
             fmt::format("less than {}MB of memory is refused", least_memory / 1'000'000));
  check_says("workflows.md", fmt::format("between {} and {}", run::first_port, run::last_port));
}
