#include "dstack/python/project_files.hpp"

#include "dstack/base/toml.hpp"
#include "dstack/python/build.hpp"
#include "dstack/python/conda.hpp"
#include "dstack/python/foreign_files.hpp"
#include "dstack/python/requirements.hpp"
#include "dstack/python/uv.hpp"

namespace dstack::python {

namespace {

using job::RequirementsFormat;

bool is_package(const Path& file) {
  const auto text = read_file(file);
  const auto root = text ? parse_toml(*text, file.string()) : Result<TomlValue>(TomlValue{});
  if (!root)
    return false;
  const TomlValue* wanted = root->find({"tool", "uv", "package"});
  return wanted != nullptr ? wanted->text == "true" : root->find("build-system") != nullptr;
}

}  // namespace

Result<void> check_project_files(const job::PythonRequest& request,
                                 const Path& code,
                                 const Lookup& environment) {
  // The variables of the other files, which a job may set itself, are not known yet.
  job::PythonRequest wanted;
  boost::system::error_code error;
  for (const std::string& text : request.requirements) {
    const job::RequirementsSource source = job::parse_requirements_source(text);
    if (!fs::exists(code / source.file, error))
      return {};
    DSTACK_CHECK(check_requirements_name(source.file));
    if (job::format_of(source) != RequirementsFormat::pip)
      wanted.requirements.push_back(text);
  }
  if (wanted.requirements.empty())
    return {};
  DSTACK_TRY(const Requirements requirements, read_requirements(wanted, code));
  if (requirements.lock && !find_uv(environment))
    return uv_is_missing(requirements.lock->source);
  if (requirements.conda && !find_conda(environment))
    return conda_is_missing(requirements.conda->name);
  return {};
}

std::vector<Path> import_folders(const job::PythonRequest& request, const Path& code) {
  std::vector<Path> folders;
  for (const std::string& text : request.requirements) {
    const job::RequirementsSource source = job::parse_requirements_source(text);
    if (source.project || !job::may_have_parts(source))
      continue;
    const Path folder = (code / source.file).parent_path();
    boost::system::error_code error;
    Path found;
    if (fs::is_directory(folder / "src", error))
      found = folder / "src";
    else if (is_package(folder / "pyproject.toml"))
      found = folder;
    if (!found.empty() && std::find(folders.begin(), folders.end(), found) == folders.end())
      folders.push_back(found);
  }
  return folders;
}

}  // namespace dstack::python
