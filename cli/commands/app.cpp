#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/event.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/user.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/application_host.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/sock_diag.hpp"
#include "dstack/run/client/follow.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "ui/browser.hpp"
#include "ui/job_output.hpp"
#include "ui/table.hpp"
#include "views/applications.hpp"

#include <algorithm>

#include <unistd.h>

namespace dstack::cli {

namespace {

using job::Application;
using job::ApplicationState;

std::vector<Application> ready_apps(const std::vector<store::JobRecord>& jobs) {
  auto apps = running_apps(jobs);
  std::erase_if(apps, [](const Application& app) { return app.state != ApplicationState::ready; });
  return apps;
}

/// Follows until an application answers.
class UntilReady final : public run::FollowListener {
 public:
  explicit UntilReady(const Context& context) : context_(context) {}

  Result<void> wait(store::Records& records, const std::string& run, store::RunState& state) {
    DSTACK_TRY(event_, Event::make());
    run::FollowOptions options;
    options.wake_fd = event_.fd();
    options.output = false;
    DSTACK_CHECK(run::follow(context_.home, records, run, state, *this, options));
    return {};
  }

  void output(std::size_t, std::string_view) override {}

  void changed(const store::RunState& state, const std::vector<std::size_t>&) override {
    if (!ready_apps(state.jobs).empty())
      event_.set();
    else if (!job::is_final(state.run.status))
      report(state);
  }

  Then woken() override { return Then::leave; }

 private:
  /// An installation may take minutes, so the reason for waiting is shown.
  void report(const store::RunState& state) {
    const bool prepares = std::any_of(state.jobs.begin(), state.jobs.end(), [](const auto& job) {
      return job.status == job::Status::preparing;
    });
    std::string text = fmt::format("waiting for an application of {} to answer", state.run.name);
    if (prepares)
      text += fmt::format(": its dependencies are being installed, see 'dstack logs -f {}'",
                          state.run.name);
    if (std::exchange(reported_, text) != text)
      context_.messages.note(text);
  }

  const Context& context_;
  Event event_;
  std::string reported_;
};

class OpenApp final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", name_, Need::optional, "the run; default: the last one of this project")
        .flag("--open", open_, "open it in the browser, even if the output is not a terminal")
        .flag("--print", print_, "print the address, and do not open it")
        .flag("--json", json_, "as JSON: an array of {workflow, name, url, password, ready}")
        .note(
            "Waits until the run's application answers, and prints its address. On a terminal of "
            "a\n"
            "machine with a display it also opens the browser. Over SSH a second line shows how "
            "to\n"
            "forward the application to your computer.")
        .example("dstack app", "the application of the last run")
        .example("xdg-open \"$(dstack app quiet-otter-3)\"", "for a program");
  }

  Result<int> run(Context& context) override {
    if (open_ && print_)
      return fail(ErrorCode::usage, "'--open' and '--print' cannot be used together");
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(const auto run, find_run(context, records, name_));
    if (json_)
      return print_json(context, records, run);
    DSTACK_TRY(const run::RunOrder order, expect_app(records, run));
    store::RunState state;
    DSTACK_CHECK(UntilReady(context).wait(records, run.name, state));
    const auto apps = ready_apps(state.jobs);
    if (apps.empty())
      return refuse(state);
    for (const Application& app : apps)
      DSTACK_CHECK(check_port(app, order.plan.jobs[app.job].spec.container.has_value()));
    print(context, state, apps);
    return open(context, state, apps);
  }

 private:
  /// Its order, if there is anything to wait for.
  static Result<run::RunOrder> expect_app(store::Records& records, const store::RunRecord& run) {
    DSTACK_TRY(auto order, run::read_run_order(records, run));
    if (std::any_of(order.plan.jobs.begin(), order.plan.jobs.end(), [](const auto& job) {
          return !job.spec.apps.empty();
        }))
      return order;
    return fail(ErrorCode::not_found, "run '{}' has no application", run.name)
        .with_hint(
            "workflows of 'lab', 'notebook', 'streamlit' and 'code' have one, and those with "
            "'ports'");
  }

