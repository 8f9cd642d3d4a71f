#include "dstack/python/tool.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/file_digest.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/home.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/python/installer.hpp"
#include "dstack/python/settings.hpp"
#include "dstack/python/unused.hpp"

#include <array>
#include <cstdio>

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace dstack::python {

namespace {

constexpr const char* code_server = "code-server";
constexpr const char* openvscode_server = "openvscode-server";
constexpr std::chrono::seconds version_timeout{20};

/// The release that is downloaded where nothing is installed, by the kernel's name of the machine.
struct Pinned {
  std::string_view machine;
  std::string_view version;
  std::string_view url;
  std::string_view sha256;
};

constexpr std::array pinned = {
    Pinned{"x86_64",
           "4.108.2",
           "https://github.com/coder/code-server/releases/download/v4.108.2/"
           "code-server-4.108.2-linux-amd64.tar.gz",
           "0ef733848473519c77b16085ea9f3477374db162b24f6b12edf820b3e9478fa8"},
};

constexpr const char* how_to_install =
    "install code-server or openvscode-server in your PATH, or name a release that can be "
    "downloaded under 'tools' in $DSTACK_HOME/config.yaml";

std::string machine_name() {
  utsname names{};
  return ::uname(&names) == 0 ? names.machine : "unknown";
}

/// "4.*" and "4.108" fit "4.108.2".
bool fits(std::string_view version, std::string_view wanted) {
  if (wanted.ends_with(".*"))
    wanted.remove_suffix(2);
  return wanted.empty() || version == wanted ||
         (version.starts_with(wanted) && version[wanted.size()] == '.');
}

/// The first word of its output; empty when there is none.
std::string version_of(const std::string& program) {
  process::Command command;
  command.argv = {program, "--version"};
  const auto output = process::run(std::move(command), {}, version_timeout);
  if (!output || !process::succeeded(output->status))
    return {};
  return std::string(trim(output->out).substr(0, trim(output->out).find_first_of(" \n")));
}

Tool code_server_at(Path program) {
  return {std::move(program), "DSTACK_TOOL_CODE_SERVER", "", ""};
}

/// An installed one; `others` gets the installed versions that do not match.
std::optional<Tool> find_installed(const std::string& version,
                                   const std::string& path,
                                   std::vector<std::string>& others) {
  if (const auto program = process::find_program(code_server, path)) {
    if (version.empty())
      return code_server_at(*program);
    const std::string found = version_of(*program);
    if (fits(found, version))
      return code_server_at(*program);
    others.push_back(
        fmt::format("{} ({})", *program, found.empty() ? "of no known version" : found));
  }
  if (!version.empty())
    return std::nullopt;
  if (const auto program = process::find_program(openvscode_server, path))
    return Tool{*program, "DSTACK_TOOL_OPENVSCODE_SERVER", "/version", "tkn"};
  return std::nullopt;
}

Result<Release> choose_release(const std::optional<Release>& configured) {
  if (configured)
    return *configured;
  const std::string machine = machine_name();
  for (const Pinned& release : pinned)
    if (release.machine == machine)
      return Release{
          std::string(release.version), std::string(release.url), std::string(release.sha256)};
  return fail(ErrorCode::not_found,
              "code-server is not installed, and no release is known for machines of type '{}'",
              machine)
      .with_hint("{}", how_to_install);
}

Result<Digest> digest_of(const Path& path) {
  DSTACK_TRY(const Fd file, open_file(path.string(), O_RDONLY));
  return hash_file(file.get());
}

/// curl, else Python: both support proxies and certificates.
std::vector<std::string> fetch_command(const std::string& path,
                                       const std::string& url,
                                       const Path& file) {
  if (process::find_program("curl", path))
    return {"curl",
            "--fail",
            "--location",
            "--silent",
            "--show-error",
            "--retry",
            "2",
            "--connect-timeout",
            "20",
            "--output",
            file.string(),
            url};
  return {"python3",
          "-c",
          "import shutil, sys, urllib.request\n"
          "with urllib.request.urlopen(sys.argv[1], timeout=60) as source, open(sys.argv[2], 'wb') "
          "as target:\n"
          "    shutil.copyfileobj(source, target)\n",
          url,
          file.string()};
}

class Fetcher {
 public:
  Fetcher(Release release, const Path& folder, InstallContext context, std::string path)
      : release_(std::move(release)),
        folder_(folder),
        staging_(std::move(context)),
        path_(std::move(path)) {}

  Result<void> run() {
    DSTACK_CHECK(remove_tree(staging_.stage));  // left by a download that died
    DSTACK_CHECK(make_folders(staging_.stage / "whole"));
    auto done = fetch_and_unpack();
    (void)remove_tree(staging_.stage);
    return done;
  }

 private:
  Result<void> fetch_and_unpack() {
    const Path archive = staging_.stage / "archive";
    staging_.say(fmt::format("downloading code-server {} from {}", release_.version, release_.url));
    DSTACK_CHECK(step(fmt::format("cannot download code-server from {}", release_.url),
                      fetch_command(path_, release_.url, archive)));
    DSTACK_TRY(const Digest digest, digest_of(archive));
    if (Digest::parse(release_.sha256) != digest)
      return fail(ErrorCode::unavailable,
                  "the download from {} is not code-server {}: its SHA-256 is {}, not {}",
                  release_.url,
                  release_.version,
                  digest.render(),
                  release_.sha256)
          .with_hint("{}", how_to_install);
    const Path whole = staging_.stage / "whole";
    DSTACK_CHECK(step("cannot unpack code-server",
                      {"tar",
                       "-xzf",
                       archive.string(),
                       "--no-same-owner",
                       "--strip-components=1",
                       "-C",
                       whole.string()}));
    if (::access((whole / "bin" / code_server).c_str(), X_OK) != 0)
      return fail(ErrorCode::unavailable,
                  "the archive from {} does not contain the program 'bin/code-server'",
                  release_.url)
          .with_hint("{}", how_to_install);
    DSTACK_TRY(const Fd handle, open_file(whole.string(), O_RDONLY | O_DIRECTORY));
    if (::syncfs(handle.get()) != 0)
      return fail_errno("cannot sync '{}'", whole.string());
    if (::rename(whole.c_str(), folder_.c_str()) != 0)
      return fail_errno("cannot make '{}'", folder_.string());
    return {};
  }

  Result<void> step(const std::string& what, std::vector<std::string> argv) {
    auto transcript = run_installer(staging_, std::move(argv));
    if (!transcript)
      return fail(ErrorCode::unavailable, "{}: {}", what, transcript.error().message)
          .with_hint("{}", how_to_install);
    if (process::succeeded(transcript->status))
      return {};
    std::string message = what;
    if (!transcript->last_lines.empty())
      message += fmt::format(": {}", transcript->last_lines.back());
    return fail(ErrorCode::unavailable, "{}", message).with_hint("{}", how_to_install);
  }

  Release release_;
  Path folder_;
  InstallContext staging_;
  std::string path_;
};

Failure wrong_version(const std::string& version,
                      const std::string& offered,
                      const std::vector<std::string>& others) {
  std::string message = fmt::format("code-server {} is not installed", version);
  if (!others.empty())
    message += fmt::format(" (found: {})", join(others, ", "));
  return fail(ErrorCode::not_found,
              "{}, and the release that can be downloaded is {}",
              message,
              offered)
      .with_hint("{}", how_to_install);
}

}  // namespace

Result<Tool> provide_tool(std::string_view wanted,
                          const std::optional<Release>& configured,
                          const files::Home& home,
                          const Lookup& environment,
                          int output_fd,
                          const std::function<void()>& about_to_fetch) {
  const std::size_t equals = wanted.find("==");
  const std::string_view name = wanted.substr(0, equals);
  const std::string version(equals == std::string_view::npos ? "" : wanted.substr(equals + 2));
  const std::string path = environment("PATH").value_or("");
  if (name != code_server)
    return fail(ErrorCode::not_found, "unknown tool '{}'", name);
  std::vector<std::string> others;
  if (auto installed = find_installed(version, path, others))
    return *std::move(installed);
  DSTACK_TRY(Release release, choose_release(configured));
  if (!fits(release.version, version))
    return wrong_version(version, release.version, others);
  const Path folder = home.tools() / (std::string(name) + "-" + release.sha256.substr(0, 16));
  const Tool tool = code_server_at(folder / "bin" / code_server);
  note_use(folder);
  if (is_folder(folder))
    return tool;
  about_to_fetch();
  DSTACK_CHECK(make_folders(home.tools()));
  DSTACK_TRY(const Fd lock, open_file(lock_of(folder).string(), O_RDWR | O_CREAT));
  DSTACK_CHECK(lock_until_stopped(lock.get()));
  if (!is_folder(folder)) {
    const InstallContext context{
        installer_environment(environment), folder.string() + ".stage", output_fd, lock.get()};
    DSTACK_CHECK(Fetcher(std::move(release), folder, context, path).run());
  }
  return tool;
}

}  // namespace dstack::python
