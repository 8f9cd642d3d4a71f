#include "dstack/config/settings/on_end.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "dstack/config/yaml/map_reader.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace dstack::config {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds shortest_timeout{1'000};
constexpr milliseconds longest_timeout{3'600'000};
constexpr std::uint32_t most_retries = 100;
constexpr const char* example =
    "write '- webhook: https://…' or '- command: notify.sh', for example";

/// What the name of a header consists of (RFC 9110).
bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool has_control_character(std::string_view text) {
  return std::any_of(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// Headers on which the transfer itself depends.
bool is_set_by_transfer(const std::string& header) {
  const std::string name = to_lower(header);
  return name == "content-length" || name == "transfer-encoding" || name == "connection";
}

/// The host of a URL with a scheme, and its port. Without the user before it.
std::string_view host_of(std::string_view url, const char* ends) {
  std::string_view host = url.substr(url.find("//") + 2);
  host = host.substr(0, host.find_first_of(ends));
  host.remove_prefix(host.rfind('@') + 1);  // npos + 1 is 0
  return host;
}

/// Why a URL with a scheme can never be requested, whatever its secrets; empty: it can.
std::string why_never_reached(std::string_view url) {
  if (!url.starts_with("http"))
    return {};  // all of it is a secret
  constexpr char unknown = '\1';
  const std::string known =
      with_secrets(url, [](const std::string&) { return std::string(1, unknown); });
  if (known.find(' ') != std::string::npos)
    return "it contains a space, which is written %20";
  const std::string_view host = host_of(known, "/?#");
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (host.empty() || colon == 0)
    return "it has no host";
  if (colon == std::string_view::npos || colon + 1 == host.size())
    return {};
  const std::string_view port = host.substr(colon + 1);
  if (port.find(unknown) != std::string_view::npos)
    return {};
  const auto number = parse_number<std::uint16_t>(port);
  return number && *number > 0 ? "" : "a port is a number from 1 to 65535";
}

class ReceiverReader {
 public:
  explicit ReceiverReader(MapReader& reader) : reader_(reader) {}

  Receiver read(const Value& entry) {
    const std::size_t errors_before = reader_.errors().size();
    reader_.each_member(
        entry,
        "an entry of 'on_end'",
        {"webhook", "headers", "command", "when", "timeout", "retry"},
        [&](const std::string& key, const Value& value) { read_member(key, value); });
    if (reader_.errors().size() == errors_before)
      check_whole(entry);
    return std::move(receiver_);
  }

 private:
  void read_member(const std::string& key, const Value& value) {
    if (key == "webhook")
      read_webhook(value);
    else if (key == "headers")
      read_headers(value);
    else if (key == "command")
      read_command(value);
    else if (key == "when")
      read_when(value);
    else if (key == "timeout")
      read_timeout(value);
    else
      read_retry(value);
  }

  void check_whole(const Value& entry) {
    if (receiver_.webhook.empty() == receiver_.command.empty())
      reader_.report(
          make_error(ErrorCode::configuration,
                     "{}",
                     receiver_.webhook.empty()
                         ? "an entry of 'on_end' needs a 'webhook' or a 'command'"
                         : "an entry of 'on_end' cannot have both a 'webhook' and a 'command'")
              .at(entry.where)
              .with_hint("{}", receiver_.webhook.empty() ? example : "make two entries of it"));
    else if (receiver_.webhook.empty() && !receiver_.headers.empty())
      reader_.report(make_error(ErrorCode::configuration,
                                "'headers' belong to a webhook, and this is a command")
                         .at(entry.where)
                         .with_hint("the command receives the run on its standard input"));
  }

  /// A text in which secrets may be named.
  std::string read_text(const Value& value) {
    auto text = interpolate_secrets(value);
    if (!text) {
      reader_.report(std::move(text).error());
      return {};
    }
    for (SecretReference& secret : text->secrets)
      receiver_.secrets.push_back(std::move(secret));
    return std::move(text->value.text);
  }

  void read_webhook(const Value& value) {
    const std::size_t errors_before = reader_.errors().size();
    if (value.kind == ValueKind::scalar)
      receiver_.webhook = read_text(value);
    if (reader_.errors().size() > errors_before)
      return;
    const std::string& url = receiver_.webhook;
    if ((!url.starts_with("http://") && !url.starts_with("https://") &&
         !url.starts_with("${{ secrets.")) ||
        url.ends_with("//") || has_control_character(url))
      reader_.report(make_error(ErrorCode::configuration,
                                "'webhook' must be a URL that begins with https:// or http://")
                         .at(value.where)
                         .with_hint("write 'webhook: https://example.com/runs', or '${{{{ "
                                    "secrets.NAME }}}}' where the URL itself is secret"));
    else if (const std::string why = why_never_reached(url); !why.empty())
      reader_.report(make_error(ErrorCode::configuration, "'webhook' is not a valid URL: {}", why)
                         .at(value.where)
                         .with_hint("write 'webhook: https://example.com/runs', for example"));
  }

  void read_headers(const Value& value) {
    if (value.kind != ValueKind::mapping) {
      reader_.report(
          make_error(ErrorCode::configuration, "'headers' must be a map, not {}", describe(value))
              .at(value.where)
              .with_hint("write 'headers: {{Authorization: \"Bearer ${{{{ secrets.NAME }}}}\"}}'"));
      return;
    }
    for (const Member& member : value.members) {
      if (!is_token(member.key))
        reader_.report(make_error(ErrorCode::configuration,
                                  "'{}' is not a valid header name",
                                  printable(member.key))
                           .at(member.key_where)
                           .with_hint("names consist of letters, digits and '-'"));
      else if (is_set_by_transfer(member.key))
        reader_.report(
            make_error(ErrorCode::configuration, "header '{}' is set by dstack itself", member.key)
                .at(member.key_where)
                .with_hint("omit it: it follows from what is sent"));
      if (member.value.kind != ValueKind::scalar || has_control_character(member.value.text))
        reader_.report(
            make_error(ErrorCode::configuration,
                       "header '{}' must be a text of one line",
                       printable(member.key))
                .at(member.value.where)
                .with_hint(
                    "write 'headers: {{Authorization: \"Bearer ${{{{ secrets.NAME }}}}\"}}'"));
      else
        receiver_.headers.emplace_back(member.key, read_text(member.value));
    }
  }

  /// A text is for the shell.
  void read_command(const Value& value) {
    std::vector<std::string> arguments;
    if (value.kind == ValueKind::scalar)
      arguments = {value.text};
    for (const Value& element : value.elements)
      arguments.push_back(element.kind == ValueKind::scalar ? element.text : std::string(1, '\0'));
    const bool is_text =
        std::none_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
          return argument.find('\0') != std::string::npos;
        });
    if (arguments.empty() || trim(arguments.front()).empty() || !is_text)
      reader_.report(
          make_error(ErrorCode::configuration,
                     "'command' must be a text for the shell, or a list of arguments")
              .at(value.where)
              .with_hint("write 'command: notify.sh', or 'command: [notify-send, dstack]'"));
    else if (std::any_of(arguments.begin(), arguments.end(), holds_reference))
      reader_.report(
          make_error(ErrorCode::configuration, "a command cannot refer to variables or secrets")
              .at(value.where)
              .with_hint("it receives the run on its standard input; secrets are for 'webhook' "
                         "and 'headers'"));
    else if (value.kind == ValueKind::scalar)
      receiver_.command = {"/bin/sh", "-c", value.text};
    else
      receiver_.command = std::move(arguments);
  }

  void read_when(const Value& value) {
    static const std::vector<std::string> known = {"done", "failed", "stopped", "aborted"};
    std::vector<const Value*> statuses;
    if (value.kind == ValueKind::scalar)
      statuses.push_back(&value);
    for (const Value& element : value.elements)
      statuses.push_back(&element);
    if (statuses.empty())
      reader_.report(make_error(ErrorCode::configuration, "'when' is empty")
                         .at(value.where)
                         .with_hint("write 'when: [failed]', or omit it for every status"));
    for (const Value* status : statuses) {
      const bool is_known = std::find(known.begin(), known.end(), status->text) != known.end();
      if (status->kind == ValueKind::scalar && is_known) {
        receiver_.when.push_back(status->text);
        continue;
      }
      const std::string guess = did_you_mean(status->text, known);
      reader_.report(make_error(ErrorCode::configuration,
                                "{}",
                                status->kind == ValueKind::scalar
                                    ? fmt::format("'{}' is not a final status of a run",
                                                  printable(status->text))
                                    : "'when' must be a list of statuses")
                         .at(status->where)
                         .with_hint("{}",
                                    guess.empty() ? fmt::format("the final statuses are {}",
                                                                quoted_list(known))
                                                  : guess));
    }
  }

  void read_timeout(const Value& value) {
    const std::size_t errors_before = reader_.errors().size();
    reader_.read_duration("timeout", value, receiver_.timeout);
    if (reader_.errors().size() == errors_before &&
        (receiver_.timeout < shortest_timeout || receiver_.timeout > longest_timeout))
      reader_.report(make_error(ErrorCode::configuration, "'timeout' must be between 1s and 1h")
                         .at(value.where)
                         .with_hint("it applies to each attempt; the default is 30s"));
  }

  void read_retry(const Value& value) {
    const auto number =
        value.kind == ValueKind::scalar ? parse_number<std::uint32_t>(value.text) : std::nullopt;
    if (!number || *number > most_retries)
      reader_.report(make_error(ErrorCode::configuration,
                                "'retry' must be a whole number up to {}",
                                most_retries)
                         .at(value.where)
                         .with_hint("write 'retry: 0' for a single attempt; the default is 4"));
    else
      receiver_.retry = *number;
  }

  MapReader& reader_;
  Receiver receiver_;
};

