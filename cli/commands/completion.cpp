#include "command_line/completion.hpp"

#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"

namespace dstack::cli {

namespace {

class PrintCompletion final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("bash|zsh|fish", shell_, Need::required, "the shell")
        .note(
            "An installation has these scripts where the shells look for them. Otherwise:\n\n"
            "  bash   source <(dstack completion bash)       in ~/.bashrc\n"
            "  zsh    source <(dstack completion zsh)        in ~/.zshrc, after 'compinit'\n"
            "  fish   dstack completion fish | source        in ~/.config/fish/config.fish")
        .example("dstack completion fish | source", "completion in this shell, from now on");
  }

  bool opens_home() const override { return false; }

  Result<int> run(Context& context) override {
    const std::string script = completion_script(shell_);
    if (script.empty())
      return fail(ErrorCode::usage, "there is no completion for '{}'", shell_)
          .with_hint("there is one for 'bash', 'zsh' and 'fish'");
    context.out.write(script);
    return exit_code::success;
  }

 private:
  std::string shell_;
};

}  // namespace

std::unique_ptr<Action> make_completion() {
  return std::make_unique<PrintCompletion>();
}

}  // namespace dstack::cli
