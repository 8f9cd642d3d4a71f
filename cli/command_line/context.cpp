#include "command_line/context.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/files/reserve.hpp"
#include "dstack/run/client/control.hpp"
#include "dstack/run/client/selection.hpp"
#include "dstack/run/removal/folder_notice.hpp"
#include "dstack/secrets/vault.hpp"
#include "dstack/source/snapshot.hpp"
#include "dstack/sweep/address.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

constexpr std::size_t names_to_suggest_from = 1000;
constexpr std::size_t runs_to_search = 200;

/// If the name is a workflow's, the hint names its last run.
Failure refuse_run_name(const Context& context, store::Records& records, const std::string& name) {
  const std::string message = fmt::format("there is no run '{}'", name);
  store::RunFilter filter;
  filter.project = context.project().string();
  filter.most = runs_to_search;
  if (const auto runs = records.find_runs(filter))
    for (const store::RunRecord& run : *runs)
      for (const store::WorkflowRecord& workflow : run.workflows)
        if (sweep::workflow_of(workflow.name) == name)
          return fail(ErrorCode::not_found, "{}", message)
              .with_hint("'{}' is a workflow; the last run of it is '{}'", name, run.name);
  std::string guess;
  if (const auto names = records.run_names(names_to_suggest_from))
    guess = did_you_mean(name, *names);
  return fail(ErrorCode::not_found, "{}", message)
      .with_hint("{}", guess.empty() ? "'dstack ps -a' lists all runs" : guess);
}

Failure refuse_tag(store::Records& records,
                   const std::string& project,
                   const std::string& workflow,
                   const std::string& tag) {
  std::vector<std::string> known;
  if (const auto tags = records.tags(project))
    for (const store::Tag& other : *tags)
      known.push_back(other.workflow + ":" + other.tag);
  std::string hint = did_you_mean(workflow + ":" + tag, known);
  if (hint.empty())
    hint = known.empty() ? "this project has no tags; 'dstack tags add TAG RUN' adds one"
                         : fmt::format("the tags are {}", quoted_list(known));
  return fail(ErrorCode::not_found, "there is no tag '{}:{}'", workflow, tag).with_hint("{}", hint);
}

/// Secrets do not move along: another clone of a public repository looks the same, and is not
/// trusted for that.
void note_secrets_of(const Context& context, const std::string& before) {
  const auto vault = secrets::Vault::open(context.home.secrets());
  if (!vault)
    return;
  const auto count = static_cast<std::size_t>(
      std::count_if(vault->names().begin(), vault->names().end(), [&](const auto& secret) {
        return secret.project == before;
      }));
  if (count > 0)
    context.messages.note(
        fmt::format("{}its {} still {} to the old path; 'dstack secrets add NAME' adds one here",
                    ui::paint(context.messages.stream(), ui::Colour::cyan, "note: "),
                    plural(count, "secret"),
                    count == 1 ? "belongs" : "belong"));
}

/// Whether the folder of a project has gone only because another branch of the repository is
/// checked out.
bool is_of_other_branch(const std::string& project,
                        const std::string& prefix,
                        const std::string& before) {
  const std::string_view top(project.data(),
                             project.size() - std::min(prefix.size(), project.size()));
  return !prefix.empty() && before != top && is_below(before, top) &&
         source::is_of_other_branch(project, before.substr(top.size() + 1));
}

