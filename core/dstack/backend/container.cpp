#include "dstack/backend/container.hpp"

#include "dstack/base/text.hpp"
#include "dstack/base/thread.hpp"

#include <atomic>
#include <future>

namespace dstack::backend {

namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr std::size_t head_size = 8;
constexpr auto return_of_engine = 60s;
constexpr auto while_it_works = 5s;  ///< a request of this duration was being answered

/// Whoever removes a running container kills it.
Result<ContainerEnd> end_without_answer(const Error& error) {
  if (error.code == ErrorCode::not_found) {
    ContainerEnd end;
    end.code = 128 + SIGKILL;
    end.signal = SIGKILL;
    end.removed = true;
    return end;
  }
  return fail(ErrorCode::unavailable,
              "the connection to the container engine was lost while the job ran: {}",
              error.message);
}

/// The first figure begins the usage.
void read_figure(std::string_view name, std::uint64_t number, std::optional<Usage>& usage) {
  if (name == "cpu")
    usage = Usage{std::chrono::microseconds(number), 0, 0, 0, {}};
  if (!usage)
    return;
  if (name == "largest")
    usage->largest_process = number;
  else if (name == "read")
    usage->bytes_read = number;
  else if (name == "written")
    usage->bytes_written = number;
  else if (name == "peak")
    usage->peak_memory = number;
}

/// What dstack-container-init reports on its own error output.
void read_init_messages(const std::string& text, ContainerEnd& end) {
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t space = std::min(line.size(), line.find(' '));
    const std::string_view name = line.substr(0, space);
    const auto number = parse_number<std::int64_t>(line.substr(std::min(line.size(), space + 1)));
    if (!number || *number < 0)
      continue;
    if (name == "exec")
      end.not_started = static_cast<int>(*number);
    else if (name == "signal")
      end.signal = static_cast<int>(*number);
    else if (name == "oom")
      end.out_of_memory = true;
    else
      read_figure(name, static_cast<std::uint64_t>(*number), end.usage);
  }
}

}  // namespace

void StreamParts::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (left_ == 0) {
      const std::size_t missing = std::min(head_size - head_.size(), bytes.size());
      head_.append(bytes.substr(0, missing));
      bytes.remove_prefix(missing);
      if (head_.size() < head_size)
        return;
      stream_ = head_[0];
      for (std::size_t i = 4; i < head_size; ++i)
        left_ = left_ << 8U | static_cast<unsigned char>(head_[i]);
      head_.clear();
      continue;
    }
    const std::size_t size = std::min<std::size_t>(left_, bytes.size());
    take_(stream_, bytes.substr(0, size));
    bytes.remove_prefix(size);
    left_ -= static_cast<std::uint32_t>(size);
  }
}

/// dstack-container-init writes a few lines; anything else with access to its output may write
/// without end.
constexpr std::size_t longest_messages = 64 << 10;

/// The thread that reads a container's output. Ends with the container.
struct Container::Output {
  std::promise<Result<void>> attached;
  std::string messages;  ///< of dstack-container-init; for others once the thread has ended
  std::atomic<bool> broken = false;
  std::jthread thread;

  void read(const Engine& engine,
            const std::string& id,
            const std::function<void(std::string_view)>& output) {
    StreamParts parts([&](int stream, std::string_view bytes) {
      if (stream == 2)
        messages.append(bytes.substr(0, longest_messages - messages.size()));
      else
        output(bytes);
    });
    bool is_attached = false;
    std::string refusal;
    http::Request request;
    request.method = "POST";
    request.url = fmt::format("/containers/{}/attach?stream=1&stdout=1&stderr=1", id);
    request.on_head = [&](const http::Response& head) {
      if (head.status < 400) {
        is_attached = true;
        attached.set_value({});
      }
      return true;
    };
    request.on_body = [&](const http::Response& head, std::string_view bytes) {
      if (head.status < 400)
        parts.feed(bytes);
      else
        add_refusal(refusal, bytes);
      return true;
    };
    auto answer = engine.send(request);
    if (is_attached) {
      broken = !answer;
      return;
    }
    if (!answer) {
      attached.set_value(Failure(answer.error()));
      return;
    }
    answer->body = refusal;
    attached.set_value(fail(ErrorCode::unavailable,
                            "the container's output cannot be read: {}",
                            engine_message(*answer)));
  }
};

