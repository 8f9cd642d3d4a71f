// secrets add, list, delete, rotate.
#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "commands/project_files.hpp"
#include "dstack/audit/audit_log.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/secrets/crypto.hpp"
#include "dstack/secrets/encodings.hpp"
#include "dstack/secrets/vault.hpp"
#include "follow/unwinding.hpp"
#include "ui/prompt.hpp"
#include "ui/table.hpp"
#include "views/first_run.hpp"

#include <algorithm>
#include <array>

#include <sys/prctl.h>
#include <unistd.h>

namespace dstack::cli {

namespace {

/// Whose secret a command is about: the project's, or the user's in all projects.
struct Scope {
  bool user = false;

  void declare(Syntax& syntax, const std::string& help) { syntax.flag("-u,--user", user, help); }

  /// The project's name in the vault; empty: the user's secrets.
  Result<std::string> project(const Context& context) const {
    if (user)
      return std::string();
    const auto root = config::find_project(context.folder);
    if (root) {
      DSTACK_CHECK(config::believe_project(*root));
      return real_path(*root).string();
    }
    Error error = refuse_missing_project().value();
    error.hint += "; '--user' is for the secrets of all projects";
    return fail(std::move(error));
  }

  static std::string shown(const secrets::SecretName& secret) {
    return secret.project.empty() ? "user" : "project";
  }
};

std::string of_scope(const std::string& project) {
  return project.empty() ? "of the user" : "of this project";
}

/// For the audit log.
Json facts_of(const std::string& name, const std::string& project) {
  return {{"secret", name}, {"project", project.empty() ? Json() : Json(project)}};
}

/// "2 spaces", "1 line end", "3 blanks".
std::string render_blanks(std::string_view blanks) {
  static constexpr std::array<std::pair<char, std::string_view>, 4> kinds = {
      {{' ', "space"}, {'\t', "tab"}, {'\n', "line end"}, {'\r', "carriage return"}}};
  for (const auto& [c, name] : kinds)
    if (blanks.find_first_not_of(c) == std::string_view::npos)
      return plural(blanks.size(), name);
  return plural(blanks.size(), "blank");
}

/// What people should know of blanks around a value, which they cannot see; empty: there are none.
std::string about_blanks(std::string_view value) {
  const std::string_view inner = trim(value);
  if (inner.size() == value.size())
    return {};
  const auto before = static_cast<std::size_t>(inner.data() - value.data());
  const std::string_view after = value.substr(before + inner.size());
  std::string places;
  if (before > 0)
    places = fmt::format("begins with {}", render_blanks(value.substr(0, before)));
  if (!after.empty())
    places += fmt::format("{}ends with {}", places.empty() ? "" : " and ", render_blanks(after));
  return fmt::format(
      "the value {}, which jobs get, too, and is masked with and without; if that is a mistake, "
      "add it again with '--force'",
      places);
}

/// A process that holds a value leaves no core file and cannot be traced.
void keep_to_ourselves() {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

class SecretsAdd final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.usage("[options] NAME")
        .argument("NAME", name_, Need::required, "the name; jobs get the value as a variable")
        .argument("VALUE", misplaced_, Need::optional, "never here: see below")
        .flag("-f,--force", force_, "replace an existing secret");
    scope_.declare(syntax, "for all projects of this user; a project's own takes precedence");
    syntax
        .note(
            "The value is asked for without echo, or read from standard input without its final\n"
            "line end. It is never an argument: the shell's history and 'ps' would show it.")
        .example("dstack secrets add HF_TOKEN", "asks for the value")
        .example("dstack secrets add -f DEPLOY_KEY < id_ed25519", "reads it from a file")
        .example("pass show wandb | dstack secrets add --user WANDB_API_KEY",
                 "for all projects, from another program");
  }

