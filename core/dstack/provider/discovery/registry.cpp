#include "dstack/provider/discovery/registry.hpp"

#include "dstack/base/text.hpp"
#include "dstack/provider/discovery/trust.hpp"
#include "dstack/trust/belief.hpp"

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

/// The files of a folder by name, in order of bytes; or the one that a place is, where the user
/// named it. Hidden files and folders are not candidates. A folder that does not exist is not an
/// error.
std::vector<Path> files_at(const Place& place, boost::system::error_code& error) {
  const Path& folder = place.path;
  std::vector<Path> files;
  boost::system::error_code unknown;
  if (place.source == "--provider-path" && fs::is_regular_file(folder, unknown))
    return {folder};
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
  return fmt::format(
      "it is built for version {} of the provider interface, this dstack supports {}; rebuild it "
      "with the SDK of this dstack",
      its,
      abi_version());
}

/// Adds one candidate after the other, each with the reason against it.
class Examiner {
 public:
  explicit Examiner(const SearchPath& search) : search_(search) {}

  Candidate examine(const Path& file, const Place& place) {
    Candidate candidate;
    candidate.name = name_of_file(file);
    candidate.path = file;
    candidate.source = place.source;
    auto manifest = read_manifest(file);
    if (manifest) {
      candidate.name = manifest->name.empty() ? candidate.name : manifest->name;
      candidate.manifest = std::move(*manifest);
    }
    const auto judged =
        manifest ? judge(candidate, place.trust_level) : Result<void>(Failure(manifest.error()));
    if (!judged) {
      candidate.status = CandidateStatus::refused;
      candidate.reason = judged.error().message;
      if (!judged.error().hint.empty())
        candidate.reason += fmt::format("; {}", judged.error().hint);
    }
    return candidate;
  }

 private:
  Result<void> judge(Candidate& candidate, TrustLevel trust_level) {
    if (!is_supported(*candidate.manifest))
      return fail(ErrorCode::configuration, "{}", other_abi(*candidate.manifest));
    if (trust_level != TrustLevel::ours)
      DSTACK_CHECK(trust::believe_library(candidate.path));
    return trust_level == TrustLevel::pinned ? judge_trust(candidate) : Result<void>();
  }

  Result<void> judge_trust(Candidate& candidate) {
    if (!trusted_)
      trusted_ = TrustedLibraries::load(search_.trusted);
    if (!*trusted_)
      return Failure(trusted_->error());
    DSTACK_TRY(const auto verdict, (*trusted_)->judge(candidate.path));
    if (verdict == TrustedLibraries::Verdict::trusted)
      return {};
    candidate.awaits_trust = true;
    const std::string command =
        fmt::format("'dstack providers trust {}'", shell_quote(candidate.name));
    if (verdict == TrustedLibraries::Verdict::changed)
      return fail(ErrorCode::configuration, "it has changed since you trusted it")
          .with_hint("{} trusts it as it is now", command);
    return fail(ErrorCode::configuration, "it belongs to the project, and you have not trusted it")
        .with_hint("{} lets it run", command);
  }

  const SearchPath& search_;
  std::optional<Result<TrustedLibraries>> trusted_;
};

}  // namespace

Registry Registry::discover(const SearchPath& search) {
  Registry registry;
  Examiner examiner(search);
  for (const Place& place : search.places) {
    if (!place.passed_over.empty())
      continue;
    boost::system::error_code error;
    const std::vector<Path> files = files_at(place, error);
    if (error)
      registry.unreadable_.push_back(fmt::format("the plugins folder '{}' cannot be read: {}",
                                                 place.path.string(),
                                                 std::strerror(error.value())));
    for (const Path& file : files) {
      Candidate candidate = examiner.examine(file, place);
      const Candidate* taken = registry.find(candidate.name);
      if (candidate.status == CandidateStatus::ok && taken != nullptr &&
          taken->status == CandidateStatus::ok) {
        candidate.status = CandidateStatus::shadowed;
        candidate.reason =
            fmt::format("'{}' comes first; remove or rename one of the two", taken->path.string());
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

const Candidate* Registry::refused_before(const Candidate& taken) const {
  for (const Candidate& candidate : candidates_) {
    if (&candidate == &taken)
      break;
    if (candidate.name == taken.name && candidate.status == CandidateStatus::refused)
      return &candidate;
  }
  return nullptr;
}

std::vector<std::string> Registry::names() const {
  std::set<std::string> names;
  for (const Candidate& candidate : candidates_)
    if (candidate.status == CandidateStatus::ok)
      names.insert(candidate.name);
  return {names.begin(), names.end()};
}

}  // namespace dstack::provider
