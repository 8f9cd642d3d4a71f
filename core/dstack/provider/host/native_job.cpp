#include "dstack/provider/host/native_job.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"
#include "dstack/native_job.h"
#include "dstack/provider/host/host_table.hpp"
#include "dstack/provider/host/library.hpp"

#include <cstdio>
#include <mutex>

namespace dstack::provider {

namespace {

constexpr std::size_t most_warnings = 100;
const std::string doing = "while it ran the job";

bool is_readable(const dstack_string* text) {
  return text != nullptr && (text->data != nullptr || text->size == 0);
}

std::string copy(const dstack_string* text) {
  return !is_readable(text) || text->size == 0 ? std::string()
                                               : std::string(text->data, text->size);
}

/// The lines of a job, and the one that shows how far it is, which is drawn over itself.
class Lines {
 public:
  explicit Lines(int output) : output_(output) {}

  void line(const std::string& text) {
    const std::lock_guard lock(mutex_);
    write(fmt::format("{}{}\n", end_of_progress(), text));
  }

  void progress(std::string text) {
    const std::lock_guard lock(mutex_);
    const std::size_t width = display_width(text);
    if (width < width_)
      text.append(width_ - width, ' ');
    width_ = width;
    open_ = true;
    write("\r" + text);
  }

  /// Nothing is drawn over the last progress: it stays as the line that it is.
  void finish() {
    const std::lock_guard lock(mutex_);
    write(end_of_progress());
  }

 private:
  std::string end_of_progress() {
    width_ = 0;
    return std::exchange(open_, false) ? "\n" : "";
  }

  /// What the library printed earlier comes first.
  void write(const std::string& text) const {
    std::fflush(stdout);
    (void)write_all(output_, text);
  }

  std::mutex mutex_;
  int output_;
  std::size_t width_ = 0;  ///< of the progress on the line
  bool open_ = false;
};

/// One job's table, and what its functions work on.
struct Task : dstack_task_v1 {
  Task(int output, const std::atomic<bool>& is_cancelled)
      : dstack_task_v1{sizeof(dstack_task_v1),
                       DSTACK_ABI_MINOR,
                       0,
                       cancelled_of,
                       log_to,
                       progress_to,
                       fail_of,
                       warn_of},
        lines(output),
        cancel_flag(is_cancelled) {}

  static Task& of(const dstack_task_v1* task) {
    return const_cast<Task&>(static_cast<const Task&>(*task));
  }

  static std::int32_t cancelled_of(const dstack_task_v1* task) {
    return task != nullptr && of(task).cancel_flag ? 1 : 0;
  }

  static dstack_status log_to(const dstack_task_v1* task, const dstack_string* line) {
    if (task == nullptr || !is_readable(line))
      return DSTACK_WRONG_USE;
    of(task).lines.line(copy(line));
    return DSTACK_OK;
  }

  static dstack_status progress_to(const dstack_task_v1* task, const dstack_string* line) {
    if (task == nullptr || !is_readable(line))
      return DSTACK_WRONG_USE;
    of(task).lines.progress(copy(line));
    return DSTACK_OK;
  }

  static dstack_status fail_of(const dstack_task_v1* task,
                               const dstack_string* message,
                               const dstack_string* hint) {
    if (task == nullptr || !is_readable(message))
      return DSTACK_WRONG_USE;
    std::string reason = copy(message);
    if (const std::string next = copy(hint); !next.empty())
      reason += fmt::format("; {}", next);
    const std::lock_guard lock(of(task).mutex);
    of(task).message = std::move(reason);
    return DSTACK_OK;
  }

  static dstack_status warn_of(const dstack_task_v1* task, const dstack_string* message) {
    if (task == nullptr || !is_readable(message))
      return DSTACK_WRONG_USE;
    const std::lock_guard lock(of(task).mutex);
    if (of(task).warnings.size() < most_warnings)
      of(task).warnings.push_back(copy(message));
    return DSTACK_OK;
  }

  Lines lines;
  const std::atomic<bool>& cancel_flag;
  std::mutex mutex;
  std::string message;
  std::vector<std::string> warnings;
};

Result<const dstack_native_job_v1*> native_job_of(const dstack_provider_v0& provider) {
  static constexpr std::string_view id = DSTACK_NATIVE_JOB;
  const dstack_string text{id.data(), id.size()};
  if (!DSTACK_HAS(&provider, extension))
    return fault_of_library("has no native job: it provides no extension");
  DSTACK_TRY(const void* const table, call_library("while it was set up", [&] {
               return provider.extension(provider.instance, &text);
             }));
  const auto* job = static_cast<const dstack_native_job_v1*>(table);
  if (job == nullptr || !DSTACK_HAS(job, run) || job->reserved != 0)
    return fault_of_library(fmt::format("has no native job: it provides no extension '{}'", id));
  return job;
}

}  // namespace

Result<NativeEnd> run_native_job(const Path& library,
                                 const Json& input,
                                 int output,
                                 const std::atomic<bool>& cancelled) {
  DSTACK_TRY(const dstack_provider_v0* const provider, enter_library(library));
  DSTACK_TRY(const dstack_native_job_v1* const job, native_job_of(*provider));
  // Never freed: a thread that the function left behind may still hold the table.
  Task& task = *new Task(output, cancelled);
  const auto code =
      call_library(doing, [&] { return job->run(provider->instance, as_value(input), &task); });
  task.lines.finish();
  const std::lock_guard lock(task.mutex);
  if (!code)
    return NativeEnd{1, fmt::format("the provider {}", code.error().message), task.warnings};
  if (*code < 0 || *code > 255)
    return NativeEnd{
        1, fmt::format("the provider gave {} as the job's exit code", *code), task.warnings};
  return NativeEnd{*code == 0 && !task.message.empty() ? 1 : *code, task.message, task.warnings};
}

}  // namespace dstack::provider
