#include "workbench.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/python/version.hpp"

#include <array>

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::python;

namespace {

constexpr const char* wheel_maker = R"py(
import sys, zipfile
target, name, version, module, metadata = sys.argv[1:]
info = "%s-%s.dist-info/" % (name, version)
with zipfile.ZipFile("%s/%s-%s-py3-none-any.whl" % (target, name, version), "w") as wheel:
    wheel.writestr(name + ".py", module)
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: %s\nVersion: %s\n%s" % (name, version, metadata))
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "RECORD", "")
)py";

/// Also writes into its own folder, as real ones do. A file `gate` makes it wait until somebody
/// reads and writes.
constexpr const char* backend = R"py(
import os, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    os.mkdir("build")
    gate = open("gate").read() if os.path.exists("gate") else ""
    if gate and os.path.exists(gate + "/closed"):
        open(gate + "/began", "w").close()
        open(gate + "/go").read()
    module = open("NAME.py").read()
    file = "NAME-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, file), "w") as wheel:
        wheel.writestr("NAME.py", module)
        wheel.writestr("NAME-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: NAME\nVersion: 1.0\n")
        wheel.writestr("NAME-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("NAME-1.0.dist-info/RECORD", "")
    return file

build_editable = build_wheel
)py";

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

/// Whether also an ordinary user may reach a program: root must not choose one below its own home.
bool is_for_everybody(const Path& program) {
  boost::system::error_code error;
  for (Path path = fs::canonical(program, error).parent_path(); !error && path.has_relative_path();
       path = path.parent_path())
    if ((fs::status(path, error).permissions() & fs::others_exe) == fs::no_perms)
      return false;
  return !error;
}

/// One that both installers know; preferably one that an ordinary user may start.
std::optional<Interpreter> interpreter_for_tests() {
  std::optional<Interpreter> second_choice;
  for (const Interpreter& found : find_interpreters(environment_variable).usable) {
    const auto version = parse_version(found.version);
    if (!version || *version < Version{3, 8} || found.source == "active environment" ||
        !outcome({found.program.string(), "-c", "import venv, ensurepip"}).ends_with("exit code 0"))
      continue;
    if (is_for_everybody(found.program))
      return found;
    if (!second_choice)
      second_choice = found;
  }
  return second_choice;
}

std::optional<std::string> install_uv(const Path& folder, std::string& reason) {
  const Path program = folder / "bin/uv";
  if (::access(program.c_str(), X_OK) == 0)
    return program.string();
  reason = "there is no uv here, and none could be installed from the package index";
  const auto lock = open_file(folder.string() + ".lock", O_RDWR | O_CREAT, 0666);
  const auto python = interpreter_for_tests();
  if (!lock || !lock_exclusive(lock->get(), Wait::yes) || !python)
    return std::nullopt;
  if (::access(program.c_str(), X_OK) == 0)
    return program.string();
  for (const std::vector<std::string>& argv :
       {std::vector<std::string>{python->program.string(), "-m", "venv", folder.string()},
        {(folder / "bin/python").string(), "-m", "pip", "install", "-q", "uv"}}) {
    const auto output =
        process::run({argv, {}, "/", {}, process::Group::same}, {}, std::chrono::seconds(90));
    if (!output || !process::succeeded(output->status))
      return std::nullopt;
  }
  return program.string();
}

}  // namespace

std::optional<std::string> uv_for_tests(std::string& reason) {
  const std::string path = environment_variable("PATH").value_or("");
  for (const std::string_view folder : split(path, ':'))
    if (const auto uv = process::find_program("uv", folder);
        uv && folder.starts_with('/') && outcome({*uv, "--version"}).starts_with("uv "))
      return uv;
  const Path shared = Path(DSTACK_BINARY_DIR) / "uv-for-tests";
  if (::access((shared / "bin/uv").c_str(), X_OK) == 0 || ::access(DSTACK_BINARY_DIR, W_OK) == 0)
    return install_uv(shared, reason);
  return install_uv(
      fs::temp_directory_path() / ("dstack-uv-for-tests-" + std::to_string(::getuid())), reason);
}

Workbench::Workbench(With installer) {
  variables = {{"HOME", (root / "user home").string()},
               {"PATH", "/usr/bin:/bin"},
               {"PIP_NO_INDEX", "1"},
               {"PIP_CONFIG_FILE", "/dev/null"},
               {"PIP_NO_CACHE_DIR", "1"}};
  REQUIRE(make_folders(code() / "wheels"));
  const auto found = interpreter_for_tests();
  if (!found)
    reason = "there is no Python with venv and ensurepip on this machine";
  else
    interpreter = *found;
  if (installer == With::uv && usable())
    if (const auto uv = uv_for_tests(reason)) {
      REQUIRE(make_folders(root / "tools"));
      fs::create_symlink(*uv, root / "tools/uv");
      variables["PATH"] = (root / "tools").string() + ":/usr/bin:/bin";
      reason.clear();
    }
}

void Workbench::add_wheel(const std::string& name,
                          const std::string& version,
                          const std::string& module,
                          const std::string& metadata) const {
  const auto made = outcome({interpreter.program.string(),
                             "-c",
                             wheel_maker,
                             (code() / "wheels").string(),
                             name,
                             version,
                             module,
                             metadata});
  REQUIRE(made == "exit code 0");
}

void Workbench::add_project(const std::string& folder,
                            const std::string& name,
                            const std::string& module) const {
  const std::string at = folder.empty() ? "code/" : "code/" + folder + "/";
  write(at + "pyproject.toml",
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n"
        "[project]\nname = \"" +
            name + "\"\nversion = \"1.0\"\n");
  write(at + "backend.py", replaced(backend, "NAME", name));
  write(at + name + ".py", module);
}

Result<PythonEnvironment> Workbench::provide(const job::PythonRequest& request) const {
  const auto output = open_file((root / "log").string(), O_WRONLY | O_CREAT | O_APPEND);
  REQUIRE(output);
  return provide_environment(request, interpreter, code(), home(), lookup(), output->get());
}

PythonEnvironment Workbench::provided(const job::PythonRequest& request) const {
  auto environment = provide(request);
  INFO((environment ? "" : render(environment.error())) << "\n" << log());
  REQUIRE(environment);
  return *environment;
}

std::string Workbench::log() const {
  return read_file(root / "log").value_or("");
}

std::string outcome(std::vector<std::string> argv, const std::string& path) {
  process::Command command;
  command.argv = std::move(argv);
  // pip warns where its cache in the home cannot be written.
  command.environment = {"PATH=" + path, "HOME=/nonexistent", "PIP_NO_CACHE_DIR=1"};
  command.working_dir = "/";
  const auto output = process::run(command);
  if (!output)
    return render(output.error());
  return output->out + output->err + process::render(output->status);
}

std::string as_ordinary_user(const Path& folder, const std::function<std::string()>& body) {
  constexpr uid_t nobody = 65534;
  if (::getuid() != 0)
    return body();
  ::chmod(folder.c_str(), 0755);
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    (void)::lchown(entry.path().c_str(), nobody, nobody);
  (void)::lchown(folder.c_str(), nobody, nobody);
  auto pipe = make_pipe();
  REQUIRE(pipe);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool dropped =
        ::setgroups(0, nullptr) == 0 && ::setgid(nobody) == 0 && ::setuid(nobody) == 0;
    (void)write_all(pipe->write_end.get(), dropped ? body() : "cannot become an ordinary user");
    ::_exit(0);
  }
  pipe->write_end.reset();
  const auto words = read_all(pipe->read_end.get());
  ::waitpid(child, nullptr, 0);
  return words.value_or("no answer");
}
