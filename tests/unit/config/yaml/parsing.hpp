// What the tests of config share: texts to values and errors, short forms of places, projects on
// disk.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/config/yaml/yaml.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::config::test {

inline Result<ParsedYaml> read(std::string text) {
  return read_yaml(make_source_text("file.yaml", std::move(text)));
}

/// "2:5", and "2:5+3" where three characters are marked.
inline std::string place(const SourceLocation& where) {
  std::string text = std::to_string(where.line) + ":" + std::to_string(where.column);
  if (where.length > 1)
    text += "+" + std::to_string(where.length);
  return text;
}

/// "2:5+3 message".
inline std::string brief(const Error& error) {
  return (error.where ? place(*error.where) + " " : std::string()) + error.message;
}

/// What keeps a text from being read at all; empty when nothing does.
inline std::string failure(std::string text) {
  const auto result = read(std::move(text));
  return result ? std::string() : brief(result.error());
}

/// The value on one line: `{a: [1, "x"]}`; texts that stood in quotes are shown in quotes.
inline std::string shown(const Value& value) {
  std::string text;
  switch (value.kind) {
    case ValueKind::null:
      return "~";
    case ValueKind::scalar:
      return value.quoted ? "\"" + value.text + "\"" : value.text;
    case ValueKind::sequence:
      for (const Value& element : value.elements)
        text += (text.empty() ? "" : ", ") + shown(element);
      return "[" + text + "]";
    case ValueKind::mapping:
      for (const Member& member : value.members)
        text += (text.empty() ? "" : ", ") + member.key + ": " + shown(member.value);
      return "{" + text + "}";
  }
  return text;
}

inline std::string shown(std::string text) {
  const auto result = read(std::move(text));
  return result ? shown(result->root) : "failed: " + brief(result.error());
}

/// A project in a folder of its own.
class ProjectFolder {
 public:
  ProjectFolder()
      : folder_(std::move(*TemporaryFolder::make(fs::temp_directory_path(), "dstack-config-"))) {}

  ProjectFolder& file(const std::string& name, std::string_view text) {
    const Path path = folder_.path() / name;
    if (make_folders(path.parent_path()) && write_file_atomically(path, text, Durable::no))
      return *this;
    throw std::runtime_error("cannot write " + path.string());
  }

  const Path& path() const { return folder_.path(); }

  Result<Project> load() const { return load_project(folder_.path()); }

  /// Each finding as "workflow: 2:5+3 message".
  std::vector<std::string> findings() const {
    std::vector<std::string> all;
    if (const auto project = load())
      for (const Finding& finding : project->findings)
        all.push_back(finding.workflow + ": " + brief(finding.error));
    else
      for (const Error& error : flatten(project.error()))
        all.push_back("failed: " + brief(error));
    return all;
  }

 private:
  TemporaryFolder folder_;
};

/// The findings of a project that has this workflows.yaml, and this variables.yaml when one is
/// given.
inline std::vector<std::string> findings_of(std::string_view workflows,
                                            std::string_view variables = {}) {
  ProjectFolder project;
  project.file(".dstack/workflows.yaml", workflows);
  if (!variables.empty())
    project.file(".dstack/variables.yaml", variables);
  return project.findings();
}

using Findings = std::vector<std::string>;

}  // namespace dstack::config::test