std::string origin_of(std::string_view url) {
  const std::size_t slashes = url.find("//");
  if (slashes == std::string_view::npos)
    return std::string(url);  // a reference
  const std::string_view scheme = url.substr(0, slashes + 2);
  return std::string(scheme).append(host_of(url, "/?#\\"));
}

std::string describe(const Receiver& receiver) {
  if (receiver.command.empty())
    return fmt::format("webhook {}", origin_of(receiver.webhook));
  const auto& command = receiver.command;
  if (command.size() != 3 || command.front() != "/bin/sh")
    return fmt::format("command {}", command.front());
  const std::string_view script = trim(command.back());
  return fmt::format("command {}", script.substr(0, script.find_first_of(" \t\r\n;|&<>()")));
}

}  // namespace

std::vector<std::string> describe(const std::vector<Receiver>& receivers) {
  std::vector<std::string> names;
  std::map<std::string, std::size_t> count;
  for (const Receiver& receiver : receivers)
    ++count[names.emplace_back(describe(receiver))];
  for (std::size_t number = 0; number < names.size(); ++number)
    if (count[names[number]] > 1)
      names[number] += fmt::format(" (number {} of on_end)", number + 1);
  return names;
}

std::vector<Receiver> read_on_end(MapReader& reader, const Value& value) {
  std::vector<Receiver> receivers;
  if (value.kind == ValueKind::scalar)
    reader.report(
        make_error(ErrorCode::configuration, "'on_end' must be a list, not {}", describe(value))
            .at(value.where)
            .with_hint("{}", example));
  if (value.kind == ValueKind::mapping)
    receivers.push_back(ReceiverReader(reader).read(value));
  for (const Value& entry : value.elements) {
    if (entry.kind == ValueKind::null)
      reader.report(
          make_error(ErrorCode::configuration, "an entry of 'on_end' must be a map, not null")
              .at(entry.where)
              .with_hint("{}", example));
    else
      receivers.push_back(ReceiverReader(reader).read(entry));
  }
  return receivers;
}

template <class Fields, MaybeConst<Receiver> Self>
void fields(Fields& fields, Self& receiver) {
  fields.member("command", receiver.command);
  fields.member("webhook", receiver.webhook);
  fields.member("headers", receiver.headers);
  fields.member("when", receiver.when);
  fields.member("timeout", receiver.timeout);
  fields.member("retry", receiver.retry);
}

void to_json(Json& json, const Receiver& receiver) {
  write_fields(json, receiver);
}

void from_json(const Json& json, Receiver& receiver) {
  read_fields(json, receiver, "receiver");
}

}  // namespace dstack::config
