#include "dstack/config/settings/settings.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/yaml/file_source.hpp"
#include "dstack/config/yaml/map_reader.hpp"
#include "dstack/config/yaml/yaml.hpp"
#include "dstack/trust/belief.hpp"

#include <set>
#include <utility>

namespace dstack::config {

namespace {

constexpr std::uint64_t least_log_limit = 64'000;

/// Reads the file's map, and goes on after an error.
class SettingsReader : private MapReader {
 public:
  using MapReader::errors;
  using MapReader::MapReader;

  Settings read(const Value& root) {
    Settings settings;
    each_member(root,
                "the file",
                {"resources",
                 "stop_grace",
                 "snapshot_file_limit",
                 "keep_changes",
                 "log_limit",
                 "tools",
                 "on_end",
                 "retention",
                 "trust",
                 "sandbox"},
                [&](const std::string& key, const Value& value) {
                  if (key == "resources")
                    read_resources(value, settings.resources);
                  else if (key == "tools")
                    read_tools(value, settings);
                  else if (key == "on_end")
                    settings.on_end = read_on_end(*this, value);
                  else if (key == "retention")
                    read_retention(value, settings.retention);
                  else if (key == "stop_grace")
                    read_duration(key, value, settings.stop_grace);
                  else if (key == "keep_changes")
                    read_size(key, value, settings.keep_changes);
                  else if (key == "trust")
                    read_trust(value, settings.trust);
                  else if (key == "sandbox")
                    read_sandbox(value, settings.sandbox.emplace());
                  else if (key == "log_limit")
                    read_log_limit(value, settings.log_limit);
                  else
                    read_size(key, value, settings.snapshot_file_limit);
                });
    return settings;
  }

 private:
  void read_retention(const Value& value, Retention& retention) {
    const std::size_t errors_before = errors().size();
    each_member(
        value, "'retention'", {"keep", "older"}, [&](const std::string& key, const Value& member) {
          if (key == "keep")
            read_keep(member, retention.keep);
          else
            read_duration(key, member, retention.older.emplace());
        });
    if (errors().size() == errors_before && retention.empty())
      report(make_error(ErrorCode::configuration, "'retention' needs 'keep' or 'older'")
                 .at(value.where)
                 .with_hint("write 'retention: {{keep: 20, older: 30d}}', for example"));
  }

  void read_keep(const Value& value, std::optional<std::uint64_t>& keep) {
    const auto number = parse_number<std::uint64_t>(value.text);
    if (value.kind != ValueKind::scalar || !number)
      report(make_error(ErrorCode::configuration, "'keep' must be a whole number")
                 .at(value.where)
                 .with_hint("write 'keep: 20', for example: the newest 20 runs of each workflow"));
    else
      keep = number;
  }

  void read_log_limit(const Value& value, std::uint64_t& limit) {
    if (value.kind == ValueKind::scalar && value.text == "none") {
      limit = 0;
      return;
    }
    read_size("log_limit", value, limit);
    if (limit > 0 && limit < least_log_limit)
      report(make_error(ErrorCode::configuration, "'log_limit' must be at least 64KB")
                 .at(value.where)
                 .with_hint("write 'log_limit: 10GB', for example, or 'none'"));
  }

  void read_trust(const Value& value, Trust& trust) {
    if (value.kind == ValueKind::scalar && (value.text == "ask" || value.text == "always"))
      trust = value.text == "ask" ? Trust::ask : Trust::always;
    else
      report(make_error(ErrorCode::configuration, "'trust' must be 'always' or 'ask'")
                 .at(value.where)
                 .with_hint("write 'trust: ask' to be shown what the first run of a project would "
                            "run"));
  }

  void read_sandbox(const Value& value, job::Sandbox& sandbox) {
    if (value.kind == ValueKind::scalar)
      return read_sandbox_level(value, sandbox.level);
    each_member(value,
                "'sandbox'",
                {"level", "read", "write", "network"},
                [&](const std::string& key, const Value& member) {
                  if (key == "level")
                    read_sandbox_level(member, sandbox.level);
                  else if (key == "network")
                    read_sandbox_network(member, sandbox.network);
                  else
                    read_opened_paths(key, member, key == "read" ? sandbox.read : sandbox.write);
                });
  }

  void read_sandbox_level(const Value& value, job::SandboxLevel& level) {
    const auto found =
        value.kind == ValueKind::scalar ? job::parse_sandbox_level(value.text) : std::nullopt;
    if (found)
      level = *found;
    else
      report(make_error(ErrorCode::configuration, "a sandbox must be 'files' or 'strict'")
                 .at(value.where)
                 .with_hint("write 'sandbox: files', for example, or 'sandbox: {{level: strict, "
                            "read: [/data], network: host}}'"));
  }

  void read_sandbox_network(const Value& value, std::optional<job::SandboxNetwork>& network) {
    network =
        value.kind == ValueKind::scalar ? job::parse_sandbox_network(value.text) : std::nullopt;
    if (!network)
      report(make_error(ErrorCode::configuration, "'network' must be 'none' or 'host'")
                 .at(value.where));
  }

  void read_opened_paths(const std::string& key,
                         const Value& value,
                         std::vector<std::string>& paths) {
    const bool is_list = value.kind == ValueKind::sequence;
    for (const Value& path : is_list ? value.elements : std::vector<Value>{value}) {
      if (path.kind == ValueKind::scalar && path.text.starts_with('/'))
        paths.push_back(normal_absolute(path.text));
      else
        report(
            make_error(ErrorCode::configuration, "'{}' takes absolute paths", key)
                .at(path.where)
                .with_hint("write '{}: [/data]', for example: '~' and variables are not expanded",
                           key));
    }
  }