Container::Container(Engine engine, std::string id)
    : engine_(std::move(engine)), id_(std::move(id)) {}

Result<Container> Container::create(const Engine& engine,
                                    const std::string& job,
                                    const std::string& platform,
                                    const Json& request) {
  std::string path = "/containers/create?name=dstack-" + http::encode(job);
  if (!platform.empty() && !engine.is_podman())  // Podman goes by the image's id alone
    path += "&platform=" + http::encode(platform);
  DSTACK_TRY(const Json created, engine.ask("POST", path, request));
  return Container(engine, json_string(created, "Id"));
}

Result<void> Container::start(std::function<void(std::string_view)> output) {
  output_ = std::make_shared<Output>();
  auto attached = output_->attached.get_future();
  DSTACK_TRY(
      output_->thread,
      start_thread([out = output_.get(), engine = engine_, id = id_, take = std::move(output)] {
        out->read(engine, id, take);
      }));
  DSTACK_CHECK(attached.get());
  DSTACK_CHECK(engine_.ask("POST", fmt::format("/containers/{}/start", id_)));
  return {};
}

/// Repeats the request while the engine is unreachable, as during its restart.
Result<Json> Container::ask_with_retry(const std::string& method, const std::string& path) const {
  auto failing_since = steady_clock::now();
  for (;;) {
    const auto asked = steady_clock::now();
    auto answer = engine_.ask(method, path, {}, 0ms);
    if (answer || answer.error().code != ErrorCode::unavailable)
      return answer;
    const auto failed = steady_clock::now();
    if (failed - asked > while_it_works)
      failing_since = failed;
    if (failed - failing_since > return_of_engine)
      return answer;
    std::this_thread::sleep_for(200ms);
  }
}

Result<ContainerEnd> Container::wait() {
  auto exited = ask_with_retry("POST", fmt::format("/containers/{}/wait", id_));
  // A removed container has no more output, and an engine that ended has closed the stream.
  output_->thread.join();
  if (!exited)
    return end_without_answer(exited.error());
  ContainerEnd end;
  end.code = static_cast<int>(json_integer(*exited, "StatusCode"));
  read_init_messages(output_->messages, end);
  // Its first process reports at least the usage, unless it was killed itself.
  if (!end.usage && !end.not_started && !end.signal && end.code > 128 && end.code <= 128 + SIGRTMAX)
    end.signal = end.code - 128;
  const auto facts = ask_with_retry("GET", fmt::format("/containers/{}/json", id_));
  if (!facts)
    return end_without_answer(facts.error());
  if (const Json* state = json_member(*facts, "State"); state != nullptr)
    end.out_of_memory = end.out_of_memory || json_boolean(*state, "OOMKilled");
  return end;
}

resources::OomEvents Container::watch_memory() const {
  const auto facts = engine_.ask("GET", fmt::format("/containers/{}/json", id_), {}, 10s);
  const Json* state = facts ? json_member(*facts, "State") : nullptr;
  if (state == nullptr)
    return {};
  const auto process = static_cast<pid_t>(json_integer(*state, "Pid"));
  const auto group = resources::memory_group_of(process, id_);
  return group ? resources::OomEvents(*group) : resources::OomEvents();
}

void Container::signal(const std::string& name) const {
  (void)engine_.ask("POST", fmt::format("/containers/{}/kill?signal=SIG{}", id_, name));
}

bool Container::lost_output() const {
  return output_ && output_->broken;
}

}  // namespace dstack::backend
