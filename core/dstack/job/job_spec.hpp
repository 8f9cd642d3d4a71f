// What a provider makes of a workflow: jobs, as plain values. The keys are those of the SDK's
// guide.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/job/metrics.hpp"
#include "dstack/job/sandbox.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::job {

/// What a job asks for (spec, section 8). Zero and empty mean: not asked.
struct Resources {
  std::uint32_t cpu = 0;
  std::uint64_t memory = 0;  ///< bytes
  std::uint32_t gpu = 0;
  std::string gpu_name;
  std::uint64_t gpu_memory = 0;  ///< bytes, of each GPU
  std::uint64_t shm_size = 0;    ///< bytes
  std::uint32_t processes = 0;   ///< processes and threads at a time
  std::uint64_t disk = 0;        ///< bytes that it may write into its workspace
  bool interruptible = false;
  bool local = false;

  bool operator==(const Resources&) const = default;
};

/// A Python environment that the host makes once and keeps (python/python.hpp). The job finds
/// it first on PATH.
struct PythonRequest {
  std::string version;  ///< "3.10"; empty: none named
  /// Requirement files, relative to the project's root, as job::RequirementsSource renders them.
  std::vector<std::string> requirements;
  std::vector<std::string>
      packages;  ///< requirement specifiers beside the files: "streamlit==1.40"
  /// Package indexes: the first instead of PyPI, the others beside it. May refer to secrets
  /// (config/project/secret_reference.hpp).
  std::vector<std::string> index = {};
  std::string index_where = {};  ///< its place in the user's file, for messages; set by the host

  bool operator==(const PythonRequest&) const = default;
};

/// Where a job works (spec, section 7).
enum class WorkspaceKind {
  private_,  ///< its own folder, made in the quickest way there is
  copy,      ///< its own folder, of real files
  project,   ///< the user's own folder
};

std::string_view render(WorkspaceKind kind);
std::optional<WorkspaceKind> parse_workspace_kind(std::string_view text);

/// An image that is made from the run's code. Paths are from the root of the code.
struct ImageBuild {
  std::string context;     ///< the folder that is sent; "": all of the code
  std::string dockerfile;  ///< a file of the code
  std::vector<std::pair<std::string, std::string>> arguments;  ///< for ARG; they stay in the image
  std::string target;  ///< the stage that is wanted; empty: the last

  bool operator==(const ImageBuild&) const = default;
};

/// A container of an engine that speaks Docker's API. The job's lines run in it; its arguments
/// follow the entrypoint; with neither, it is what the image itself starts.
struct Container {
  std::string image;                    ///< empty: `build`
  std::vector<std::string> entrypoint;  ///< instead of the image's own; empty: the image's own
  std::string username;                 ///< at the registry; empty: as the engine is set up
  std::string password;
  std::string platform = {};  ///< of the image: "linux/arm64"; empty: this machine's
  std::optional<ImageBuild> build = {};
  /// What it keeps of what containers are denied: names of capabilities without `CAP_`, and
  /// `setuid`, with which its programs may gain privileges.
  std::vector<std::string> privileges = {};

  bool operator==(const Container&) const = default;
};

/// An application of a job that people open in a browser.
struct ApplicationSpec {
  std::string name;        ///< "JupyterLab"
  std::uint32_t port = 0;  ///< index into the job's ports
  std::string path;        ///< of its first page, with the leading slash; empty: "/"
  /// Answers with 2xx or 3xx once the application works; empty: whatever answers at the port will
  /// do.
  std::string health;
  /// The parameter of the address that takes the job's token; empty: a token is typed in.
  std::string token_query;

  bool operator==(const ApplicationSpec&) const = default;
};

struct JobSpec {
  /// One of these four says what runs. A program with its arguments (looked up in the job's PATH);
  /// or lines for bash, which stops at the first that fails (in a container: for its `sh`);
  std::vector<std::string> argv;
  std::vector<std::string> commands;
  /// or a container, alone or with one of the above as its command;
  std::optional<Container> container;
  /// or a function of the provider's own library (`dstack.native-job/1`), which gets this map.
  Json native;
  std::vector<std::string> setup;  ///< lines for bash before it, in the same shell
  std::vector<std::pair<std::string, std::string>> environment;  ///< the provider's own additions
  std::string working_dir;  ///< normal relative path from the project's root; "" is the root
  std::vector<std::string> artifacts;  ///< normal relative paths or patterns, from the working
                                       ///< directory
  std::vector<std::string> optional_artifacts;  ///< those of them that need not be there at the end
  Resources resources;
  std::optional<PythonRequest> python;
  std::vector<std::string> tools;  ///< programs that the host finds or fetches: "code-server"
  std::uint32_t ports = 0;         ///< how many are reserved for it: JOB_PORT_0, …
  std::vector<ApplicationSpec> apps;
  /// The variable that gets a new secret for this run, which the job asks its user for; empty:
  /// none.
  std::string token;
  /// The job, among those of the same workflow, whose host and ports this one is given
  /// (MASTER_JOB_…). Jobs with a master start together with it or not at all, and end with the
  /// first that fails.
  std::optional<std::uint32_t> master;
  std::optional<WorkspaceKind> workspace;  ///< not set: the workflow's own; in a plan always set
  std::chrono::milliseconds timeout{0};    ///< of each attempt, from its start; 0: none
  std::uint32_t retry = 0;                 ///< attempts after the first that failed
  std::optional<Sandbox> sandbox = {};
  std::optional<Metrics> metrics = {};  ///< not set: the workflow's own
  std::string stop_signal;  ///< what asks it to stop, by stop_signal.hpp; empty: TERM

  bool operator==(const JobSpec&) const = default;
};

/// Where an artifact of the job is, from the project's root.
std::string path_from_root(const JobSpec& job, const std::string& artifact);

/// Where an artifact may be, from the code's root, the likelier place first: seen from the working
/// directory, from the project's folder `base`, or from that root.
std::vector<std::string> artifact_places(const std::string& working_dir,
                                         const std::string& base,
                                         const std::string& artifact);

/// Whether the job may end without this one of its artifacts.
bool is_optional(const JobSpec& job, const std::string& artifact);

/// The map of spec section 8, sizes in bytes, `gpu` as {count, name, memory}; what is not asked for
/// is omitted. Also read is what check_properties() makes of the property `resources`.
void to_json(Json& json, const Resources& resources);
void from_json(const Json& json, Resources& resources);
Result<Resources> parse_resources(const Json& json);

void to_json(Json& json, WorkspaceKind kind);
void from_json(const Json& json, WorkspaceKind& kind);
void to_json(Json& json, const PythonRequest& python);
void from_json(const Json& json, PythonRequest& python);
void to_json(Json& json, const ImageBuild& build);
void from_json(const Json& json, ImageBuild& build);
void to_json(Json& json, const Container& container);
void from_json(const Json& json, Container& container);
void to_json(Json& json, const ApplicationSpec& app);
void from_json(const Json& json, ApplicationSpec& app);

/// What is empty or zero is omitted. Reading checks everything that a foreign library may get
/// wrong: types, unknown keys, empty commands, none or several of what may run, bad UTF-8, NUL
/// bytes, paths that leave the workspace, apps without a port. To add a key, add the member and its
/// line in fields() of job_spec.cpp.
void to_json(Json& json, const JobSpec& job);
void from_json(const Json& json, JobSpec& job);
/// The problem of one that is wrong is the whole message.
Result<JobSpec> parse_job(const Json& json);

}  // namespace dstack::job
