// The provider interface as C++20: derive from dstack::Provider, return jobs or throw, end the file
// with DSTACK_PROVIDER(Class). Header-only; needs the standard library and nothing else.
//
//     class Hello : public dstack::Provider {
//       std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
//         dstack::Job job;
//         job.argv = {"echo", "hello", workflow.text("who")};
//         return {job};
//       }
//     };
//     DSTACK_PROVIDER(Hello)
//
// Every function that the host calls is an exception barrier: dstack::PropertyError and
// dstack::Error become messages to the user, anything else is reported as a fault of the provider.
#pragma once

#include "dstack/native_job.h"
#include "dstack/provider.h"

#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dstack {
inline namespace provider_v0 {

/// Why a workflow cannot be run. `what()` is one sentence: lower case, no full stop.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, std::string hint = {})
      : std::runtime_error(message), hint_(std::move(hint)) {}

  /// The next step for the user; may be empty.
  const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

/// The same, about one property: the message is shown at the place where it is written.
class PropertyError : public Error {
 public:
  PropertyError(std::string property, const std::string& message, std::string hint = {})
      : Error(message, std::move(hint)), property_(std::move(property)) {}

  const std::string& property() const { return property_; }

 private:
  std::string property_;
};

using Environment = std::vector<std::pair<std::string, std::string>>;

/// A part of the user's input. A view: valid while plan() runs. A missing one is null and reads as
/// empty.
class Value {
 public:
  Value(const dstack_host_v0& host, const dstack_value* value) : host_(&host), value_(value) {}

  dstack_kind kind() const { return host_->kind(value_); }

  bool is_null() const { return kind() == DSTACK_NULL; }

  /// Elements of a list or members of a map.
  std::uint64_t size() const { return host_->size(value_); }

  Value operator[](std::uint64_t index) const { return {*host_, host_->element(value_, index)}; }

  Value operator[](std::string_view key) const;

  Value operator[](const char* key) const { return (*this)[std::string_view(key)]; }

  /// The key of the member of a map.
  std::string key(std::uint64_t index) const;

  /// Nothing if it is of another kind.
  std::optional<std::string> text() const;
  std::optional<std::int64_t> integer() const;
  std::optional<bool> boolean() const;

 private:
  const dstack_host_v0* host_;
  const dstack_value* value_;
};

/// Named values of known types. The accessors throw when a value is of another type.
class Properties {
 public:
  explicit Properties(const Value& map) : map_(map) {}

  Value property(std::string_view name) const { return map_[name]; }

  /// Whether it was given, or has a default.
  bool has(std::string_view name) const { return !property(name).is_null(); }

  /// Types text, path and folder.
  std::string text(std::string_view name, std::string_view fallback = {}) const;
  /// Types integer, size (bytes) and duration (milliseconds).
  std::int64_t integer(std::string_view name, std::int64_t fallback = 0) const;
  bool boolean(std::string_view name, bool fallback = false) const;
  /// Types texts, paths, arguments and artifacts.
  std::vector<std::string> texts(std::string_view name) const;
  /// Types environment and map.
  Environment environment(std::string_view name) const;

 private:
  [[noreturn]] static void wrong_type(std::string_view name, std::string_view asked);

  Value map_;
};

/// One workflow to be planned: its name, and its properties as the manifest declares them, checked
/// and typed.
class Workflow : public Properties {
 public:
  Workflow(const dstack_host_v0& host, const dstack_value* workflow, dstack_report* report)
      : Properties(Value(host, workflow)["properties"]),
        host_(&host),
        workflow_(host, workflow),
        report_(report) {}

  std::string name() const { return workflow_["name"].text().value_or(""); }

  /// Reports a problem and continues, so that several are reported at once. The result of plan() is
  /// then ignored.
  void report(const Error& error) const;

 private:
  const dstack_host_v0* host_;
  Value workflow_;
  dstack_report* report_;
};

/// What a job requests. Zero and empty: not requested.
struct Resources {
  std::uint32_t cpu = 0;
  std::uint64_t memory = 0;  ///< bytes
  std::uint32_t gpu = 0;
  std::string gpu_name;
  std::uint64_t gpu_memory = 0;  ///< bytes, of each GPU
  std::uint64_t shm_size = 0;    ///< bytes
  bool interruptible = false;
  bool local = false;
};

/// A Python environment that the host builds once and keeps. Its `python` is the first on the job's
/// PATH.
struct Python {
  std::string version;                    ///< "3.10"; empty: any
  std::vector<std::string> requirements;  ///< requirement files, relative to the project's root
  std::vector<std::string>
      packages;  ///< requirement specifiers in addition to the files: "streamlit==1.40"
  /// Addresses of package indexes: the first instead of PyPI, the others beside it. References to
  /// secrets stay as they are.
  std::vector<std::string> index = {};
};

/// An image that the host makes from a Dockerfile of the project, once for the same content.
struct Build {
  std::string context;     ///< a folder, relative to the project's root
  std::string dockerfile;  ///< likewise
  Environment arguments;   ///< for ARG
  std::string target;      ///< the stage that is wanted; empty: the last
};

/// A container of an engine with Docker's API. The job's commands run in it, in its shell; its argv
/// follows the entrypoint, as arguments of 'docker run' do; with neither, the image's own runs.
struct Container {
  std::string image;                    ///< or
  std::optional<Build> build;           ///< what makes it
  std::vector<std::string> entrypoint;  ///< instead of the image's own
  std::string username;                 ///< at the image's registry
  std::string password;
  std::string platform;  ///< of the image: "linux/arm64"; empty: this machine's
  /// Capabilities that it keeps, without `CAP_`; "setuid": programs in it may gain privileges.
  std::vector<std::string> privileges;
};

/// An application of a job that people open in a browser. The host prints its address once it
/// answers.
struct App {
  std::string name = {};   ///< "JupyterLab"
  std::uint32_t port = 0;  ///< index of one of the job's ports
  std::string path = {};   ///< of its first page: "/lab"
  std::string health =
      {};  ///< a path that answers with 2xx once it works; empty: any answer counts
  std::string token_query = {};  ///< parameter of the address that takes the job's token: "token"
};

/// The input of a native job, by name.
using Native = std::vector<std::pair<
    std::string,
    std::variant<std::string, std::int64_t, bool, std::vector<std::string>, Environment>>>;

enum class Workspace { unset, private_, copy, project };

/// What to execute. The host takes what is not set here from the workflow's common properties.
struct Job {
  std::vector<std::string> argv;       ///< a program and its arguments; or
  std::vector<std::string> commands;   ///< lines for bash, which stops at the first that fails
  std::optional<Container> container;  ///< where they run, or what runs when there are none
  /// Instead of all these: run() of a NativeProvider is the job, and gets these values. Those among
  /// the secrets are never shown: neither in a plan, nor where the same text is in a property or a
  /// variable.
  std::optional<Native> native;
  Native native_secrets;
  std::vector<std::string> setup;      ///< lines for bash before the command, in the same shell
  Environment environment;             ///< the provider's additions; the user's override them
  std::string working_dir;             ///< relative to the project's root
  std::vector<std::string> artifacts;  ///< relative to the working directory
  std::optional<Resources> resources;
  std::optional<Python> python;
  std::vector<std::string> tools;  ///< programs that the host finds or downloads: "code-server"
  std::uint32_t ports = 0;  ///< reserved for the job; it finds them in JOB_PORT_0, JOB_PORT_1, …
  std::vector<App> apps;
  /// The environment variable with a secret that is made for this run, with which its apps
  /// authenticate their user.
  std::string token;
  /// Index of the job, among those returned together, whose host and ports are in this one's
  /// MASTER_JOB_HOSTNAME and MASTER_JOB_PORT_0. They start together or not at all, and end with the
  /// first that fails.
  std::optional<std::uint32_t> master;
  Workspace workspace = Workspace::unset;
  std::int64_t timeout = 0;  ///< milliseconds
  std::uint32_t retry = 0;   ///< attempts after the first that failed
  std::string stop_signal;   ///< what asks the job to stop: "INT"; empty: the workflow's own
};

/// Quotes an argument for a shell, for commands.
inline std::string shell_quote(std::string_view word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789_-./:=@%+,") == std::string_view::npos;
  if (plain)
    return std::string(word);
  std::string quoted = "'";
  for (const char c : word)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// The arguments, quoted, separated by spaces.
inline std::string shell_join(const std::vector<std::string>& arguments) {
  std::string line;
  for (const std::string& argument : arguments)
    line += (line.empty() ? "" : " ") + shell_quote(argument);
  return line;
}

/// The base class of providers.
class Provider {
 public:
  virtual ~Provider() = default;
  /// The jobs of one workflow. Called for one workflow after the other, on one thread.
  virtual std::vector<Job> plan(const Workflow& workflow) = 0;
};

/// The task of one native job: what plan() wrote into Job::native, read like a workflow's
/// properties, and functions to report. Valid while run() runs. The members below may be called by
/// any thread.
class Task : public Properties {
 public:
  Task(const dstack_host_v0& host, const dstack_value* input, const dstack_task_v1& task)
      : Properties(Value(host, input)), task_(&task) {}

  /// What plan() wrote into Job::native_secrets.
  Properties secrets() const { return Properties(property("secrets")); }

  /// Whether the job has been asked to stop: run() then cleans up and returns. It is killed when
  /// that takes too long.
  bool cancelled() const { return task_->cancelled(task_) != 0; }

  /// Writes a line to the job's log. Standard output goes to the log, too.
  void log(std::string_view line) const {
    const dstack_string text{line.data(), line.size()};
    task_->log(task_, &text);
  }

  /// Shows the job's progress in one line, which replaces the previous one. A few times a second is
  /// enough.
  void progress(std::string_view line) const {
    const dstack_string text{line.data(), line.size()};
    task_->progress(task_, &text);
  }

  /// Reports why run() is about to return a code other than 0; throwing an Error does the same and
  /// returns 1.
  void fail(std::string_view message, std::string_view hint = {}) const {
    const dstack_string texts[] = {{message.data(), message.size()}, {hint.data(), hint.size()}};
    task_->fail(task_, &texts[0], &texts[1]);
  }

  /// Reports what people should know though the job goes on: one sentence, lower case, no full
  /// stop.
  void warn(std::string_view message) const {
    const dstack_string text{message.data(), message.size()};
    if (DSTACK_HAS(task_, warn))
      task_->warn(task_, &text);
    else
      log("warning: " + std::string(message));
  }

 private:
  const dstack_task_v1* task_;
};

/// The base class for authors whose jobs are functions of the library:
///
///     class Count : public dstack::NativeProvider {
///       std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
///         dstack::Job job;
///         job.native = dstack::Native{{"to", workflow.integer("to")}};
///         return {job};
///       }
///       int run(const dstack::Task& task) override {
///         for (std::int64_t i = 1; i <= task.integer("to") && !task.cancelled(); ++i)
///           task.log(std::to_string(i));
///         return 0;
///       }
///     };
class NativeProvider : public Provider {
 public:
  /// Runs one job, in a process of its own with the job's environment and working directory.
  /// Returns the exit code, 0 to 255; an Error that is thrown becomes the reason of the job's
  /// failure.
  virtual int run(const Task& task) = 0;
};

/// The path of `file` (relative to the project's root, as the host gives it) relative to `folder`
/// (likewise): "train.py" from "src/app" is "../../train.py". For commands that name a file: a job
/// runs in its working directory.
inline std::string path_from(std::string_view folder, std::string_view file) {
  while (!folder.empty()) {
    const std::string_view step = folder.substr(0, folder.find('/'));
    if (file.substr(0, file.find('/')) != step || file.size() == step.size())
      break;
    file.remove_prefix(step.size() + 1);
    folder.remove_prefix(folder.size() == step.size() ? step.size() : step.size() + 1);
  }
  std::string path;
  while (!folder.empty()) {
    path += "../";
    const std::size_t end = folder.find('/');
    folder.remove_prefix(end == std::string_view::npos ? folder.size() : end + 1);
  }
  return path.append(file);
}

/// Throws unless `version`, the value of `property`, is empty or a version of Python: "3", "3.10"
/// or "3.10.4".
inline void check_python_version(const std::string& property, const std::string& version) {
  std::string_view rest = version;
  for (int part = 0; part < 3 && !rest.empty(); ++part) {
    const std::size_t end = rest.find_first_not_of("0123456789");
    if (end == std::string_view::npos)
      return;
    if (end == 0 || rest[end] != '.')
      break;
    rest.remove_prefix(end + 1);
  }
  if (!version.empty())
    throw PropertyError(
        property, "'" + version + "' is not a version of Python", "write it as 3.10 or 3.10.4");
}

/// The environment that the properties `requirements`, `index`, and the one that is called
/// `version_property` ask for. Throws where one of them makes no sense.
inline Python python_of(const Workflow& workflow,
                        const std::string& version_property,
                        std::vector<std::string> packages = {}) {
  Python python{workflow.text(version_property),
                workflow.texts("requirements"),
                std::move(packages),
                workflow.texts("index")};
  check_python_version(version_property, python.version);
  for (const std::string& address : python.index)
    if (address.find("://") == std::string::npos)
      throw PropertyError("index",
                          "'" + address + "' is not the address of a package index",
                          "write it as https://HOST/simple");
  if (!python.index.empty() && python.requirements.empty() && python.packages.empty())
    throw PropertyError("index", "nothing is installed from it without 'requirements'");
  return python;
}

/// Throws unless `module`, the value of `property`, can be the name of a Python module:
/// "pkg.train".
inline void check_python_module(const std::string& property, const std::string& module) {
  bool is_name = !module.empty() && module.back() != '.';
  for (std::size_t i = 0; i < module.size() && is_name; ++i) {
    const char c = module[i];
    const bool begins = i == 0 || module[i - 1] == '.';
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                           static_cast<unsigned char>(c) >= 0x80;
    const bool is_digit = c >= '0' && c <= '9';
    is_name = is_letter || (!begins && (is_digit || c == '.'));
  }
  const bool is_file = module.find('/') != std::string::npos ||
                       (module.size() > 3 && module.compare(module.size() - 3, 3, ".py") == 0);
  if (!is_name || is_file)
    throw PropertyError(property,
                        "'" + module + "' is not the name of a Python module",
                        is_file ? "name a script with 'file', or write the module as pkg.train"
                                : "write it as pkg.train");
}

}  // namespace provider_v0
}  // namespace dstack

#include "dstack/detail/barrier.hpp"

/// Writes the library's entry. Once, at the end of one source file, outside of all namespaces.
#define DSTACK_PROVIDER(Class)                                                             \
  extern "C" DSTACK_EXPORT dstack_status DSTACK_CALL dstack_provider_entry_v0(             \
      const dstack_host_v0* host, const dstack_provider_v0** out, dstack_report* report) { \
    return ::dstack::provider_v0::detail::enter<Class>(host, out, report);                 \
  }
