// Executes a job in a container of an engine on this machine. Every container has the job's id as a
// label and is recorded on disk before it exists, so that whoever finds the record removes the
// container.
#pragma once

#include "dstack/backend/container_image.hpp"
#include "dstack/backend/usage.hpp"
#include "dstack/base/file.hpp"
#include "dstack/resources/oom_events.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <signal.h>

namespace dstack::backend {

/// The path of a job's workspace in its container.
inline constexpr const char* container_workspace = "/workflow";
inline constexpr const char* container_script = "/.dstack-script";
inline constexpr const char* container_secrets = "/.dstack-secrets";

/// Processes and threads of a container that asks for no limit.
inline constexpr std::uint32_t container_processes = 32'768;

/// What to start. Everything is resolved, except for what the image starts by default.
struct ContainerLaunch {
  std::string job;                ///< its id
  std::string run;                ///< the run's name
  std::vector<std::string> argv;  ///< the program in the container and its arguments
  std::vector<std::pair<std::string, std::string>> environment;  ///< overrides the image's own
  /// A pipe outside that passes further variables to the first process inside, invisible to the
  /// engine; empty: there are none.
  std::string secrets;
  std::string workspace;    ///< absolute path, outside
  std::string working_dir;  ///< relative to the workspace
  std::string script;       ///< path, outside, of the file that is container_script inside; or ""
  /// Read-only: absolute path, outside, and path in the workspace.
  std::vector<std::pair<std::string, std::string>> mounts;
  std::vector<std::uint16_t> ports;  ///< the same number inside and, at 127.0.0.1, outside
  std::uint32_t cpu = 0;             ///< 0 here and below: no limit
  std::uint64_t memory = 0;          ///< bytes; no swap in addition
  std::uint64_t shm_size = 0;        ///< bytes; 0: the engine's default
  std::uint32_t processes = 0;       ///< 0: container_processes
  /// As job::Container has them.
  std::vector<std::string> privileges = {};
  std::vector<std::string> gpus;            ///< numbers or UUIDs of the GPUs
  std::chrono::milliseconds grace{10'000};  ///< for processes that the job leaves running
  int stop_signal = SIGTERM;                ///< what its processes get for a TERM of the container
  std::vector<int> cores = {};              ///< the processors that they run on; empty: all
};

/// The body of the request that creates it. `image` is the image's id, `init` the path of
/// dstack-container-init.
Json container_request(const ContainerLaunch& launch,
                       const std::string& image,
                       bool podman,
                       const std::string& init);
/// Its path in this installation.
std::string container_init();

/// Parses what an engine sends for a container without a terminal: pieces of two streams, each
/// after a header of eight bytes.
class StreamParts {
 public:
  using Take = std::function<void(int stream, std::string_view bytes)>;

  explicit StreamParts(Take take) : take_(std::move(take)) {}

  void feed(std::string_view bytes);

 private:
  Take take_;
  std::string head_;
  int stream_ = 0;
  std::uint32_t left_ = 0;  ///< of the current piece
};

struct ContainerEnd {
  int code = 0;
  std::optional<int> signal;       ///< the program, or the whole container, was killed by it
  std::optional<int> not_started;  ///< errno: there was nothing to run
  bool out_of_memory = false;
  bool removed = false;        ///< by somebody else, while it ran
  std::optional<Usage> usage;  ///< unless the container was killed
};

/// A container, from its creation to its end. Only remove_container() removes it.
class Container {
 public:
  /// With the request of container_request(). `platform`: the image's, where one was asked for.
  static Result<Container> create(const Engine& engine,
                                  const std::string& job,
                                  const std::string& platform,
                                  const Json& request);

  /// Starts it. `output` gets the program's whole output, from another thread, until wait()
  /// returns. Attached before the start, so nothing is missing.
  Result<void> start(std::function<void(std::string_view)> output);
  /// Waits for its end and the end of its output. An engine that becomes unreachable meanwhile has
  /// a minute to return.
  Result<ContainerEnd> wait();
  /// Of a started one, for any thread: reports when the kernel kills processes of it for memory.
  /// Empty where they are not processes of this machine, or their group may not be watched.
  resources::OomEvents watch_memory() const;
  /// "TERM" or "KILL"; one that has ended is not an error. For any thread.
  void signal(const std::string& name) const;

  /// Whether some output was lost because the engine became unreachable.
  bool lost_output() const;

 private:
  struct Output;

  Container(Engine engine, std::string id);

  Result<Json> ask_with_retry(const std::string& method, const std::string& path) const;

  Engine engine_;
  std::string id_;
  std::shared_ptr<Output> output_;
};

/// What is needed to remove a job's container.
struct ContainerRecord {
  EngineAddress engine;
  std::string job;
  std::string image;       ///< its id
  std::string workspace;   ///< absolute path
  std::int64_t since = 0;  ///< in a shared workspace: nanoseconds since 1970; else 0
  bool created = false;    ///< false: the engine may be about to create it
};

Result<void> write_container_record(const Path& file, const ContainerRecord& record);
/// Removes the job's container, running or not, makes the user the owner of the files that it
/// wrote, and removes the record. Does nothing without a record.
Result<void> remove_container(const Path& file);

}  // namespace dstack::backend
