// Where interpreters may be, told from names and places alone: nothing is started here. In the
// order in which they are preferred: the active environment, the folders of PATH, pyenv's versions,
// those that uv has fetched.
#pragma once

#include "dstack/python/python.hpp"
#include "dstack/python/version.hpp"

#include <string>
#include <vector>

namespace dstack::python {

enum class CandidateKind {
  interpreter,  ///< a program of its own
  shim,  ///< a script that starts some interpreter, which one depends on its surroundings: asked
         ///< last
};

struct Candidate {
  Path program;
  Version version;  ///< as far as the name or the place tells it
  std::string source;
  CandidateKind kind = CandidateKind::interpreter;
};

inline constexpr const char* source_active = "active environment";
inline constexpr const char* source_path = "PATH";
inline constexpr const char* source_pyenv = "~/.pyenv";
inline constexpr const char* source_uv = "uv";

/// Of the virtual or conda environment that the caller has activated.
std::vector<Candidate> active_candidates(const Lookup& environment);
/// Everywhere else; only those whose version may be `wanted` (empty: any). Where the shims of
/// pyenv, asdf or mise stand in PATH, the versions behind them take their place: starting a shim
/// costs 150 ms.
std::vector<Candidate> other_candidates(const Lookup& environment, const Version& wanted);
/// Those that uv keeps for itself, newest first.
std::vector<Candidate> uv_candidates(const Lookup& environment, const Version& wanted);

/// Whether a program is that of a virtual environment: started by another path it would lose its
/// packages.
bool in_virtual_environment(const Path& program);

}  // namespace dstack::python
