#include "dstack/provider/registry.hpp"

#include <algorithm>
#include <cstring>
#include <set>

namespace dstack::provider {

namespace {

/// `libhello.so` and `hello.so` are "hello".
std::string name_of_file(const Path& file) {
  std::string name = file.filename().string();
  if (name.starts_with("lib") && name.size() > 3)
    name.erase(0, 3);
  if (name.ends_with(".so") && name.size() > 3)
    name.erase(name.size() - 3);
  return name;
}

/// The files of a folder by name, in order of bytes. Hidden ones are no candidates, nor are
/// folders. `error` is left alone by a folder that is not there: nobody needs to have one.
std::vector<Path> files_in(const Path& folder, boost::system::error_code& error) {
  std::vector<Path> files;
  for (fs::directory_iterator next(folder, error), end; !error && next != end;
       next.increment(error)) {
    boost::system::error_code ignored;
    if (!next->path().filename().string().starts_with('.') &&
        !fs::is_directory(next->path(), ignored))
      files.push_back(next->path());
  }
  if (error == boost::system::errc::no_such_file_or_directory)
    error.clear();
  std::sort(files.begin(), files.end(), [](const Path& a, const Path& b) {
    return a.string() < b.string();
  });
  return files;
}

std::string other_abi(const Manifest& manifest) {
  const std::string its =
      std::to_string(manifest.abi_major) + "." + std::to_string(manifest.abi_minor);
  return "it is built for version " + its + " of the provider interface, this dstack speaks " +
         abi_version() + "; rebuild it with the SDK of this dstack";
}

Candidate examine(const Path& file, const std::string& source) {
  Candidate candidate;
  candidate.name = name_of_file(file);
  candidate.path = file;
  candidate.source = source;
  auto manifest = read_manifest(file);
  if (!manifest) {
    candidate.status = CandidateStatus::refused;
    candidate.reason = manifest.error().message;
    if (!manifest.error().hint.empty())
      candidate.reason += "; " + manifest.error().hint;
    return candidate;
  }
  candidate.name = manifest->name.empty() ? candidate.name : manifest->name;
  if (!is_supported(*manifest)) {
    candidate.status = CandidateStatus::refused;
    candidate.reason = other_abi(*manifest);
  }
  candidate.manifest = std::move(*manifest);
  return candidate;
}

}  // namespace

Path built_in_folder() {
  boost::system::error_code error;
  const Path program = fs::read_symlink("/proc/self/exe", error);
  return (program.parent_path().parent_path() / "lib" / "dstack" / "plugins").lexically_normal();
}

Registry Registry::discover(const SearchPath& path) {
  Registry registry;
  const std::pair<const Path*, std::string> folders[] = {{&path.home_plugins, "home"},
                                                         {&path.built_in, "built in"}};
  for (const auto& [folder, source] : folders) {
    if (folder->empty())
      continue;
    boost::system::error_code error;
    const std::vector<Path> files = files_in(*folder, error);
    if (error)
      registry.unreadable_.push_back("the plugins folder '" + folder->string() +
                                     "' cannot be read: " + std::strerror(error.value()));
    for (const Path& file : files) {
      Candidate candidate = examine(file, source);
      const Candidate* taken = registry.find(candidate.name);
      if (candidate.status == CandidateStatus::ok && taken != nullptr &&
          taken->status == CandidateStatus::ok) {
        candidate.status = CandidateStatus::shadowed;
        candidate.reason =
            "'" + taken->path.string() + "' comes first; remove or rename one of the two";
      }
      registry.candidates_.push_back(std::move(candidate));
    }
  }
  return registry;
}

const Candidate* Registry::find(std::string_view name) const {
  const Candidate* refused = nullptr;
  for (const Candidate& candidate : candidates_) {
    if (candidate.name != name)
      continue;
    if (candidate.status == CandidateStatus::ok)
      return &candidate;
    if (candidate.status == CandidateStatus::refused && refused == nullptr)
      refused = &candidate;
  }
  return refused;
}

std::vector<std::string> Registry::names() const {
  std::set<std::string> names;
  for (const Candidate& candidate : candidates_)
    if (candidate.status == CandidateStatus::ok)
      names.insert(candidate.name);
  return {names.begin(), names.end()};
}

}  // namespace dstack::provider
