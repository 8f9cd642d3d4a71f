#include "dstack/python/search.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <set>

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace dstack::python {

namespace {

/// Minor versions whose names are tried when none is requested: quicker than reading /usr/bin.
constexpr int newest_minor = 30;
constexpr int oldest_minor = 6;

bool is_runnable_file(const Path& path) {
  boost::system::error_code error;
  return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

bool is_script(const Path& path) {
  const auto file = open_source(path);
  if (!file)
    return false;
  char begin[2] = {};
  const auto count = read_some(file->get(), begin, sizeof begin);
  return count && *count == 2 && begin[0] == '#' && begin[1] == '!';
}

/// {3, 10} from "python3.10"; {3} from "python3"; empty from "python" and all else.
Version version_in_name(std::string_view name) {
  if (!name.starts_with("python"))
    return {};
  return parse_version(name.substr(6)).value_or(Version{});
}

/// The version in a program's own name and in that of its link target.
Candidate look_at(const Path& program, std::string source) {
  Candidate candidate{program, {}, std::move(source), CandidateKind::interpreter};
  const std::string real_name = real_path(program).filename().string();
  if (is_script(program) || !(real_name.starts_with("python") || real_name.starts_with("pypy")))
    candidate.kind = CandidateKind::shim;
  candidate.version = version_in_name(program.filename().string());
  if (const Version real = version_in_name(real_name); real.size() > candidate.version.size())
    candidate.version = real;
  return candidate;
}

/// Collects candidates, each program once: two links to one file are one interpreter, but an
/// environment's link to it is another one.
class Collection {
 public:
  explicit Collection(const Version& wanted) : wanted_(wanted) {}

  void add(Candidate candidate) {
    if (!may_match(candidate.version, wanted_))
      return;
    const Path identity =
        candidate.kind == CandidateKind::shim || in_virtual_environment(candidate.program)
            ? candidate.program
            : real_path(candidate.program);
    if (seen_.insert(identity.string()).second)
      found_.push_back(std::move(candidate));
  }

  void add_all(std::vector<Candidate> candidates) {
    for (Candidate& candidate : candidates)
      add(std::move(candidate));
  }

  std::vector<Candidate> take() { return std::move(found_); }

 private:
  const Version& wanted_;
  std::vector<Candidate> found_;
  std::set<std::string> seen_;
};

std::vector<std::string> program_names(const Version& wanted) {
  std::vector<std::string> names;
  if (wanted.size() >= 2)
    names.push_back(fmt::format("python{}.{}", wanted[0], wanted[1]));
  const int major = wanted.empty() ? 3 : wanted[0];
  names.push_back("python" + std::to_string(major));
  names.push_back("python");
  if (wanted.size() < 2)
    for (int minor = newest_minor; minor >= oldest_minor; --minor)
      names.push_back(fmt::format("python{}.{}", major, minor));
  return names;
}

/// Folders named after a version, each with bin/python inside, newest first.
std::vector<Candidate> versions_below(const Path& folder,
                                      const Version& wanted,
                                      std::string_view prefix,
                                      const std::string& source) {
  std::vector<Candidate> found;
  boost::system::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix))
      continue;
    const std::size_t dash = prefix.empty() ? std::string::npos : name.find('-', prefix.size());
    const auto version = parse_version(std::string_view(name).substr(
        prefix.size(), dash == std::string::npos ? dash : dash - prefix.size()));
    if (!version || version->size() != 3 || !matches(*version, wanted))
      continue;
    for (const char* program : {"bin/python", "bin/python3"})
      if (is_runnable_file(entry->path() / program)) {
        found.push_back({entry->path() / program, *version, source, CandidateKind::interpreter});
        break;
      }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.version > b.version;
  });
  return found;
}

/// Where the versions behind a folder of shims are kept, by pyenv, asdf or mise; empty when it is
/// not such a folder.
Path versions_behind_shims(const Path& folder) {
  if (folder.filename() != "shims")
    return {};
  const Path root = folder.parent_path();
  for (const char* versions : {"versions", "installs/python"})
    if (is_folder(root / versions))
      return root / versions;
  // pyenv-virtualenv has shims of its own in pyenv's plugins/pyenv-virtualenv/shims
  const Path plugins = root.parent_path();
  const Path versions = plugins.parent_path() / "versions";
  return plugins.filename() == "plugins" && is_folder(versions) ? versions : Path();
}

