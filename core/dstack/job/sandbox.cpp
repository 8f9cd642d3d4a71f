#include "dstack/job/sandbox.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::job {

std::string_view render(SandboxLevel level) {
  return level == SandboxLevel::strict ? "strict" : "files";
}

std::optional<SandboxLevel> parse_sandbox_level(std::string_view text) {
  for (const auto level : {SandboxLevel::files, SandboxLevel::strict})
    if (text == render(level))
      return level;
  return std::nullopt;
}

std::string_view render(SandboxNetwork network) {
  return network == SandboxNetwork::none ? "none" : "host";
}

std::optional<SandboxNetwork> parse_sandbox_network(std::string_view text) {
  for (const auto network : {SandboxNetwork::host, SandboxNetwork::none})
    if (text == render(network))
      return network;
  return std::nullopt;
}

SandboxNetwork network_of(const Sandbox& sandbox) {
  return sandbox.network.value_or(sandbox.level == SandboxLevel::strict ? SandboxNetwork::none
                                                                        : SandboxNetwork::host);
}

namespace {

bool is_open(const std::string& path, const std::vector<std::string>& folders) {
  return std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
    return folder == "/" || is_below(path, folder);
  });
}

}  // namespace

std::string describe_lowered(const Sandbox& wanted, const Sandbox& required) {
  if (wanted.level == SandboxLevel::files && required.level == SandboxLevel::strict)
    return "'files' is less than 'strict'";
  if (network_of(wanted) == SandboxNetwork::host && network_of(required) == SandboxNetwork::none)
    return "'network: host' is more than 'network: none'";
  for (const std::string& path : wanted.write)
    if (!is_open(path, required.write))
      return fmt::format("'write' opens '{}'", printable(path));
  for (const std::string& path : wanted.read)
    if (!is_open(path, required.read) && !is_open(path, required.write))
      return fmt::format("'read' opens '{}'", printable(path));
  return {};
}

std::string describe(const Sandbox& sandbox) {
  std::string text =
      fmt::format("{}, network {}", render(sandbox.level), render(network_of(sandbox)));
  if (!sandbox.read.empty())
    text += fmt::format(", reads {}", quoted_list(sandbox.read));
  if (!sandbox.write.empty())
    text += fmt::format(", writes {}", quoted_list(sandbox.write));
  return text;
}

template <class Fields, MaybeConst<Sandbox> Self>
void fields(Fields& fields, Self& sandbox) {
  fields.member("level", sandbox.level);
  fields.optional("read", sandbox.read);
  fields.optional("write", sandbox.write);
  fields.optional("network", sandbox.network);
}

void to_json(Json& json, SandboxLevel level) {
  json = render(level);
}

void from_json(const Json& json, SandboxLevel& level) {
  read_word(json, level, parse_sandbox_level, "'level' must be files or strict, not");
}

void to_json(Json& json, SandboxNetwork network) {
  json = render(network);
}

void from_json(const Json& json, SandboxNetwork& network) {
  read_word(json, network, parse_sandbox_network, "'network' must be none or host, not");
}

void to_json(Json& json, const Sandbox& sandbox) {
  write_fields(json, sandbox);
}

void from_json(const Json& json, Sandbox& sandbox) {
  read_fields(json, sandbox, "sandbox", JsonOrigin::foreign);
  for (const auto* paths : {&sandbox.read, &sandbox.write})
    for (const std::string& path : *paths)
      if (!path.starts_with('/'))
        throw JsonProblem(fmt::format("'sandbox' opens {}, which is not an absolute path",
                                      json_fields::quote(path)));
}

}  // namespace dstack::job
