#include "dstack/python/installed.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/json.hpp"
#include "dstack/base/text.hpp"
#include "dstack/python/pyproject.hpp"

#include <optional>
#include <set>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::python {

namespace {

template <typename Use>
void each_entry(const Path& folder, const Use& use) {
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    use(entry->path(), entry->path().filename().string());
}

/// The first lines of a file, which may go on; empty where it cannot be read.
std::string head_of(const Path& path) {
  constexpr std::size_t enough = 4096;
  std::string text(enough, '\0');
  const auto file = open_source(path);
  const auto count =
      file ? read_some(file->get(), text.data(), text.size()) : Result<std::size_t>();
  text.resize(count.value_or(0));
  if (text.size() == enough)
    text.resize(text.rfind('\n') + 1);
  return text;
}

/// The name as its author writes it, which the folder's name has not; nothing where the fields do
/// not have it.
std::optional<std::string> name_among(std::string_view fields) {
  for (std::string_view line : split(fields, '\n')) {
    line = trim(line);
    if (line.empty())
      break;
    if (line.starts_with("Name:"))
      return std::string(trim(line.substr(5)));
  }
  return std::nullopt;
}

/// It is one of the first lines, and a long description follows.
std::string name_in_metadata(const Path& metadata, std::string otherwise) {
  const Path file = metadata / "METADATA";
  if (auto name = name_among(head_of(file)))
    return *std::move(name);
  return name_among(read_file(file).value_or("")).value_or(std::move(otherwise));
}

/// Of a package that came from elsewhere than an index: where from.
std::string origin(const Path& metadata) {
  const Path file = metadata / "direct_url.json";
  if (::access(file.c_str(), F_OK) != 0)
    return {};
  const auto text = read_file(file);
  if (!text)
    return {};
  const auto json = parse_json(*text, "direct_url.json");
  return json ? json_string(*json, "url") : std::string();
}

void add_distribution(const Path& path, const std::string& name, std::set<std::string>& lines) {
  for (const std::string_view ending : {".dist-info", ".egg-info"}) {
    const std::size_t dash = name.find('-');
    if (!name.ends_with(ending) || dash == std::string::npos)
      continue;
    std::string version = name.substr(dash + 1, name.size() - ending.size() - dash - 1);
    version = version.substr(0, version.find("-py"));  // an egg's ends in the Python's
    const std::string project = name_in_metadata(path, name.substr(0, dash));
    const std::string from = origin(path);
    lines.insert(from.empty() ? fmt::format("{}=={}", project, version)
                              : fmt::format("{} @ {}", project, from));
  }
}

std::string render_lines(const std::set<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines)
    text += line + "\n";
  return text;
}

}  // namespace

std::string merge_packages(std::string_view later, std::string_view first) {
  std::set<std::string> names;
  std::set<std::string> lines;
  const auto name_of = [](std::string_view line) {
    return normal_package_name(package_name_of(line));
  };
  for (const std::string_view line : split(trim(first), '\n')) {
    lines.emplace(line);
    names.insert(name_of(line));
  }
  for (const std::string_view line : split(trim(later), '\n'))
    if (!line.empty() && names.count(name_of(line)) == 0)
      lines.emplace(line);
  return render_lines(lines);
}

std::string installed_packages(const Path& program) {
  const Path root = program.parent_path().parent_path();
  std::set<std::string> lines;
  each_entry(root / "lib", [&](const Path& folder, const std::string&) {
    each_entry(folder / "site-packages", [&](const Path& path, const std::string& name) {
      add_distribution(path, name, lines);
    });
  });
  each_entry(root / "conda-meta", [&](const Path&, std::string name) {
    if (!name.ends_with(".json"))
      return;
    name.resize(name.size() - 5);
    const std::size_t build = name.rfind('-');
    const std::size_t version = build == std::string::npos ? build : name.rfind('-', build - 1);
    if (version != std::string::npos)
      lines.insert(fmt::format("{}={}={}",
                               name.substr(0, version),
                               name.substr(version + 1, build - version - 1),
                               name.substr(build + 1)));
  });
  return render_lines(lines);
}

}  // namespace dstack::python
