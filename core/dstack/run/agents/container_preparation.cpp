#include "dstack/run/agents/container_preparation.hpp"

#include "dstack/base/text.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/stop_signal.hpp"
#include "dstack/run/agents/container_launch.hpp"
#include "dstack/run/agents/image_provision.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/secrets/crypto.hpp"

#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

namespace {

/// The job's own workspace must be writable for the user of the image.
void open_for_everybody(const Path& folder) {
  boost::system::error_code error;
  fs::permissions(folder, fs::add_perms | fs::others_all | fs::group_all, error);
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    boost::system::error_code ignored;
    const auto status = entry->symlink_status(ignored);
    if (status.type() == fs::directory_file)
      open_for_everybody(entry->path());
    else if (status.type() == fs::regular_file)
      fs::permissions(
          entry->path(),
          fs::add_perms | fs::others_read | fs::others_write |
              ((status.permissions() & fs::owner_exe) != 0 ? fs::others_exe : fs::no_perms),
          ignored);
  }
}

/// By the clock that times the changes of files, which goes in steps; nanoseconds since 1970.
std::int64_t time_of_files() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// The path of a file with the job's commands; empty: they are short enough to be an argument.
Result<std::string> write_script(const job::JobSpec& spec, const Path& folder) {
  const std::string script = fmt::format("{}{}{}{}\n",
                                         job::stop_trap(spec.stop_signal),
                                         join(spec.setup, "\n"),
                                         spec.setup.empty() ? "" : "\n",
                                         join(spec.commands, "\n"));
  if (script.size() < longest_script_argument || !spec.container->entrypoint.empty())
    return std::string();
  const Path file = folder / "script.sh";
  DSTACK_CHECK(write_file_atomically(file, script, Durable::no, 0644));
  return file.string();
}

/// Variables and values as container_init takes them; empty: there are none.
std::string render_secrets(const JobOrder& order) {
  std::string text;
  for (const auto& [name, value] : order.environment)
    if (is_secret_variable(order, name))
      text.append(name).append("=").append(value).push_back('\0');
  if (!text.empty())
    text.push_back('\0');
  return text;
}

/// Through a named pipe: the values are in no file, and in no response of the engine. They stay in
/// the pipe until the first process of the container reads them. Empty without secrets.
Result<Fd> offer_secrets(const JobOrder& order, const Path& file) {
  std::string text = render_secrets(order);
  if (text.empty())
    return Fd();
  ::unlink(file.c_str());
  // Any user of the image may read it; on this machine the mode of the folder keeps others out.
  if (::mkfifo(file.c_str(), 0600) != 0 || ::chmod(file.c_str(), 0644) != 0)
    return fail_errno("cannot make the pipe '{}'", file.string());
  DSTACK_TRY(Fd pipe, open_file(file.string(), O_RDWR));
  if (::fcntl(pipe.get(), F_SETPIPE_SZ, static_cast<int>(text.size())) < 0)
    return fail_errno("the secrets of the job are too large for a pipe");
  DSTACK_CHECK(write_all(pipe.get(), text));
  secrets::wipe(text);
  return pipe;
}

}  // namespace

Result<PreparedContainer> prepare_container(const AgentOrder& order,
                                            const backend::Engine& engine,
                                            const Path& folder,
                                            const AgentReporter& reporter) {
  const job::JobSpec& spec = order.job.spec;
  PreparedContainer prepared;
  DSTACK_TRY(ProvidedImage image, provide_image(order.job, engine, folder, reporter));
  prepared.image = std::move(image.facts);
  prepared.image_name = std::move(image.name);
  backend::ContainerLaunch& launch = prepared.launch;
  launch = container_launch(order);
  DSTACK_TRY(launch.script, write_script(spec, folder));
  const Path secrets = folder / file_names::secrets;
  DSTACK_TRY(prepared.secrets, offer_secrets(order.job, secrets));
  if (prepared.secrets)
    launch.secrets = secrets.string();
  launch.argv = container_command(
      spec, prepared.image, launch.script.empty() ? "" : backend::container_script);
  if (launch.argv.empty())
    return fail(ErrorCode::configuration, "image '{}' has no default command", prepared.image_name)
        .with_hint("say what to run: 'commands', or an 'entrypoint'");
  const bool in_project = spec.workspace == job::WorkspaceKind::project;
  if (!prepared.image.runs_as_root() && !in_project)
    open_for_everybody(order.workspace);
  prepared.since = in_project ? time_of_files() : 0;
  return prepared;
}

}  // namespace dstack::run
