// Where interpreters may be, from names and paths alone: nothing is started here. In the order of
// preference: the active environment, the folders of PATH, pyenv's versions, uv's versions.
#pragma once

#include "dstack/python/python.hpp"
#include "dstack/python/version.hpp"

#include <string>
#include <vector>

namespace dstack::python {

enum class CandidateKind {
  interpreter,  ///< a program
  shim,         ///< a script that starts an interpreter depending on the working directory and
                ///< variables: tried last
};

struct Candidate {
  Path program;
  Version version;  ///< as far as the name or path has it
  std::string source;  ///< one of those below, or the folder of pyenv: "~/.pyenv"
  CandidateKind kind = CandidateKind::interpreter;
};

inline constexpr const char* source_active = "active environment";
inline constexpr const char* source_path = "PATH";
inline constexpr const char* source_uv = "uv";

/// Where pyenv's versions are looked for, for messages: "~/.pyenv", "/opt/pyenv and ~/.pyenv".
std::string pyenv_places(const Lookup& environment);

/// Of the virtual or conda environment that the caller has activated.
std::vector<Candidate> active_candidates(const Lookup& environment);
/// Everywhere else; only those whose version may be `wanted` (empty: any). Shims of pyenv, asdf or
/// mise in PATH are replaced by the versions behind them: starting a shim takes 150 ms.
std::vector<Candidate> other_candidates(const Lookup& environment, const Version& wanted);
/// Those that uv manages, newest first.
std::vector<Candidate> uv_candidates(const Lookup& environment, const Version& wanted);

/// Whether a program belongs to a virtual environment: started by another path it would lose its
/// packages.
bool in_virtual_environment(const Path& program);

}  // namespace dstack::python
