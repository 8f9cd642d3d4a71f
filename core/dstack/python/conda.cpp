#include "dstack/python/conda.hpp"

#include "dstack/base/text.hpp"

#include <unistd.h>

namespace dstack::python {

namespace {

/// An entry of the list below `pip:` that names a file of the project.
bool names_file(std::string_view entry) {
  for (const std::string_view beginning :
       {"-r", "-c", "-e", "--requirement", "--constraint", "--editable", "./", "../", "file:"})
    if (entry.starts_with(beginning))
      return true;
  return entry == ".";
}

}  // namespace

Result<void> check_conda_file(const std::string& text, const std::string& name) {
  std::uint32_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    std::string_view entry = trim(line);
    if (!entry.starts_with("- "))
      continue;
    entry = trim(entry.substr(2));
    while (entry.starts_with('"') || entry.starts_with('\''))
      entry.remove_prefix(1);
    if (names_file(entry))
      return fail(ErrorCode::configuration,
                  "'{}' names a file of the project for pip, which conda does not find in a run",
                  name)
          .at({make_source_text(name, text), number, 1, 1})
          .with_hint("name that file in the workflow's 'requirements', beside '{}'", name);
  }
  return {};
}

std::optional<std::string> find_conda(const Lookup& environment) {
  const std::string path = environment("PATH").value_or("");
  for (const char* name : {"micromamba", "mamba", "conda"})
    if (auto program = process::find_program(name, path))
      return program;
  for (const char* variable : {"MAMBA_EXE", "CONDA_EXE"})
    if (auto program = environment(variable);
        program && program->starts_with('/') && ::access(program->c_str(), X_OK) == 0)
      return program;
  return std::nullopt;
}

Failure conda_is_missing(const std::string& file) {
  return fail(ErrorCode::unavailable,
              "'{}' needs micromamba, mamba or conda, and none of them is in PATH",
              file)
      .with_hint("install micromamba (https://mamba.readthedocs.io), or name a requirements file");
}

std::vector<std::string> conda_command(const std::string& program,
                                       const Path& folder,
                                       const std::string& file) {
  if (Path(program).filename() == "micromamba")
    return {program, "create", "--yes", "--prefix", folder.string(), "--file", file};
  return {program, "env", "create", "--quiet", "--prefix", folder.string(), "--file", file};
}

}  // namespace dstack::python
