// Which providers there are: the search path, every candidate on it, and why one was not taken.
// Loads none.
#pragma once

#include "dstack/provider/discovery/search_path.hpp"
#include "dstack/provider/manifest/manifest.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::provider {

enum class CandidateStatus { ok, shadowed, refused };

struct Candidate {
  std::string
      name;  ///< of the manifest; the file's name without `lib` and `.so` where none can be read
  Path path;
  std::string source;  ///< of the place where it was found (search_path.hpp)
  CandidateStatus status = CandidateStatus::ok;
  std::string reason;         ///< why it was not taken, with the remedy
  bool awaits_trust = false;  ///< refused only because the user has not trusted it
  std::optional<Manifest> manifest;
};

class Registry {
 public:
  Registry() = default;

  /// Of existing candidates, whose status stays as it is.
  explicit Registry(std::vector<Candidate> candidates) : candidates_(std::move(candidates)) {}

  /// Reads every manifest on the path, in order; the first candidate of a name that can be used is
  /// taken.
  static Registry discover(const SearchPath& path);

  const std::vector<Candidate>& candidates() const { return candidates_; }

  /// Folders of the path that exist but could not be read, each as a sentence.
  const std::vector<std::string>& unreadable() const { return unreadable_; }

  /// The candidate taken for this name; or the refused one of that name where there is no other; or
  /// null.
  const Candidate* find(std::string_view name) const;
  /// The candidate that would have been taken in place of `taken`, had it not been refused; null
  /// when there is none.
  const Candidate* refused_before(const Candidate& taken) const;
  /// Of the candidates that were taken, in alphabetical order.
  std::vector<std::string> names() const;

 private:
  std::vector<Candidate> candidates_;
  std::vector<std::string> unreadable_;
};

}  // namespace dstack::provider
