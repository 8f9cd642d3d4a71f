// providers list, providers show.
#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/provider/discovery/registry.hpp"
#include "ui/table.hpp"

namespace dstack::cli {

namespace {

using provider::Candidate;
using provider::CandidateStatus;
using provider::Property;
using provider::PropertyType;

provider::Registry discover(const Context& context) {
  return provider::Registry::discover(context.search_path());
}

std::string_view render(CandidateStatus status) {
  switch (status) {
    case CandidateStatus::ok:
      return "ok";
    case CandidateStatus::shadowed:
      return "shadowed";
    case CandidateStatus::refused:
      break;
  }
  return "refused";
}

std::string render_abi(const provider::Manifest& manifest) {
  return std::to_string(manifest.abi_major) + "." + std::to_string(manifest.abi_minor);
}

std::string_view render(PropertyType type) {
  switch (type) {
    case PropertyType::text:
      return "text";
    case PropertyType::path:
      return "path";
    case PropertyType::target:
      return "path or URL";
    case PropertyType::folder:
      return "folder";
    case PropertyType::integer:
      return "integer";
    case PropertyType::boolean:
      return "boolean";
    case PropertyType::size:
      return "size";
    case PropertyType::duration:
      return "duration";
    case PropertyType::texts:
      return "list of texts";
    case PropertyType::paths:
      return "list of paths";
    case PropertyType::requirements:
      return "list of files or maps";
    case PropertyType::arguments:
      return "list or text";
    case PropertyType::environment:
      return "map or list";
    case PropertyType::map:
      return "map of texts";
    case PropertyType::artifacts:
      return "list of paths";
    case PropertyType::build:
      return "folder or map";
    case PropertyType::resources:
      return "map";
    case PropertyType::inputs:
      return "list of paths";
    case PropertyType::env_files:
      return "list of paths";
    case PropertyType::sandbox:
      return "level or map";
    case PropertyType::metrics:
      return "paths or map";
  }
  return "text";
}

class ProvidersList final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .flag("--json",
              json_,
              "as JSON: an array of {name, version, abi, path, source, status, reason}")
        .note(
            "Every candidate is listed; none is run. Errors of a provider while it plans appear\n"
            "when a workflow uses it, or with 'dstack providers check'.")
        .example("dstack providers list", "what can run workflows here");
  }

  Result<int> run(Context& context) override {
    const provider::Registry registry = discover(context);
    context.messages.warnings(registry.unreadable());
    if (json_)
      context.out.json(as_json(registry));
    else if (registry.candidates().empty())
      context.messages.note("no providers found; 'dstack doctor' shows the search path");
    else
      context.out.write(render_table(context.out.stream(), registry));
    return exit_code::success;
  }

 private:
  static Json as_json(const provider::Registry& registry) {
    Json list = Json::array();
    for (const Candidate& candidate : registry.candidates()) {
      const auto& manifest = candidate.manifest;
      list.push_back({{"name", candidate.name},
                      {"version", manifest ? Json(manifest->version) : Json()},
                      {"abi", manifest ? Json(render_abi(*manifest)) : Json()},
                      {"path", candidate.path.string()},
                      {"source", candidate.source},
                      {"status", render(candidate.status)},
                      {"reason", candidate.reason.empty() ? Json() : Json(candidate.reason)}});
    }
    return list;
  }

  static std::string render_table(const ui::Stream& stream, const provider::Registry& registry) {
    using Table = ui::Table;
    Table table(
        {{"NAME"},
         {"VERSION"},
         {"STATUS"},
         {"SOURCE"},
         {"DESCRIPTION, OR WHY IT IS NOT USED", Table::Align::left, Table::Width::shrinks}});
    for (const Candidate& candidate : registry.candidates()) {
      const bool ok = candidate.status == CandidateStatus::ok;
      table.add({{candidate.name, ui::Colour::bold},
                 {candidate.manifest ? candidate.manifest->version : "-"},
                 {std::string(render(candidate.status)),
                  ok                                             ? ui::Colour::green
                  : candidate.status == CandidateStatus::refused ? ui::Colour::red
                                                                 : ui::Colour::dim},
                 {candidate.source},
                 {ok ? candidate.manifest->help : candidate.reason}});
    }
    return table.render(stream);
  }

  bool json_ = false;
};

