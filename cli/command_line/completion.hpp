// What may stand next on a command line. Made from the declarations of the commands, the manifests
// of the providers, the files of the project and the records. Never writes and never fails: what
// cannot be read offers nothing.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/files/home.hpp"

#include <string>
#include <vector>

namespace dstack::cli {

struct Choice {
  std::string text;  ///< the whole word as it would be typed
  std::string help;  ///< may be empty
};

/// Names of files are the shell's to offer: it knows how it quotes them.
enum class FileNames { none, files, folders };

struct Completion {
  std::vector<Choice> choices;
  FileNames file_names = FileNames::none;
};

/// Where names are looked for.
struct Surroundings {
  files::Home home;
  Path folder;  ///< absolute; `--project` among the words replaces it
};

/// `words` stand between the program's name and the cursor; `current` is what was typed of the word
/// at the cursor. The choices are all that can stand there, whatever they begin with; but options
/// are offered only where `current` begins with a dash, or where nothing else can stand.
Completion complete(const std::vector<std::string>& words,
                    const std::string& current,
                    const Surroundings& surroundings);

/// A line `TEXT<TAB>HELP` for each choice, and `:files` or `:folders` before them.
std::string render(const Completion& completion);

/// `dstack __complete [--quoted] -- WORD... CURRENT`, which the scripts call. With `--quoted` words
/// are still as the shell's user typed them. Prints the answer; says nothing else.
int complete_main(const std::vector<std::string>& words);

/// The script of `bash`, `zsh` or `fish`; empty for any other. It holds what needs no look at the
/// surroundings, and asks the program for the rest.
std::string completion_script(const std::string& shell);

}  // namespace dstack::cli
