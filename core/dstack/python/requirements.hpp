// Requirement files, as far as dstack has to understand them: which files are included, and which
// of the code's own folders are installed. Specifiers are left to the installers.
//
//   -r FILE, -c FILE    included; FILE is relative to the including file
//   -e PATH, ./PATH     a local project: relative to the project's root, as for pip, else to the
//                       file's folder
//   -f FOLDER           a folder of wheels: relative to the file's folder, else to the project's
//                       root
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/python/lock.hpp"
#include "dstack/python/python.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dstack::python {

enum class PieceKind {
  text,        ///< as written
  include,     ///< another requirement file: `target` in Requirements::files
  project,     ///< a local folder with a pyproject.toml or setup.py
  local_file,  ///< a local wheel or source archive
  wheels,      ///< a local folder of wheels
};

/// A requirement file is a sequence of pieces. `text` of a local piece is the path as written; of
/// an include, with the values of its variables.
struct Piece {
  PieceKind kind = PieceKind::text;
  std::string text;
  Path path;               ///< of local pieces: where it is
  std::size_t target = 0;  ///< of includes
};

/// Of a pyproject.toml it is what follows from it, not its text: most of such a file is about other
/// things, and a change of them builds nothing again.
struct RequirementFile {
  std::string name;  ///< relative to the project's root, for messages
  std::string text;  ///< the whole content, as UTF-8
  std::vector<Piece> pieces;
};

/// An environment.yaml of conda.
struct CondaFile {
  std::string name;  ///< relative to the project's root
  std::string text;
};

struct Requirements {
  std::vector<RequirementFile> files;  ///< each once
  std::vector<std::size_t> roots;      ///< those that the request names, in its order
  std::optional<LockedProject> lock;   ///< is installed first
  std::optional<CondaFile> conda;      ///< makes the environment, and brings the interpreter

  bool empty() const { return roots.empty() && !lock && !conda; }

  /// "'requirements.txt'", "'a.txt' and 'b.txt'", "'streamlit==1.40'": what is being installed, for
  /// messages.
  std::string title;
};

/// Reads the files of a request from `code`. Missing files, files outside the project and cyclic
/// includes are errors at their place. Paths may have variables of `environment`.
Result<Requirements> read_requirements(const job::PythonRequest& request,
                                       const Path& code,
                                       const Lookup& environment = no_variables);

}  // namespace dstack::python