class ProvidersShow final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("PROVIDER", name_, Need::required, "the provider")
        .flag("--json", json_, "as JSON: one object")
        .example("dstack providers show python", "its properties, options and examples");
  }

  Result<int> run(Context& context) override {
    const provider::Registry registry = discover(context);
    const Candidate* found = registry.find(name_);
    if (found == nullptr) {
      const std::string guess = did_you_mean(name_, registry.names());
      return fail(ErrorCode::not_found, "there is no provider '{}'", name_)
          .with_hint("{}", guess.empty() ? "'dstack providers list' shows all" : guess);
    }
    if (!found->manifest)
      return fail(ErrorCode::unavailable,
                  "provider '{}' ({}) was refused: {}",
                  name_,
                  found->path.string(),
                  found->reason);
    if (json_)
      context.out.json(as_json(*found));
    else
      print(context, *found);
    return exit_code::success;
  }

 private:
  static Json as_json(const Candidate& candidate) {
    const provider::Manifest& manifest = *candidate.manifest;
    Json properties = Json::array();
    for (const Property& property : manifest.properties)
      properties.push_back({{"name", property.name},
                            {"type", render(property.type)},
                            {"required", property.required},
                            {"secret", property.secret},
                            {"default", property.default_value},
                            {"aliases", property.aliases},
                            {"option", property.flag ? Json(property.flag->name) : Json()},
                            {"common", property.common},
                            {"help", property.help}});
    return {{"name", candidate.name},
            {"version", manifest.version},
            {"abi", render_abi(manifest)},
            {"path", candidate.path.string()},
            {"source", candidate.source},
            {"status", render(candidate.status)},
            {"reason", candidate.reason.empty() ? Json() : Json(candidate.reason)},
            {"help", manifest.help},
            {"properties", std::move(properties)},
            {"one_of", manifest.one_of},
            {"examples", manifest.examples}};
  }

  static std::string describe_option(const Property& property) {
    if (property.positional)
      return property.type == PropertyType::arguments ? "[ARGS...]" : "argument";
    if (!property.flag)
      return "-";
    const provider::Flag& flag = *property.flag;
    return (flag.short_name.empty() ? "" : fmt::format("{}, ", flag.short_name)) + flag.name +
           (flag.value_name.empty() ? "" : fmt::format(" {}", flag.value_name));
  }

  static void print(Context& context, const Candidate& candidate) {
    const provider::Manifest& manifest = *candidate.manifest;
    const ui::Stream& stream = context.out.stream();
    context.out.line(fmt::format("{} {}: {}",
                                 ui::paint(stream, ui::Colour::bold, printable(candidate.name)),
                                 printable(manifest.version),
                                 printable(manifest.help)));
    context.out.line(fmt::format("{} ({}, interface {})",
                                 printable(candidate.path.string()),
                                 candidate.source,
                                 render_abi(manifest)));
    if (candidate.status != CandidateStatus::ok)
      context.out.line(
          fmt::format("{}: {}", render(candidate.status), printable(candidate.reason)));
    using Table = ui::Table;
    Table table({{"PROPERTY"},
                 {"TYPE"},
                 {"DEFAULT"},
                 {"OPTION"},
                 {"HELP", Table::Align::left, Table::Width::shrinks}});
    for (const Property& property : manifest.properties) {
      const Json& value = property.default_value;
      std::string fallback = value.is_null()     ? "-"
                             : value.is_string() ? value.get<std::string>()
                                                 : render_json(value);
      table.add({{property.name, ui::Colour::bold},
                 {std::string(render(property.type))},
                 {property.required                             ? "required"
                  : manifest.group_of(property.name) != nullptr ? "one of them"
                                                                : fallback},
                 {describe_option(property)},
                 {property.help}});
    }
    context.out.write("\n" + table.render(stream));
    if (!manifest.examples.empty())
      context.out.line("\nExamples:");
    for (const std::string& example : manifest.examples)
      for (const std::string_view line : split(example, '\n'))
        context.out.line(fmt::format("  {}", printable(line)));
  }

  std::string name_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_providers_list() {
  return std::make_unique<ProvidersList>();
}

std::unique_ptr<Action> make_providers_show() {
  return std::make_unique<ProvidersShow>();
}

}  // namespace dstack::cli
