#include "dstack/python/described.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"

namespace dstack::python {

namespace {

/// "3.12.3" of "3.12.3.final.0".
std::string first_three(std::string_view text) {
  std::size_t end = 0;
  for (int parts = 0; parts < 3 && end != std::string_view::npos; ++parts)
    end = text.find_first_of(".-", end == 0 ? 0 : end + 1);
  const std::string_view begin = text.substr(0, end);
  return parse_version(begin) ? std::string(begin) : std::string();
}

std::string version_in_settings(const Path& file) {
  const std::string text = read_file(file).value_or("");
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t equals = line.find('=');
    const std::string_view key = trim(line.substr(0, equals));
    if (equals != std::string_view::npos && (key == "version" || key == "version_info"))
      return first_three(trim(line.substr(equals + 1)));
  }
  return {};
}

/// conda-meta/python-3.11.5-h955ad1f_0.json
std::string version_in_packages(const Path& folder) {
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("python-") && name.size() > 7 && name[7] >= '0' && name[7] <= '9')
      return first_three(std::string_view(name).substr(7));
  }
  return {};
}

}  // namespace

bool lies_in(const Path& program, const Path& folder) {
  if (folder.empty())
    return false;
  const Path real_folder = real_path(folder);
  return is_below(program.lexically_normal().string(), folder.lexically_normal().string()) ||
         is_below(real_path(program.parent_path()).string(), real_folder.string()) ||
         is_below(real_path(program).string(), real_folder.string());
}

std::optional<Interpreter> describe(const Candidate& candidate) {
  const Path environment = candidate.program.parent_path().parent_path();
  std::string version = version_in_settings(environment / "pyvenv.cfg");
  if (version.empty())
    version = version_in_packages(environment / "conda-meta");
  if (version.empty())
    return std::nullopt;
  return Interpreter{candidate.program, std::move(version), candidate.source};
}

}  // namespace dstack::python
