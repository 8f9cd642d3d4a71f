// The scripts for the shells. Each looks first into a table of what is always the same: the
// commands, and the options of those that were just named. The table is made of the program's own
// answers.
#include "command_line/completion.hpp"
#include "commands/commands.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/home.hpp"

#include <set>

namespace dstack::cli {

namespace {

constexpr std::string_view bash_script = R"bash(
_dstack() {
  local IFS=' ' line=${COMP_LINE:0:COMP_POINT} word quoted gap current key reply
  local -a words=()
  # Bash cuts words at ':' and '=', too. Here they are whole again.
  for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
    gap=${line%%"$word"*}
    line=${line:${#gap}+${#word}}
    if [[ -z $gap && ${#words[@]} -gt 0 ]]; then words[-1]+=$word; else words+=("$word"); fi
  done
  current=${line#"${line%%[![:blank:]]*}"}
  if [[ $current == "$line" && ${#words[@]} -gt 1 ]]; then
    current=${words[-1]}$current
    unset 'words[-1]'
  fi

  key="${words[*]:1}"
  [[ $current == -* && $current != *=* ]] && key+=" -"
  _dstack_known "${key# }" ||
    reply=$("${words[0]/#\~/$HOME}" __complete --quoted -- "${words[@]:1}" "$current" 2>/dev/null)

  # What bash puts in replaces only what follows the last of its cuts.
  local cuts=${COMP_WORDBREAKS//[!:=]/} typed=${current#[\'\"]} kept=
  [[ $cuts ]] && kept=${typed%"${typed##*[$cuts]}"}
  while IFS= read -r line; do
    word=${line%%$'\t'*}
    case $word in
      :files) compopt -o default ;;
      :folders) compopt -o filenames -o dirnames ;;
      '') ;;
      *)
        # Nothing is put in that the shell would execute.
        printf -v quoted %q "$word"
        if [[ $current == [\'\"]* && $quoted != "$word" ]]; then continue; fi
        if [[ $quoted == "$typed"* ]]; then COMPREPLY+=("${quoted:${#kept}}"); fi
        ;;
    esac
  done <<<"$reply"
}
complete -o nosort -F _dstack dstack
)bash";

constexpr std::string_view zsh_script = R"zsh(
_dstack() {
  local current="${(Q)PREFIX}" key line reply
  local -a asked choices
  (( CURRENT > 2 )) && asked=("${(@Q)words[2,CURRENT-1]}")

  key="${(j: :)asked}"
  [[ $current == -* && $current != *=* ]] && key="${key:+$key }-"
  _dstack_known "$key" ||
    reply=$("${${(Q)words[1]}/#\~/$HOME}" __complete -- "${asked[@]}" "$current" 2>/dev/null)

  for line in "${(@f)reply}"; do
    case $line in
      (:files) [[ $current == -*=* ]] && compset -P '*='; _files ;;
      (:folders) [[ $current == -*=* ]] && compset -P '*='; _files -/ ;;
      (?*) choices+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
    esac
  done
  (( $#choices )) && _describe -V dstack choices
}

if [[ $funcstack[1] == _dstack ]]; then _dstack "$@"; else compdef _dstack dstack; fi
)zsh";

constexpr std::string_view fish_script = R"fish(
function __dstack_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l program $words[1]
  set -e words[1]

  set -l key (string join ' ' -- $words)
  if string match -q -- '-*' "$current"; and not string match -q -- '*=*' "$current"
    set key (string trim -- "$key -")
  end
  set -l reply (__dstack_known "$key"; or $program __complete -- $words "$current" 2>/dev/null)

  set -l prefix (string match -r -- '^-[^=]*=' "$current")
  for line in $reply
    switch $line
      case :files
        printf "$prefix%s\n" (__fish_complete_path (string replace -r -- '^-[^=]*=' '' "$current"))
      case :folders
        printf "$prefix%s\n" (__fish_complete_directories (string replace -r -- '^-[^=]*=' '' "$current"))
      case '*'
        printf '%s\n' $line
    end
  end
end
complete -c dstack -f -k -a '(__dstack_complete)'
)fish";

struct KnownReply {
  std::string key;  ///< the words before the cursor, and `-` when an option is begun
  std::vector<Choice> choices;
};

/// Asked with surroundings in which there is nothing to be found.
KnownReply ask(std::vector<std::string> words, const std::string& current) {
  KnownReply reply;
  reply.choices = complete(words, current, {files::Home{"/dev/null"}, Path("/")}).choices;
  if (!current.empty())
    words.push_back(current);
  reply.key = join(words, " ");
  return reply;
}

std::vector<KnownReply> known_replies() {
  std::vector<KnownReply> replies = {ask({}, ""), ask({}, "-")};
  std::set<std::string_view> groups;
  for (const Command& command : all_commands()) {
    std::vector<std::string> words;
    for (const std::string_view word : split(command.name, ' '))
      words.emplace_back(word);
    if (words.size() == 2 && groups.insert(split(command.name, ' ').front()).second) {
      replies.push_back(ask({words.front()}, ""));
      replies.push_back(ask({words.front()}, "-"));
    }
    replies.push_back(ask(words, "-"));
    if (!command.alias.empty())
      replies.push_back(ask({std::string(command.alias)}, "-"));
  }
  return replies;
}

/// Bash and zsh quote alike. Bash shows no helps, and reads the shorter script faster.
std::string posix_table(bool with_help) {
  std::string text = "_dstack_known() {\n  case $1 in\n";
  for (const KnownReply& reply : known_replies()) {
    std::string lines;
    for (const Choice& choice : reply.choices)
      lines += (lines.empty() ? "" : "\n") + choice.text + (with_help ? "\t" + choice.help : "");
    text += fmt::format("    {}) reply={} ;;\n",
                        reply.key.empty() ? "''" : shell_quote(reply.key),
                        shell_quote(lines));
  }
  return fmt::format("{}    *) return 1 ;;\n  esac\n}}\n", text);
}

std::string fish_quote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\')
      quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string fish_table() {
  std::string text = "function __dstack_known\n  switch $argv[1]\n";
  for (const KnownReply& reply : known_replies()) {
    text += fmt::format("    case {}\n      printf '%s\\n'", fish_quote(reply.key));
    for (const Choice& choice : reply.choices)
      text += fmt::format(" {}", fish_quote(fmt::format("{}\t{}", choice.text, choice.help)));
    text += "\n";
  }
  return fmt::format("{}    case '*'\n      return 1\n  end\nend\n", text);
}

std::string opening(const std::string& shell) {
  return fmt::format(
      "# Completion of dstack for {}, as 'dstack completion {}' prints it.\n\n# What is the same "
      "everywhere: words before the cursor, and what may follow them.\n",
      shell,
      shell);
}

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell == "bash")
    return opening(shell) + posix_table(false) + std::string(bash_script);
  if (shell == "zsh")
    return fmt::format("#compdef dstack\n{}{}{}", opening(shell), posix_table(true), zsh_script);
  if (shell == "fish")
    return opening(shell) + fish_table() + std::string(fish_script);
  return {};
}

}  // namespace dstack::cli
