// Where providers are looked for, and in which order: what the command line and
// DSTACK_PROVIDER_PATH name, the project, the user's home, the system, and last what comes with
// this program.
#pragma once

#include "dstack/base/file.hpp"

#include <string>
#include <vector>

namespace dstack::provider {

/// How far the libraries of a place are trusted.
enum class TrustLevel {
  ours,     ///< who could replace them could replace this program as well
  guarded,  ///< taken when nobody but the user and root can replace them
  pinned,   ///< moreover only with the content that the user has trusted (trust.hpp)
};

/// A folder of libraries, or a single one.
struct Place {
  Path path;
  std::string source;  ///< "--provider-path", "DSTACK_PROVIDER_PATH", "project", "home", "system"
                       ///< or "built in"
  TrustLevel trust_level = TrustLevel::guarded;
  std::string passed_over = {};  ///< why nothing is looked for here; empty: it is
};

struct SearchPath {
  std::vector<Place> places;
  Path trusted;  ///< the file of what the user has trusted
};

struct Surroundings {
  std::vector<Path> named;  ///< by the command line, absolute
  Path project;             ///< its root; empty where there is none
  Path home_plugins;        ///< $DSTACK_HOME/plugins
  Path trusted;
};

SearchPath search_path(const Surroundings& surroundings);

/// The folder of the built-in providers, relative to this program.
Path built_in_folder();

}  // namespace dstack::provider
