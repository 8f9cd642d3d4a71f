#include "dstack/run/runner/layered_workspace.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/overlay/mount.hpp"
#include "dstack/run/protocol/agent.hpp"
#include "dstack/run/protocol/damaged_input.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/run/runner/runner_signals.hpp"
#include "dstack/store/layers/layers.hpp"

#include <algorithm>
#include <cerrno>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace dstack::run {

namespace {

// Less than this is copied in the time that a namespace, a process and a mount take; and what is
// copied behaves like any other folder.
constexpr std::uint64_t most_files_to_copy = 64;
constexpr std::uint64_t most_bytes_to_copy = 4 << 20;
// A name that is not there is looked for in each of them, which programs do often: with a hundred
// it takes twenty times as long as with one.
constexpr std::size_t most_layers = 16;

/// A container's engine does not see what is mounted in a namespace. What a linked input leads to
/// can be made read-only in one.
bool gains_by_namespace(const JobOrder& order) {
  if (order.spec.workspace != job::WorkspaceKind::private_ || order.spec.container)
    return false;
  return !order.links.empty() || !has_little_to_lay_out(order);
}

/// What the runner was that called itself: nothing of the job's, and none of its locks.
[[noreturn]] void accompany(pid_t child, const sigset_t& awaited, const JobOrder& order) {
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  for (;;) {
    const int number = ::sigwaitinfo(&awaited, nullptr);
    if (number > 0 && number != SIGCHLD)
      ::kill(child, number);
    if (number == SIGCHLD && ::waitpid(child, nullptr, WNOHANG) == child)
      break;
  }
  // Without a supervisor nobody would ever read the record.
  (void)ensure_supervised(files::Home{order.home}, order.run, WithoutFolder::removed);
  ::_exit(0);
}

/// In the child, and in a namespace. Nothing in the caller itself, if it is refused: a child that
/// may have a user namespace and then nothing in it cannot go back.
std::optional<overlay::Namespace> go_on_in_child(const JobOrder& order) {
  auto answer = make_pipe();
  if (!answer)
    return std::nullopt;
  const sigset_t awaited = RunnerSignals::all();
  ::sigprocmask(SIG_BLOCK, &awaited, nullptr);
  const pid_t itself = ::getpid();
  const pid_t child = ::fork();
  if (child < 0)
    return std::nullopt;
  if (child > 0) {
    answer->write_end.reset();
    const auto entered = read_all(answer->read_end.get());
    if (entered && !entered->empty())
      accompany(child, awaited, order);
    ::waitpid(child, nullptr, 0);
    return std::nullopt;
  }
  auto in = overlay::Namespace::enter(overlay::Access::user);
  // One without the other would be a runner that nobody can stop.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != itself || !in || !write_all(answer->write_end.get(), "y"))
    ::_exit(1);
  return std::move(*in);
}

/// The uppermost first.
Result<std::vector<store::Layer>> provide_layers(const store::ObjectStore& objects,
                                                 const JobOrder& order) {
  const std::vector<job::TreeReference> trees = trees_of(order);
  std::vector<store::Layer> layers;
  const auto provide = [&](const job::TreeReference& tree, store::Below below) -> Result<void> {
    DSTACK_TRY(store::Layer layer,
               store::provide_layer(objects, tree, below).map_error([&](Error error) {
                 return name_input(std::move(error), tree, order);
               }));
    layers.push_back(std::move(layer));
    return {};
  };
  if (trees.size() > most_layers) {
    // All but the code, which changes more often.
    DSTACK_TRY(store::Layer layer,
               store::provide_merged_layer(objects, {trees.begin() + 1, trees.end()}));
    layers.push_back(std::move(layer));
  } else {
    for (std::size_t i = trees.size(); i-- > 1;)
      DSTACK_CHECK(provide(trees[i], store::Below::others));
  }
  DSTACK_CHECK(provide(trees.front(), store::Below::nothing));
  return layers;
}

Result<overlay::Overlay> lay_out(JobAttempt& attempt) {
  const store::ObjectStore objects(attempt.home);
  overlay::Overlay overlay{store::layers_folder(attempt.home),
                           {},
                           attempt.folder / file_names::written,
                           attempt.folder / file_names::overlay_work,
                           attempt.folder / file_names::workspace};
  DSTACK_TRY(attempt.layers, provide_layers(objects, attempt.order));
  for (const store::Layer& layer : attempt.layers)
    for (const std::string& name : layer.names)
      if (std::find(overlay.lower.begin(), overlay.lower.end(), name) == overlay.lower.end())
        overlay.lower.push_back(name);
  DSTACK_CHECK(remove_workspace(attempt.folder));
  for (const Path& folder : {overlay.written, overlay.work, overlay.at})
    DSTACK_CHECK(make_folders(folder));
  return overlay;
}

Result<void> lay_out_and_mount(JobAttempt& attempt) {
  DSTACK_TRY(const auto overlay, lay_out(attempt));
  DSTACK_CHECK(overlay::mount(overlay, *attempt.in));
  // Whatever the job does: the next one gets these layers as they are.
  return overlay::make_read_only(overlay.lower_in);
}

}  // namespace

bool has_little_to_lay_out(const JobOrder& order) {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  for (const job::TreeReference& tree : trees_of(order)) {
    files += tree.files;
    bytes += tree.bytes;
  }
  return files <= most_files_to_copy && bytes <= most_bytes_to_copy;
}

std::optional<overlay::Namespace> enter_namespace(const JobOrder& order) {
  if (!gains_by_namespace(order))
    return std::nullopt;
  if (overlay::usual_access() == overlay::Access::user)
    // What checks whose files it trusts cannot know inside whose they are.
    return agent_role(order.spec).empty() ? go_on_in_child(order) : std::nullopt;
  auto in = overlay::Namespace::enter(overlay::Access::root);
  return in ? std::optional(std::move(*in)) : std::nullopt;
}

Result<void> mount_workspace(JobAttempt& attempt) {
  if (!attempt.in)
    return {};
  const auto mounted = lay_out_and_mount(attempt);
  if (!mounted) {
    DSTACK_CHECK(check_stop());
    if (mounted.error().code == ErrorCode::damaged)  // a copy would be of the same
      return mounted;
    log::info(fmt::format("the workspace is a copy: {}", render(mounted.error())));
    DSTACK_CHECK(remove_workspace(attempt.folder));
  }
  attempt.workspace = workspace_of(attempt.home, attempt.folder, attempt.order);
  return {};
}

}  // namespace dstack::run