/// A project that was moved since its last run: its records move along, whatever the command does.
/// In a home that cannot be written they stay where they are.
Result<void> follow_moved_project(const Context& context,
                                  store::Records& records,
                                  store::Records::Mode mode) {
  const std::string project = context.project().string();
  DSTACK_TRY(const bool may_have_moved, records.may_have_moved(project));
  if (!may_have_moved)
    return {};
  const source::Identity identity = source::find_identity(project);
  DSTACK_TRY(const auto before, records.find_moved_project(project, identity.git, identity.prefix));
  if (!before || is_of_other_branch(project, identity.prefix, *before))
    return {};
  if (mode == store::Records::Mode::read_write) {
    DSTACK_CHECK(records.adopt_project(project, identity.git, identity.prefix));
  } else {
    DSTACK_TRY(auto writer, store::Records::open(context.home, store::Records::Mode::read_write));
    DSTACK_CHECK(writer.adopt_project(project, identity.git, identity.prefix));
  }
  const ui::Stream& stream = context.messages.stream();
  context.messages.note(
      fmt::format("{}this project was in '{}' before; its runs and tags are found here now",
                  ui::paint(stream, ui::Colour::cyan, "note: "),
                  printable(*before)));
  note_secrets_of(context, *before);
  return {};
}

}  // namespace

Path Context::project() const {
  const auto root = config::find_project(folder);
  return root ? *root : folder;
}

provider::SearchPath Context::search_path() const {
  return provider::search_path({provider_paths,
                                config::find_project(folder).value_or(Path()),
                                home.plugins(),
                                home.trusted_providers()});
}

Result<run::Workbench> Context::open_workbench(run::Purpose purpose,
                                               std::optional<config::Project> read) const {
  return run::open_workbench(folder, home, provider_paths, purpose, std::move(read));
}

Result<store::Records> open_records(const Context& context, store::Records::Mode mode) {
  using Mode = store::Records::Mode;
  if (mode == Mode::read_write)
    DSTACK_CHECK(files::prepare_home(context.home));
  // Also who only reads needs a little room: for the index of the database's log.
  files::ReserveUse reserve(context.home);
  DSTACK_TRY(auto records, reserve.run([&] { return store::Records::open(context.home, mode); }));
  if (const auto followed = follow_moved_project(context, records, mode); !followed)
    context.messages.warning(followed.error());
  run::remove_abandoned_run_folders(context.home);
  DSTACK_TRY(const auto runs, records.runs_in_care());
  if (runs.empty())
    return records;
  // What one run lacks is no reason to refuse a command, which may be about another.
  const auto recover = [&](store::Records& writer) {
    if (const auto recovered = run::recover(context.home, writer); !recovered)
      context.messages.warning(recovered.error());
  };
  if (mode == Mode::read_write)
    recover(records);
  else if (auto writer = store::Records::open(context.home, Mode::read_write))
    recover(*writer);  // a home that cannot be written can still be read
  return records;
}

Result<store::RunRecord> find_run(const Context& context,
                                  store::Records& records,
                                  const std::string& name) {
  if (!name.empty()) {
    DSTACK_TRY(auto run, records.find_run(name));
    if (!run)
      return refuse_run_name(context, records, name);
    return *std::move(run);
  }
  DSTACK_TRY(auto last, records.last_run(context.project().string()));
  if (!last)
    return fail(ErrorCode::not_found, "this project has no runs yet")
        .with_hint("'dstack run WORKFLOW' starts one; 'dstack workflows' lists the workflows");
  return *std::move(last);
}

Result<Reference> find_part(const Context& context,
                            store::Records& records,
                            const std::string& text) {
  const auto [name, combination] = run::split_part(text);
  DSTACK_TRY(auto run, find_run(context, records, name));
  return Reference{std::move(run), "", combination};
}

std::pair<std::string, std::string> split_tag(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos)
    return {"", text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Result<Reference> resolve_reference(const Context& context,
                                    store::Records& records,
                                    const std::string& text) {
  // A value of a combination may hold a colon.
  if (text.substr(0, text.find('/')).find(':') == std::string::npos)
    return find_part(context, records, text);
  const auto [workflow, tag] = split_tag(text);
  const std::string project = context.project().string();
  DSTACK_TRY(const auto found, records.find_tag(project, workflow, tag));
  if (!found)
    return refuse_tag(records, project, workflow, tag);
  DSTACK_TRY(auto run, find_run(context, records, found->run));
  return Reference{std::move(run), workflow, found->combination};
}

}  // namespace dstack::cli