  /// Since it was ready its server may have ended, and somebody else may listen there. Engines open
  /// the ports of containers as root.
  static Result<void> check_port(const Application& app, bool is_container) {
    const auto port = parse_number<std::uint16_t>(port_of(app.url));
    const auto sockets = process::SocketTable::open();
    if (!port || !sockets)
      return {};
    const auto listeners = sockets->listeners(*port);
    if (!listeners)
      return {};
    for (const process::Listener& listener : *listeners) {
      const bool is_reached = listener.takes_ipv4_loopback() || listener.takes_ipv6_loopback();
      if (!is_reached || listener.user == ::geteuid() || (is_container && listener.user == 0))
        continue;
      const auto name = user_name(listener.user);
      return fail(ErrorCode::unavailable,
                  "{} is not opened: user {} listens at its port {} now",
                  printable(app.name),
                  name ? fmt::format("'{}'", *name) : std::to_string(listener.user),
                  *port)
          .with_hint("its own server has ended, or changed: 'dstack logs' says more");
    }
    return {};
  }

  static Failure refuse(const store::RunState& state) {
    const store::RunRecord& run = state.run;
    std::string message =
        fmt::format("the application of run '{}' does not answer: the run is over ({})",
                    run.name,
                    job::render(run.status));
    const auto failed =
        std::find_if(state.jobs.begin(), state.jobs.end(), [](const store::JobRecord& job) {
          return job.status == job::Status::failed &&
                 (!job.reason.empty() || !job.warnings.empty());
        });
    if (failed != state.jobs.end()) {
      std::vector<std::string> why = failed->warnings;
      if (!failed->reason.empty())
        why.insert(why.begin(), failed->reason);
      message += fmt::format("; {}", join(why, "; "));
    }
    return fail(ErrorCode::unavailable, "{}", message).with_hint("dstack logs {}", run.name);
  }

  static Result<int> print_json(Context& context,
                                store::Records& records,
                                const store::RunRecord& run) {
    DSTACK_TRY(const auto jobs, records.jobs(run.id));
    Json list = Json::array();
    for (const Application& app : running_apps(jobs))
      list.push_back({{"workflow", run.workflows[jobs[app.job].workflow].name},
                      {"name", app.name},
                      {"url", app.url},
                      {"password", app.password.empty() ? Json() : Json(app.password)},
                      {"ready", app.state == ApplicationState::ready}});
    context.out.json(list);
    return exit_code::success;
  }

  /// A single address is printed alone, for programs that read it.
  void print(Context& context,
             const store::RunState& state,
             const std::vector<Application>& apps) const {
    // Programs get the number: not all of them resolve names below `localhost`.
    const bool is_for_people = !print_ && context.out.stream().terminal;
    const auto address = [&](const Application& app) {
      return is_for_people ? shown_url(state.run.name, app) : app.url;
    };
    const auto labels = ui::job_labels(state.run, state.jobs);
    ui::Table table({{"JOB"}, {"APPLICATION"}, {"ADDRESS"}});
    for (const Application& app : apps)
      table.add({{labels[app.job]}, {app.name}, {address(app)}});
    if (apps.size() == 1)
      context.out.line(address(apps.front()));
    else
      context.out.write(table.render(context.out.stream()));
    context.out.flush();
    for (const Application& app : apps) {
      if (!app.password.empty())
        context.messages.note(fmt::format("password  {}", app.password));
      if (const auto command = ssh_command(app))
        context.messages.note(fmt::format("on your computer:  {}", *command));
    }
  }

  Result<int> open(Context& context,
                   const store::RunState& state,
                   const std::vector<Application>& apps) const {
    const bool wanted = open_ || (!print_ && context.out.stream().terminal && has_display());
    if (!wanted)
      return exit_code::success;
    for (const Application& app : apps) {
      const auto url = job::browser_url(state.run.name, app);
      if (!url)
        return fail(
            ErrorCode::damaged,
            "'{}' is not opened: it is not an address of this machine, as applications have",
            printable(app.url));
      DSTACK_CHECK(open_browser(
          *url, context.home.job(state.run.name, app.job) / run::file_names::private_folder));
    }
    return exit_code::success;
  }

  std::string name_;
  bool open_ = false;
  bool print_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_app() {
  return std::make_unique<OpenApp>();
}

}  // namespace dstack::cli