  static std::string normal_absolute(const std::string& text) {
    std::string normal = Path(text).lexically_normal().string();
    while (normal.size() > 1 && (normal.ends_with('/') || normal.ends_with("/.")))
      normal.resize(normal.rfind('/') == 0 ? 1 : normal.rfind('/'));
    return normal;
  }

  void read_resources(const Value& value, ResourceSettings& resources) {
    each_member(value,
                "'resources'",
                {"cpu", "memory", "gpus"},
                [&](const std::string& key, const Value& member) {
                  if (key == "cpu")
                    read_cpu(member, resources.cpu);
                  else if (key == "memory")
                    read_memory(key, member, resources.memory.emplace());
                  else
                    read_gpus(member, resources.gpus.emplace());
                });
  }

  void read_cpu(const Value& value, std::optional<std::uint32_t>& cpu) {
    const auto number = parse_number<std::uint32_t>(value.text);
    if (value.kind != ValueKind::scalar || !number || *number == 0)
      report(make_error(ErrorCode::configuration, "'cpu' must be a whole number, at least 1")
                 .at(value.where)
                 .with_hint("write 'cpu: 8', for example"));
    else
      cpu = number;
  }

  void read_gpus(const Value& value, std::vector<Gpu>& gpus) {
    if (value.kind != ValueKind::sequence && value.kind != ValueKind::null)
      report(
          make_error(ErrorCode::configuration, "'gpus' must be a list, not {}", describe(value))
              .at(value.where)
              .with_hint("write 'gpus: [{{name: V100, memory: 16GB}}]', or 'gpus: []' for none"));
    std::set<std::string> ids;
    for (const Value& element : value.elements) {
      Gpu& gpu = gpus.emplace_back();
      const std::size_t errors_before = errors().size();
      read_gpu(element, gpu);
      if (gpu.id.empty())
        gpu.id = std::to_string(gpus.size() - 1);
      if (errors().size() == errors_before && !ids.insert(gpu.id).second)
        report(make_error(ErrorCode::configuration, "duplicate GPU id '{}'", printable(gpu.id))
                   .at(element.where)
                   .with_hint(
                       "give each GPU its own 'uuid'; without one, its id is its number, from 0"));
    }
  }

  void read_gpu(const Value& element, Gpu& gpu) {
    const std::size_t errors_before = errors().size();
    each_member(
        element,
        "a GPU",
        {"name", "memory", "uuid"},
        [&](const std::string& key, const Value& member) {
          if (key == "memory")
            read_memory(key, member, gpu.memory);
          else if (member.kind == ValueKind::scalar && !member.text.empty() &&
                   member.text.find(',') == std::string::npos)
            (key == "name" ? gpu.name : gpu.id) = member.text;
          else
            report(make_error(ErrorCode::configuration, "'{}' must be a text without commas", key)
                       .at(member.where)
                       .with_hint("write 'name: V100', for example"));
        });
    if (errors().size() == errors_before && (gpu.name.empty() || gpu.memory == 0))
      report(make_error(ErrorCode::configuration, "a GPU needs 'name' and 'memory'")
                 .at(element.where)
                 .with_hint("write '{{name: V100, memory: 16GB}}', for example"));
  }

  void read_tools(const Value& value, Settings& settings) {
    each_member(value, "'tools'", {"code_server"}, [&](const std::string&, const Value& tool) {
      ToolSettings& release = settings.code_server.emplace();
      const std::size_t errors_before = errors().size();
      each_member(tool,
                  "'code-server'",
                  {"version", "url", "sha256"},
                  [&](const std::string& key, const Value& member) {
                    if (member.kind != ValueKind::scalar || member.text.empty())
                      report(make_error(ErrorCode::configuration, "'{}' must be a text", key)
                                 .at(member.where));
                    (key == "version" ? release.version
                     : key == "url"   ? release.url
                                      : release.sha256) = member.text;
                  });
      const bool complete =
          !release.version.empty() && !release.url.empty() && release.sha256.size() == 64 &&
          release.sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
      if (!complete && errors().size() == errors_before)
        report(make_error(ErrorCode::configuration,
                          "'code-server' needs 'version', 'url' and 'sha256' (64 digits of 0-9a-f)")
                   .at(tool.where)
                   .with_hint(
                       "write 'code-server: {{version: 4.108.2, url: https://…, sha256: 0ef7…}}'"));
    });
  }
};

}  // namespace

Result<Settings> load_settings(const Path& config) {
  const Path folder = config.parent_path();
  DSTACK_TRY(const auto name,
             find_yaml_file(folder, config.stem().string(), folder.string() + "/"));
  const Path file = name ? folder / *name : config;
  boost::system::error_code error;
  if (!fs::exists(file, error) &&
      (!error || error == boost::system::errc::no_such_file_or_directory ||
       error == boost::system::errc::not_a_directory))
    return Settings{};
  DSTACK_CHECK(
      trust::believe(fmt::format("the file '{}'", file.string()), file, trust::Kind::file, folder));
  DSTACK_TRY(auto source, read_source(file, file.string()));
  DSTACK_TRY(ParsedYaml parsed, read_yaml(std::move(source)));
  SettingsReader reader(std::move(parsed.errors));
  const Settings settings = reader.read(parsed.root);
  if (!reader.errors().empty())
    return fail(join(std::move(reader.errors())));
  return settings;
}

template <class Fields, MaybeConst<Gpu> Self>
void fields(Fields& fields, Self& gpu) {
  fields.member("id", gpu.id);
  fields.member("name", gpu.name);
  fields.member("memory", gpu.memory);
}

void to_json(Json& json, const Gpu& gpu) {
  write_fields(json, gpu);
}

void from_json(const Json& json, Gpu& gpu) {
  read_fields(json, gpu, "gpu");
}

}  // namespace dstack::config