std::vector<Path> pyenv_roots(const Lookup& environment) {
  std::vector<Path> roots;
  if (const auto root = environment("PYENV_ROOT"); root && !root->empty())
    roots.emplace_back(*root);
  if (const auto home = environment("HOME"); home && !home->empty())
    roots.push_back(Path(*home) / ".pyenv");
  return roots;
}

/// As people write it: from the home on.
std::string shown(const Path& folder, const Lookup& environment) {
  const std::string path = folder.lexically_normal().string();
  const std::string home = environment("HOME").value_or("");
  return home.starts_with('/') && path.size() > home.size() && is_below(path, home)
             ? fmt::format("~{}", path.substr(home.size()))
             : path;
}

Path uv_python_folder(const Lookup& environment) {
  if (const auto folder = environment("UV_PYTHON_INSTALL_DIR"); folder && !folder->empty())
    return *folder;
  if (const auto data = environment("XDG_DATA_HOME"); data && data->starts_with('/'))
    return Path(*data) / "uv/python";
  const auto home = environment("HOME");
  return home && !home->empty() ? Path(*home) / ".local/share/uv/python" : Path();
}

}  // namespace

bool in_virtual_environment(const Path& program) {
  boost::system::error_code error;
  return fs::exists(program.parent_path().parent_path() / "pyvenv.cfg", error);
}

std::string pyenv_places(const Lookup& environment) {
  std::vector<std::string> places;
  for (const Path& root : pyenv_roots(environment))
    places.push_back(shown(root, environment));
  if (places.size() == 2 && places.front() == places.back())
    places.pop_back();
  return places.empty() ? "~/.pyenv" : join(places, " and ");
}

std::vector<Candidate> active_candidates(const Lookup& environment) {
  std::vector<Candidate> found;
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    const auto folder = environment(name);
    if (!folder || !folder->starts_with('/'))
      continue;
    for (const char* program : {"bin/python", "bin/python3"})
      if (is_runnable_file(Path(*folder) / program)) {
        found.push_back({Path(*folder) / program, {}, source_active, CandidateKind::interpreter});
        break;
      }
  }
  return found;
}

std::vector<Candidate> other_candidates(const Lookup& environment, const Version& wanted) {
  Collection collection(wanted);
  const std::vector<std::string> names = program_names(wanted);
  const std::string path = environment("PATH").value_or("");
  for (const std::string_view text : split(path, ':')) {
    if (!text.starts_with('/'))
      continue;
    const Path folder = Path(std::string(text)).lexically_normal();
    const Path clean = folder.filename() == "." ? folder.parent_path() : folder;
    if (const Path versions = versions_behind_shims(clean); !versions.empty()) {
      const std::string source = versions.filename() == "versions"
                                     ? shown(versions.parent_path(), environment)
                                     : source_path;
      collection.add_all(versions_below(versions, wanted, "", source));
      continue;
    }
    for (const std::string& name : names)
      if (is_runnable_file(clean / name))
        collection.add(look_at(clean / name, source_path));
  }
  for (const Path& root : pyenv_roots(environment))
    collection.add_all(versions_below(root / "versions", wanted, "", shown(root, environment)));
  collection.add_all(uv_candidates(environment, wanted));
  return collection.take();
}

std::vector<Candidate> uv_candidates(const Lookup& environment, const Version& wanted) {
  const Path folder = uv_python_folder(environment);
  if (folder.empty())
    return {};
  std::vector<Candidate> found = versions_below(folder, wanted, "cpython-", source_uv);
  utsname machine{};
  ::uname(&machine);
  std::erase_if(found, [&](const Candidate& candidate) {
    const std::string name = candidate.program.parent_path().parent_path().filename().string();
    return name.find(std::string("-linux-") + machine.machine) == std::string::npos;
  });
  return found;
}

}  // namespace dstack::python