  Result<int> run(Context& context) override {
    if (!misplaced_.empty()) {
      secrets::wipe(misplaced_);
      return fail(ErrorCode::usage,
                  "the value of a secret must not be an argument: the shell's history and 'ps' "
                  "show it")
          .with_hint(
              "run 'dstack secrets add {}' and enter the value when asked; the one just typed is "
              "no "
              "longer secret",
              shell_quote(name_));
    }
    DSTACK_CHECK(check_name());
    DSTACK_TRY(const std::string project, scope_.project(context));
    DSTACK_TRY(const auto vault, secrets::Vault::open(context.home.secrets()));
    DSTACK_CHECK(check_neighbours(vault, project));
    keep_to_ourselves();
    DSTACK_TRY(std::string value, read_value(context));
    const std::size_t size = trim(value).size();
    const std::string blanks = about_blanks(value);
    const Unwinding unwinding;
    const auto added = secrets::add(context.home.secrets(),
                                    project,
                                    name_,
                                    value,
                                    force_ ? secrets::Replace::yes : secrets::Replace::no);
    secrets::wipe(value);
    DSTACK_CHECK(added);
    audit::note(context.home, "secrets add", facts_of(name_, project));
    if (!blanks.empty())
      context.messages.warning(blanks);
    if (size < secrets::shortest_masked)
      context.messages.warning(fmt::format(
          "a value of fewer than {} bytes is not masked in logs: it occurs in any text by chance",
          secrets::shortest_masked));
    context.messages.note(fmt::format("added '{}' to the secrets {}; {} get it as {}",
                                      name_,
                                      of_scope(project),
                                      project.empty() ? "jobs of projects that name it, or have "
                                                        "run before,"
                                                      : "jobs",
                                      environment_name(name_)));
    return exit_code::success;
  }

 private:
  Result<void> check_name() const {
    const std::string variable = environment_name(name_);
    if (!is_name(name_) || (name_.front() >= '0' && name_.front() <= '9'))
      return fail(ErrorCode::usage, "'{}' is not a valid secret name", printable(name_))
          .with_hint(
              "a name begins with a letter and continues with letters, digits, '.', '_' and '-'");
    if (job::is_reserved_environment_name(variable))
      return fail(ErrorCode::usage,
                  "secret '{}' would become {}, which dstack sets itself",
                  name_,
                  variable)
          .with_hint("choose another name");
    if (job::is_base_environment_name(variable))
      return fail(ErrorCode::usage,
                  "secret '{}' would become {}, which every job inherits from the system",
                  name_,
                  variable)
          .with_hint("choose another name; 'environment' in a workflow can set {} from a secret",
                     variable);
    return {};
  }

  Result<void> check_neighbours(const secrets::Vault& vault, const std::string& project) const {
    for (const secrets::SecretName& other : vault.names()) {
      if (other.project != project)
        continue;
      if (other.name == name_ && !force_)
        return fail(ErrorCode::conflict,
                    "there already is a secret '{}' {}",
                    name_,
                    of_scope(project))
            .with_hint("'--force' replaces it");
      if (other.name != name_ && environment_name(other.name) == environment_name(name_))
        return fail(ErrorCode::conflict,
                    "secrets '{}' and '{}' would both become {}",
                    other.name,
                    name_,
                    environment_name(name_))
            .with_hint("choose another name");
    }
    return {};
  }

  Result<std::string> read_value(const Context& context) const {
    std::string value;
    if (::isatty(STDIN_FILENO) == 1) {
      DSTACK_TRY(value, ui::ask_hidden(context.messages, fmt::format("value of {}: ", name_)));
    } else {
      DSTACK_TRY(value, read_all(STDIN_FILENO));
      if (value.ends_with('\n'))
        value.pop_back();
      if (value.ends_with('\r'))
        value.pop_back();
    }
    if (const std::string reason = secrets::why_no_value(value); !reason.empty()) {
      secrets::wipe(value);
      return fail(ErrorCode::usage, "the value cannot be a secret: {}", reason);
    }
    return value;
  }

  std::string name_;
  std::string misplaced_;
  Scope scope_;
  bool force_ = false;
};

class SecretsList final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.flag("-a,--all", all_, "also those of other projects")
        .flag("--json", json_, "as JSON: an array of {name, scope, project, variable, changed_at}")
        .note("Values are never shown.")
        .example("dstack secrets list", "the secrets that jobs of this project get");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(const auto vault, secrets::Vault::open(context.home.secrets()));
    const auto names =
        all_ ? vault.names() : vault.names_for(real_path(context.project()).string());
    if (json_)
      context.out.json(as_json(names));
    else if (names.empty())
      context.messages.note("no secrets yet; 'dstack secrets add NAME' adds one");
    else
      context.out.write(render(context, names));
    if (!all_ && !json_)
      DSTACK_CHECK(note_withheld_secrets(context));
    return exit_code::success;
  }

 private:
  static Json as_json(const std::vector<secrets::SecretName>& names) {
    Json list = Json::array();
    for (const secrets::SecretName& secret : names)
      list.push_back({{"name", secret.name},
                      {"scope", Scope::shown(secret)},
                      {"project", secret.project.empty() ? Json() : Json(secret.project)},
                      {"variable", environment_name(secret.name)},
                      {"changed_at", render_time(secret.changed)}});
    return list;
  }

  std::string render(const Context& context, const std::vector<secrets::SecretName>& names) const {
    const ui::Stream& stream = context.out.stream();
    ui::Table table({{"NAME"}, {"SCOPE"}, {"VARIABLE"}, {"CHANGED"}});
    const Timestamp at = now();
    for (const secrets::SecretName& secret : names)
      table.add({{secret.name, ui::Colour::bold},
                 {all_ && !secret.project.empty() ? secret.project : Scope::shown(secret)},
                 {environment_name(secret.name)},
                 {stream.terminal ? render_age(secret.changed, at) : render_time(secret.changed)}});
    return table.render(stream);
  }

  bool all_ = false;
  bool json_ = false;
};

