// Real shells with the program's completion, and a TAB key.
#pragma once

#include "dstack/base/text.hpp"
#include "pseudo_terminal.hpp"
#include "support/sandbox.hpp"

#include <memory>
#include <string>
#include <vector>

namespace dstack::test {

/// Bash or zsh on a terminal. Control-T shows the line as it stands between two marks, so that it
/// is read from what the shell holds, not from what it has painted; control-O puts in everything
/// that is offered.
class Shell {
 public:
  Shell(Sandbox& box, const std::string& program, const std::string& settings) {
    box.file("../shell/.bashrc", settings);
    box.file("../shell/.zshrc", settings);
    const std::string folder = (box.root() / "shell").string();
    for (const std::string& variable : {"ZDOTDIR=" + folder,
                                        "HOME=" + folder,
                                        std::string("TERM=xterm"),
                                        std::string("HISTFILE="),
                                        std::string("LC_ALL=C.UTF-8")})
      box.set(variable);
    process::Command command = box.command({});
    command.argv = {program};
    if (program.ends_with("bash"))
      command.argv.insert(command.argv.end(), {"--noprofile", "--rcfile", folder + "/.bashrc"});
    else
      command.argv.emplace_back("-d");  // nothing of /etc
    command.argv.emplace_back("-i");
    terminal_ = std::make_unique<PseudoTerminal>(command, 40, 1000);
    terminal_->read_until("ready> ");
  }

  /// The line after TAB at its end.
  std::string complete(const std::string& line) { return press(line, "\t"); }

  /// The words that are offered at the end of the line, in place of its last one.
  std::vector<std::string> offered(const std::string& line) {
    const std::size_t kept = line.rfind(' ') + 1;
    const std::string all = press(line, "\x0f");
    INFO(all);
    REQUIRE(all.substr(0, kept) == line.substr(0, kept));
    return shell_split(all.substr(kept)).value();
  }

 private:
  std::string press(const std::string& line, const std::string& key) {
    terminal_->type("\x15" + line + key + "\x14");  // control-U empties the line first
    terminal_->read_until("]]]");
    const std::string& shown = terminal_->shown();
    const std::size_t end = shown.rfind("]]]");
    const std::size_t begin = shown.rfind("[[[", end) + 3;
    return shown.substr(begin, end - begin);
  }

  std::unique_ptr<PseudoTerminal> terminal_;
};

inline Shell bash(Sandbox& box, const std::string& program) {
  return {box, program, R"(
PS1='ready> '
bind 'set bell-style none'
bind 'set completion-query-items 0'
bind '"\C-o": insert-completions'
bind -x '"\C-t": printf "[[[%s]]]" "$READLINE_LINE"'
source <(dstack completion bash)
)"};
}

inline Shell zsh(Sandbox& box, const std::string& program) {
  // The script lies where `cmake --install` puts it: in a folder of functions.
  box.file("../shell/functions/_dstack", box.ok({"completion", "zsh"}));
  return {box, program, R"(
fpath=($ZDOTDIR/functions $fpath)
autoload -Uz compinit
compinit -u -d $ZDOTDIR/dump
unsetopt beep
PS1='ready> '
show() { print -rn -- "[[[$BUFFER]]]" }
zle -N show
bindkey '^T' show
all() { _main_complete; compstate[insert]=all; compstate[list]= }
zle -C all complete-word all
bindkey '^O' all
)"};
}

}  // namespace dstack::test
