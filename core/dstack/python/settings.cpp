#include "dstack/python/settings.hpp"

#include "dstack/base/text.hpp"
#include "dstack/python/pip_configuration.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include <unistd.h>

namespace dstack::python {

namespace {

constexpr std::array tool_names = {"PATH",
                                   "HOME",
                                   "USER",
                                   "LOGNAME",
                                   "LANG",
                                   "LC_ALL",
                                   "LC_CTYPE",
                                   "TZ",
                                   "TMPDIR",
                                   "LD_LIBRARY_PATH",
                                   "XDG_CACHE_HOME",
                                   "XDG_CONFIG_HOME",
                                   "XDG_CONFIG_DIRS",
                                   "XDG_DATA_HOME",
                                   "XDG_BIN_HOME",
                                   "http_proxy",
                                   "https_proxy",
                                   "ftp_proxy",
                                   "all_proxy",
                                   "no_proxy",
                                   "HTTP_PROXY",
                                   "HTTPS_PROXY",
                                   "FTP_PROXY",
                                   "ALL_PROXY",
                                   "NO_PROXY",
                                   "SSL_CERT_FILE",
                                   "SSL_CERT_DIR",
                                   "REQUESTS_CA_BUNDLE",
                                   "CURL_CA_BUNDLE",
                                   "NETRC",
                                   "PYENV_ROOT",
                                   "PYENV_VERSION",
                                   "ASDF_DIR",
                                   "ASDF_DATA_DIR",
                                   "MISE_DATA_DIR"};

/// Packages that come as sources or from a Git server need these.
constexpr std::array build_names = {"CC",
                                    "CXX",
                                    "FC",
                                    "CFLAGS",
                                    "CXXFLAGS",
                                    "CPPFLAGS",
                                    "LDFLAGS",
                                    "PKG_CONFIG_PATH",
                                    "CMAKE_PREFIX_PATH",
                                    "CUDA_HOME",
                                    "CUDA_PATH",
                                    "MAX_JOBS",
                                    "MAKEFLAGS",
                                    "LIBRARY_PATH",
                                    "CPATH",
                                    "SSH_AUTH_SOCK",
                                    "GIT_SSH",
                                    "GIT_SSH_COMMAND",
                                    "GIT_SSL_CAINFO",
                                    "GIT_ASKPASS",
                                    "SETUPTOOLS_SCM_PRETEND_VERSION",
                                    "KEYRING_BACKEND"};

/// A lookup takes one name, so the names must be known. Those of the process's own environment are
/// added.
constexpr std::array installer_names = {"PIP_CERT",
                                        "PIP_CLIENT_CERT",
                                        "PIP_CONFIG_FILE",
                                        "PIP_CONSTRAINT",
                                        "PIP_DEFAULT_TIMEOUT",
                                        "PIP_EXTRA_INDEX_URL",
                                        "PIP_FIND_LINKS",
                                        "PIP_INDEX_URL",
                                        "PIP_KEYRING_PROVIDER",
                                        "PIP_NO_BINARY",
                                        "PIP_NO_BUILD_ISOLATION",
                                        "PIP_NO_CACHE_DIR",
                                        "PIP_NO_INDEX",
                                        "PIP_ONLY_BINARY",
                                        "PIP_PRE",
                                        "PIP_PREFER_BINARY",
                                        "PIP_PROXY",
                                        "PIP_RETRIES",
                                        "PIP_CACHE_DIR",
                                        "PIP_TIMEOUT",
                                        "PIP_TRUSTED_HOST",
                                        "PIP_USE_FEATURE",
                                        "PIP_USE_DEPRECATED",
                                        "UV_BUILD_CONSTRAINT",
                                        "UV_CACHE_DIR",
                                        "UV_CONCURRENT_DOWNLOADS",
                                        "UV_CONCURRENT_BUILDS",
                                        "UV_CONCURRENT_INSTALLS",
                                        "UV_CONFIG_FILE",
                                        "UV_CONSTRAINT",
                                        "UV_DEFAULT_INDEX",
                                        "UV_EXCLUDE_NEWER",
                                        "UV_EXTRA_INDEX_URL",
                                        "UV_FIND_LINKS",
                                        "UV_HTTP_RETRIES",
                                        "UV_HTTP_TIMEOUT",
                                        "UV_INDEX",
                                        "UV_INDEX_STRATEGY",
                                        "UV_INDEX_URL",
                                        "UV_INSECURE_HOST",
                                        "UV_KEYRING_PROVIDER",
                                        "UV_LINK_MODE",
                                        "UV_NATIVE_TLS",
                                        "UV_SYSTEM_CERTS",
                                        "UV_NO_BINARY",
                                        "UV_NO_BINARY_PACKAGE",
                                        "UV_NO_BUILD",
                                        "UV_NO_BUILD_ISOLATION",
                                        "UV_NO_BUILD_PACKAGE",
                                        "UV_NO_CACHE",
                                        "UV_NO_CONFIG",
                                        "UV_NO_INDEX",
                                        "UV_OFFLINE",
                                        "UV_OVERRIDE",
                                        "UV_PRERELEASE",
                                        "UV_PYTHON_DOWNLOADS",
                                        "UV_PYTHON_INSTALL_DIR",
                                        "UV_PYTHON_INSTALL_MIRROR",
                                        "UV_PYTHON_PREFERENCE",
                                        "UV_RESOLUTION",
                                        "UV_TORCH_BACKEND"};

/// These would install packages elsewhere, or change what the installer does.
const std::set<std::string, std::less<>> refused_names = {"PIP_TARGET",
                                                          "PIP_PREFIX",
                                                          "PIP_ROOT",
                                                          "PIP_USER",
                                                          "PIP_SRC",
                                                          "PIP_PYTHON",
                                                          "PIP_DRY_RUN",
                                                          "PIP_REQUIREMENT",
                                                          "PIP_EDITABLE",
                                                          "PIP_REPORT",
                                                          "PIP_REQUIRE_VIRTUALENV",
                                                          "PIP_LOG",
                                                          "PIP_QUIET",
                                                          "PIP_NO_DEPS",
                                                          "PIP_IGNORE_INSTALLED",
                                                          "PIP_FORCE_REINSTALL",
                                                          "PIP_UPGRADE",
                                                          "PIP_COMPILE",
                                                          "PIP_NO_COMPILE",
                                                          "UV_PYTHON",
                                                          "UV_SYSTEM_PYTHON",
                                                          "UV_BREAK_SYSTEM_PACKAGES",
                                                          "UV_PROJECT",
                                                          "UV_PROJECT_ENVIRONMENT",
                                                          "UV_WORKING_DIRECTORY",
                                                          "UV_WORKING_DIR",
                                                          "UV_ENV_FILE",
                                                          "UV_VENV_SEED",
                                                          "UV_VENV_CLEAR",
                                                          "UV_COMPILE_BYTECODE",
                                                          "UV_RUN_RECURSION_DEPTH",
                                                          "UV_MANAGED_PYTHON",
                                                          "UV_NO_MANAGED_PYTHON",
                                                          "UV_REQUIREMENT",
                                                          "UV_NO_EDITABLE",
                                                          "UV_EDITABLE"};

template <typename Names>
void take(Variables& variables, const Names& names, const Lookup& environment) {
  for (const char* name : names)
    if (auto value = environment(name))
      variables[name] = std::move(*value);
}

bool is_installer_setting(std::string_view name) {
  return (name.starts_with("PIP_") || name.starts_with("UV_")) && !refused_names.contains(name);
}

/// Of a job's own environment: not its PATH or HOME, which are for its program.
bool is_for_installers(std::string_view name) {
  return is_installer_setting(name) || to_upper(name).ends_with("_PROXY") ||
         name.starts_with("SSL_CERT_") || name == "REQUESTS_CA_BUNDLE" ||
         name == "CURL_CA_BUNDLE" || name == "NETRC";
}

std::optional<std::string> job_variable(const JobInput& job, std::string_view name) {
  for (const auto& [key, value] : job.environment)
    if (key == name)
      return value;
  return std::nullopt;
}

/// The caller's environment below the job's.
Lookup seen_by_installers(const Lookup& environment, const JobInput& job) {
  return [&](const std::string& name) {
    auto own = is_for_installers(name) ? job_variable(job, name) : std::nullopt;
    return own ? std::move(own) : environment(name);
  };
}

Variables installer_variables(const Lookup& environment, const JobInput& job) {
  Variables variables;
  take(variables, installer_names, environment);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string name(text.substr(0, text.find('=')));
    if (is_installer_setting(name))
      if (auto value = environment(name))
        variables[name] = std::move(*value);
  }
  for (const auto& [name, value] : job.environment)
    if (is_installer_setting(name))
      variables[name] = value;
  return variables;
}

/// The property `index` of a workflow, for both installers.
void use_index(const std::vector<std::string>& index, Variables& variables) {
  if (index.empty())
    return;
  variables["PIP_INDEX_URL"] = variables["UV_DEFAULT_INDEX"] = index.front();
  variables.erase("UV_INDEX_URL");
  if (index.size() == 1)
    return;
  variables["PIP_EXTRA_INDEX_URL"] = variables["UV_EXTRA_INDEX_URL"] =
      join({index.begin() + 1, index.end()}, " ");
  variables.erase("UV_INDEX");
}

/// pip's settings: its files, overridden by its variables.
Variables pip_settings(const Lookup& environment, const Variables& given) {
  Variables settings;
  for (const Path& file : pip_configuration_files(environment))
    read_pip_configuration(file, settings);
  for (const auto& [name, value] : given)
    if (name.starts_with("PIP_"))
      settings[name] = value;
  return settings;
}

bool has_any(const Variables& variables, std::initializer_list<const char*> names) {
  return std::any_of(
      names.begin(), names.end(), [&](const char* name) { return variables.contains(name); });
}

/// uv does not read pip's settings. The caller's own settings of uv are kept.
void translate_for_uv(const Variables& pip, Variables& variables) {
  const auto translate =
      [&](const char* from, const char* to, std::initializer_list<const char*> unless) {
        const auto found = pip.find(from);
        if (found != pip.end() && !found->second.empty() && !has_any(variables, unless))
          variables[to] = found->second;
      };
  translate("PIP_INDEX_URL", "UV_DEFAULT_INDEX", {"UV_DEFAULT_INDEX", "UV_INDEX_URL"});
  translate("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL", {"UV_INDEX", "UV_EXTRA_INDEX_URL"});
  translate("PIP_NO_INDEX", "UV_NO_INDEX", {"UV_NO_INDEX"});
  translate("PIP_TRUSTED_HOST", "UV_INSECURE_HOST", {"UV_INSECURE_HOST"});
  translate("PIP_CONSTRAINT", "UV_CONSTRAINT", {"UV_CONSTRAINT"});
  translate("PIP_CERT", "SSL_CERT_FILE", {"SSL_CERT_FILE"});
  if (const auto pre = pip.find("PIP_PRE");
      pre != pip.end() && is_switched_on(pre->second) && !variables.contains("UV_PRERELEASE"))
    variables["UV_PRERELEASE"] = "allow";
  const auto wheels = pip.find("PIP_FIND_LINKS");
  if (wheels != pip.end() && !variables.contains("UV_FIND_LINKS")) {
    std::string places = wheels->second;
    std::replace(places.begin(), places.end(), ' ', ',');
    variables["UV_FIND_LINKS"] = places;
  }
}

std::vector<std::string> render(const Variables& variables) {
  std::vector<std::string> list;
  for (const auto& [name, value] : variables)
    list.push_back(name + "=" + value);
  return list;
}

}  // namespace

