#include "dstack/python/foreign_files.hpp"

#include "dstack/base/path.hpp"

#include <string_view>
#include <utility>

namespace dstack::python {

namespace {

constexpr std::string_view of_setuptools =
    "to install that project, write a requirements file with the line '.' or './FOLDER'";
constexpr std::string_view of_poetry =
    "name pyproject.toml if it has a [project] table, or what 'poetry export -o requirements.txt' "
    "writes";
constexpr std::string_view of_pdm =
    "name pyproject.toml, or what 'pdm export -o requirements.txt' writes";
constexpr std::string_view of_pipenv = "name what 'pipenv requirements > requirements.txt' writes";
constexpr std::string_view of_conda_lock = "name the environment.yaml that it was made from";

constexpr std::pair<std::string_view, std::string_view> foreign_files[] = {
    {"setup.py", of_setuptools},
    {"setup.cfg", of_setuptools},
    {"poetry.lock", of_poetry},
    {"pdm.lock", of_pdm},
    {"Pipfile", of_pipenv},
    {"Pipfile.lock", of_pipenv},
    {"conda-lock.yml", of_conda_lock},
    {"conda-lock.yaml", of_conda_lock}};

}  // namespace

Result<void> check_requirements_name(const std::string& path) {
  for (const auto& [name, hint] : foreign_files)
    if (file_name(path) == name)
      return fail(ErrorCode::configuration, "'{}' is not a requirements file", path)
          .with_hint("{}", hint);
  return {};
}

}  // namespace dstack::python
