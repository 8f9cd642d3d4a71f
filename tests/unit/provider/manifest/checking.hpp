// Checks the properties of a workflow that is written as YAML, against a manifest that is written
// as JSON.
#pragma once

#include "dstack/config/yaml/yaml.hpp"
#include "dstack/provider/manifest/properties.hpp"

#include <string>
#include <vector>

namespace dstack::test {

inline const std::string manifest_text = R"({
  "abi": "0.0", "name": "demo", "version": "1.0", "help": "Shows types", "common": true,
  "properties": [
    {"name": "file", "aliases": ["script"], "type": "path", "required": true, "positional": true, "help": "The script"},
    {"name": "args", "type": "arguments", "positional": true, "help": "Arguments"},
    {"name": "title", "type": "text", "default": "none", "help": "A text"},
    {"name": "nodes", "type": "integer", "minimum": 1, "default": 1, "help": "A number"},
    {"name": "verbose", "type": "boolean", "help": "A switch"},
    {"name": "disk", "type": "size", "help": "A size"},
    {"name": "patience", "type": "duration", "help": "A duration"},
    {"name": "lines", "type": "texts", "help": "Lines"},
    {"name": "needs", "type": "requirements", "help": "Packages"},
    {"name": "requirements", "type": "paths", "help": "Files",
     "flag": {"name": "--requirements", "short": "-r", "value": "FILE", "repeat": true}}
  ],
  "examples": ["dstack run demo x.py"]
})";

inline provider::Manifest demo_manifest() {
  return provider::parse_manifest(manifest_text).value();
}

inline Result<provider::CheckedProperties> check(
    const std::string& yaml, const provider::Manifest& manifest = demo_manifest()) {
  const auto source = make_source_text("workflows.yaml", yaml);
  const config::Value properties = config::read_yaml(source).value().root;
  const provider::CallerEnvironment caller = [](const std::string& name) {
    return name == "TOKEN" ? std::optional<std::string>("from the caller") : std::nullopt;
  };
  return provider::check_properties(
      manifest, properties, SourceLocation{source, 1, 1, 1}, "train", caller);
}

/// The typed value of a property of a workflow that is right.
inline Json typed(const std::string& yaml, const std::string& property) {
  const auto checked = check("file: x.py\n" + yaml);
  if (!checked)
    return "error: " + render(checked.error());
  return checked->values.contains(property) ? checked->values[property] : Json();
}

/// Every error of a workflow, one a line, as `line:column message; hint`.
inline std::string errors(const std::string& yaml,
                          const provider::Manifest& manifest = demo_manifest()) {
  const auto checked = check(yaml, manifest);
  if (checked)
    return "no error";
  std::string text;
  for (const Error& error : flatten(checked.error())) {
    if (!text.empty())
      text += "\n";
    if (error.where)
      text += std::to_string(error.where->line) + ":" + std::to_string(error.where->column) + " ";
    text += error.message;
    if (!error.hint.empty())
      text += "; " + error.hint;
  }
  return text;
}

}  // namespace dstack::test