bool is_switched_on(std::string_view value) {
  const std::string word = to_lower(value);
  return word == "1" || word == "true" || word == "yes" || word == "on";
}

std::vector<std::string> tool_environment(const Lookup& environment) {
  Variables variables;
  take(variables, tool_names, environment);
  return render(variables);
}

std::vector<std::string> installer_environment(const Lookup& environment, const JobInput& job) {
  const Lookup seen = seen_by_installers(environment, job);
  Variables variables = installer_variables(seen, job);
  const Variables pip = pip_settings(seen, variables);
  take(variables, tool_names, seen);
  take(variables, build_names, seen);
  translate_for_uv(pip, variables);
  use_index(job.index, variables);
  variables.try_emplace("PIP_USE_PEP517", "1");  // as the environment has no setuptools of its own
  variables["PIP_USER"] = "0";
  variables["PIP_NO_INPUT"] = "1";
  variables["PIP_PROGRESS_BAR"] = "off";
  variables["PIP_DISABLE_PIP_VERSION_CHECK"] = "1";
  variables["PIP_ROOT_USER_ACTION"] = "ignore";
  variables["PYTHONUNBUFFERED"] = "1";
  return render(variables);
}

std::optional<std::string> file_variable(const Lookup& environment,
                                         const JobInput& job,
                                         const std::string& name) {
  auto own = job_variable(job, name);
  return own ? std::move(own) : environment(name);
}

