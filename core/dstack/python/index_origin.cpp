#include "dstack/python/index_origin.hpp"

#include "dstack/base/text.hpp"
#include "dstack/base/toml.hpp"
#include "dstack/python/pip_configuration.hpp"
#include "dstack/python/requirement_line.hpp"

#include <algorithm>
#include <array>

namespace dstack::python {

namespace {

/// Whether an index is the first instead of PyPI, or beside that one.
enum class Rank { first, beside };

struct Setting {
  const char* name;
  Rank rank;
};

constexpr std::array index_variables = {Setting{"PIP_INDEX_URL", Rank::first},
                                        Setting{"UV_DEFAULT_INDEX", Rank::first},
                                        Setting{"UV_INDEX_URL", Rank::first},
                                        Setting{"PIP_EXTRA_INDEX_URL", Rank::beside},
                                        Setting{"UV_INDEX", Rank::beside},
                                        Setting{"UV_EXTRA_INDEX_URL", Rank::beside}};
/// Of pip's configuration files.
constexpr std::array index_keys = {Setting{"index-url", Rank::first},
                                   Setting{"extra-index-url", Rank::beside}};

/// The property takes the place of the first, and with several of all.
bool is_heeded(Rank rank, const JobInput& job) {
  return job.index.empty() || (rank == Rank::beside && job.index.size() == 1);
}

void add_lines_of_files(const Requirements& requirements, std::vector<std::string>& origins) {
  for (const RequirementFile& file : requirements.files)
    for (const LogicalLine& line : logical_lines(file.text)) {
      const std::string_view text = trim(without_comment(line.text));
      for (const auto& [short_name, name] :
           {std::pair("-i", "--index-url"), std::pair("--extra-index-url", "--extra-index-url")})
        if (option_value(text, short_name, name))
          origins.push_back(fmt::format("'{}' at {}:{}", name, file.name, line.number));
    }
}

void add_variables(const Lookup& environment,
                   const JobInput& job,
                   std::vector<std::string>& origins) {
  for (const auto& [name, rank] : index_variables) {
    if (!is_heeded(rank, job))
      continue;
    const std::string_view wanted = name;
    const auto own = std::find_if(job.environment.begin(),
                                  job.environment.end(),
                                  [&](const auto& entry) { return entry.first == wanted; });
    if (own != job.environment.end())
      origins.push_back(fmt::format("{} of the job's environment", name));
    else if (!environment(name).value_or("").empty())
      origins.push_back(fmt::format("{} where the run is started", name));
  }
}

void add_pip_files(const Lookup& environment,
                   const JobInput& job,
                   std::vector<std::string>& origins) {
  for (const Path& file : pip_configuration_files(environment)) {
    Variables settings;
    read_pip_configuration(file, settings);
    for (const auto& [key, rank] : index_keys)
      if (is_heeded(rank, job) &&
          settings.contains(rank == Rank::first ? "PIP_INDEX_URL" : "PIP_EXTRA_INDEX_URL"))
        origins.push_back(fmt::format("'{}' in {}", key, file.string()));
  }
}

void add_uv_file(const Lookup& environment, std::vector<std::string>& origins) {
  std::vector<Path> files = {environment("UV_CONFIG_FILE").value_or(""), "/etc/uv/uv.toml"};
  if (const auto home = environment("HOME"); home && !home->empty())
    files.push_back(Path(environment("XDG_CONFIG_HOME").value_or(*home + "/.config")) /
                    "uv/uv.toml");
  for (const Path& file : files) {
    const auto text = file.empty() ? Result<std::string>("") : read_file(file);
    const auto root = parse_toml(text ? *text : "", file.string());
    if (!root)
      continue;
    for (const char* key : {"index", "index-url", "extra-index-url"})
      if (root->find(key) != nullptr || root->find({"pip", key}) != nullptr)
        origins.push_back(fmt::format("'{}' in {}", key, file.string()));
  }
}

}  // namespace

std::vector<std::string> index_origins(const Requirements& requirements,
                                       const Lookup& environment,
                                       const JobInput& job) {
  std::vector<std::string> origins;
  if (!job.index.empty())
    origins.push_back(job.index_where.empty() ? "'index' of the workflow"
                                              : fmt::format("'index' at {}", job.index_where));
  add_lines_of_files(requirements, origins);
  add_variables(environment, job, origins);
  add_pip_files(environment, job, origins);
  if (job.index.empty())
    add_uv_file(environment, origins);
  return origins;
}

std::vector<std::string> proxy_variables(const std::vector<std::string>& environment) {
  std::vector<std::string> names;
  for (const std::string& entry : environment) {
    const std::string name = entry.substr(0, entry.find('='));
    const std::string upper = to_upper(name);
    if ((upper == "HTTPS_PROXY" || upper == "HTTP_PROXY" || upper == "ALL_PROXY" ||
         upper == "PIP_PROXY") &&
        name.size() + 1 < entry.size())
      names.push_back(name);
  }
  return names;
}

}  // namespace dstack::python