class SecretsDelete final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("SECRET", name_, Need::required, "the name of the secret");
    scope_.declare(syntax, "the one for all projects of this user");
    syntax.flag("-y,--yes", yes_, "do not ask")
        .example("dstack secrets delete HF_TOKEN", "the project's")
        .example("dstack secrets delete -y --user HF_TOKEN", "the user's, without confirmation");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(const std::string project, scope_.project(context));
    DSTACK_TRY(const auto vault, secrets::Vault::open(context.home.secrets()));
    if (!contains(vault, project))
      return missing(vault, project);
    if (!yes_) {
      DSTACK_TRY(
          const bool sure,
          ui::confirm(context.messages,
                      fmt::format("Delete '{}' from the secrets {}?", name_, of_scope(project)),
                      "deleting a secret"));
      if (!sure)
        return exit_code::failure;
    }
    const Unwinding unwinding;
    auto removed = secrets::remove(context.home.secrets(), project, name_);
    DSTACK_CHECK(removed);
    audit::note(context.home, "secrets delete", facts_of(name_, project));
    context.messages.note(
        fmt::format("deleted '{}' from the secrets {}", name_, of_scope(project)));
    return exit_code::success;
  }

 private:
  bool contains(const secrets::Vault& vault, const std::string& project) const {
    const auto& names = vault.names();
    return std::any_of(names.begin(), names.end(), [&](const secrets::SecretName& secret) {
      return secret.project == project && secret.name == name_;
    });
  }

  Failure missing(const secrets::Vault& vault, const std::string& project) const {
    std::vector<std::string> known;
    bool elsewhere = false;
    for (const secrets::SecretName& secret : vault.names()) {
      if (secret.project == project)
        known.push_back(secret.name);
      elsewhere = elsewhere || (secret.name == name_ && secret.project.empty());
    }
    std::string hint = did_you_mean(name_, known);
    if (elsewhere)
      hint = "the user has a secret of that name: use '--user'";
    if (hint.empty())
      hint = "'dstack secrets list' shows all";
    return fail(ErrorCode::not_found,
                "there is no secret '{}' {}",
                printable(name_),
                of_scope(project))
        .with_hint("{}", hint);
  }

  std::string name_;
  Scope scope_;
  bool yes_ = false;
};

class SecretsRotate final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .note(
            "For a key that may have been exposed. All secrets are re-encrypted, or none. If the "
            "values\n"
            "may have been exposed, too, change them at their source.")
        .example("dstack secrets rotate", "a new key for the secrets of all projects");
  }

  Result<int> run(Context& context) override {
    keep_to_ourselves();
    const Unwinding unwinding;
    DSTACK_TRY(const std::size_t count, secrets::rotate(context.home.secrets()));
    if (count > 0)
      audit::note(context.home, "secrets rotate", {{"count", count}});
    if (count == 0)
      context.messages.note("no secrets yet; 'dstack secrets add NAME' adds one");
    else
      context.messages.note(
          fmt::format("made a new key and re-encrypted {}", plural(count, "secret")));
    return exit_code::success;
  }
};

}  // namespace

std::unique_ptr<Action> make_secrets_add() {
  return std::make_unique<SecretsAdd>();
}

std::unique_ptr<Action> make_secrets_list() {
  return std::make_unique<SecretsList>();
}

std::unique_ptr<Action> make_secrets_delete() {
  return std::make_unique<SecretsDelete>();
}

std::unique_ptr<Action> make_secrets_rotate() {
  return std::make_unique<SecretsRotate>();
}

}  // namespace dstack::cli