std::string index_settings(const Lookup& environment, const JobInput& job) {
  static const std::set<std::string, std::less<>> names = {"PIP_INDEX_URL",
                                                           "PIP_EXTRA_INDEX_URL",
                                                           "PIP_FIND_LINKS",
                                                           "PIP_NO_INDEX",
                                                           "PIP_PRE",
                                                           "PIP_NO_BINARY",
                                                           "PIP_ONLY_BINARY",
                                                           "PIP_PREFER_BINARY",
                                                           "PIP_CONSTRAINT",
                                                           "UV_DEFAULT_INDEX",
                                                           "UV_INDEX",
                                                           "UV_INDEX_URL",
                                                           "UV_EXTRA_INDEX_URL",
                                                           "UV_FIND_LINKS",
                                                           "UV_NO_INDEX",
                                                           "UV_INDEX_STRATEGY",
                                                           "UV_PRERELEASE",
                                                           "UV_RESOLUTION",
                                                           "UV_EXCLUDE_NEWER",
                                                           "UV_CONSTRAINT",
                                                           "UV_OVERRIDE",
                                                           "UV_NO_BINARY",
                                                           "UV_NO_BINARY_PACKAGE",
                                                           "UV_NO_BUILD",
                                                           "UV_NO_BUILD_PACKAGE",
                                                           "UV_TORCH_BACKEND",
                                                           "UV_CONFIG_FILE"};
  const Lookup seen = seen_by_installers(environment, job);
  const Variables given = installer_variables(seen, job);
  Variables all = pip_settings(seen, given);
  all.insert(given.begin(), given.end());
  use_index(job.index, all);
  std::string text;
  for (const auto& [name, value] : all)
    if (names.contains(name))
      text += fmt::format("{}={}\n", name, value);
  std::vector<Path> files = {"/etc/uv/uv.toml", seen("UV_CONFIG_FILE").value_or("")};
  if (const auto home = seen("HOME"); home && !home->empty())
    files.push_back(Path(seen("XDG_CONFIG_HOME").value_or(*home + "/.config")) / "uv/uv.toml");
  for (const Path& file : files)
    if (const auto content = file.empty() ? Result<std::string>("") : read_file(file); content)
      text += *content;
  return text;
}

}  // namespace dstack::python
