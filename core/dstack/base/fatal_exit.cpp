#include "dstack/base/fatal_exit.hpp"

#include <array>
#include <atomic>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <new>

#include <fcntl.h>
#include <unistd.h>

namespace dstack {

namespace {

// Nothing here allocates: memory may have run out.
std::array<char, PATH_MAX> report_file{};
int fatal_exit_code = 1;
bool exits_with_numbers = false;
std::terminate_handler previous_handler = nullptr;

constexpr int max_waits = 13;  ///< in one shortage, of 1, 2, 4, … milliseconds
constexpr time_t seconds_between_shortages = 60;
std::atomic<int> waits = 0;
std::atomic<time_t> last_wait = 0;

void write_text(int fd, const char* text) {
  for (std::size_t left = std::strlen(text); left > 0;) {
    const ssize_t count = ::write(fd, text, left);
    if (count <= 0)
      return;
    text += count;
    left -= static_cast<std::size_t>(count);
  }
}

int open_report() {
  if (report_file[0] == '\0')
    return STDERR_FILENO;
  return ::open(report_file.data(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/// Two lines on a terminal, one in a log.
const char* separator() {
  return report_file[0] == '\0' ? "\nhint: " : "; ";
}

[[noreturn]] void end(const char* what, const char* which, const char* hint) {
  const int fd = open_report();
  write_text(fd, report_file[0] == '\0' ? "error: " : "");
  for (const char* text : {what, which, separator(), hint, "\n"})
    write_text(fd, text);
  ::_exit(fatal_exit_code);
}

[[noreturn]] void exit_out_of_memory() {
  end("dstack has run out of memory",
      "",
      "stop a program that uses much of it, or raise the limit ('ulimit -v' and 'ulimit -d' show "
      "it), then run the command again");
}

[[noreturn]] void exit_for_bug(const char* what) {
  end("dstack has a bug: ", what, "please report it, with the command you typed");
}

/// For uncaught exceptions. Running out of memory is not a bug; everything else is, ours or a
/// provider's, and goes to the previous handler.
[[noreturn]] void handle_terminate() {
  try {
    if (std::current_exception())
      throw;
  } catch (const std::bad_alloc&) {
    exit_out_of_memory();
  } catch (...) {
    previous_handler();
  }
  previous_handler();
  std::abort();
}

/// The handler of operator new: returning means to try again.
void wait_and_retry() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  if (now.tv_sec - last_wait.exchange(now.tv_sec) > seconds_between_shortages)
    waits = 0;
  const int done = waits++;
  if (done >= max_waits)
    throw std::bad_alloc();
  const long milliseconds = 1L << done;
  const timespec delay{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
  ::nanosleep(&delay, nullptr);
}

}  // namespace

void prepare_fatal_exit(int exit_code) {
  fatal_exit_code = exit_code;
  previous_handler = std::set_terminate(&handle_terminate);
}

void report_fatal_exit_in(const std::string& file) {
  if (file.size() < report_file.size())
    std::memcpy(report_file.data(), file.c_str(), file.size() + 1);
}

void exit_with_error_numbers(int without) {
  fatal_exit_code = without;
  exits_with_numbers = true;
}

void exit_for(const std::string& what, const char* hint, int number) {
  if (exits_with_numbers && number > 0)
    fatal_exit_code = number;
  end("", what.c_str(), hint);
}

void exit_for_exception() {
  try {
    if (std::current_exception())
      throw;
  } catch (const std::bad_alloc&) {
    exit_out_of_memory();
  } catch (const std::exception& error) {
    exit_for_bug(error.what());
  } catch (...) {
    exit_for_bug("an exception of unknown type");
  }
  std::terminate();
}

void wait_for_memory() {
  std::set_new_handler(&wait_and_retry);
}

}  // namespace dstack
