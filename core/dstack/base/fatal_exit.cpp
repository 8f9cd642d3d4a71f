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

// Nothing here takes memory: there may be none.
std::array<char, PATH_MAX> report_file{};
int fatal_exit_code = 1;
std::terminate_handler before_us = nullptr;

constexpr int most_waits = 13;  ///< in one shortage, of 1, 2, 4, … milliseconds
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

int open_ear() {
  if (report_file[0] == '\0')
    return STDERR_FILENO;
  return ::open(report_file.data(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/// A person reads two lines, a log has one.
const char* separator() {
  return report_file[0] == '\0' ? "\nhint: " : "; ";
}

[[noreturn]] void end(const char* what, const char* which, const char* hint) {
  const int ear = open_ear();
  write_text(ear, report_file[0] == '\0' ? "error: " : "");
  for (const char* text : {what, which, separator(), hint, "\n"})
    write_text(ear, text);
  ::_exit(fatal_exit_code);
}

[[noreturn]] void end_for_want_of_memory() {
  end("dstack has run out of memory",
      "",
      "end something that uses much of it, or raise the limit ('ulimit -v' and 'ulimit -d' show "
      "it), then run the command again");
}

[[noreturn]] void end_for_a_bug(const char* what) {
  end("dstack has a bug: ", what, "please report it, with the command you typed");
}

/// For what nobody catches. A want of memory is no bug; all else is one, ours or that of a
/// provider whose code runs here, and ends as ever.
[[noreturn]] void leave_or_crash() {
  try {
    if (std::current_exception())
      throw;
  } catch (const std::bad_alloc&) {
    end_for_want_of_memory();
  } catch (...) {
    before_us();
  }
  before_us();
  std::abort();
}

/// The handler of operator new: returning means to try again.
void wait_a_moment() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  if (now.tv_sec - last_wait.exchange(now.tv_sec) > seconds_between_shortages)
    waits = 0;
  const int done = waits++;
  if (done >= most_waits)
    throw std::bad_alloc();
  const long milliseconds = 1L << done;
  const timespec moment{milliseconds / 1000, milliseconds % 1000 * 1'000'000};
  ::nanosleep(&moment, nullptr);
}

}  // namespace

void prepare_fatal_exit(int exit_code) {
  fatal_exit_code = exit_code;
  before_us = std::set_terminate(&leave_or_crash);
}

void report_fatal_exit_in(const std::string& file) {
  if (file.size() < report_file.size())
    std::memcpy(report_file.data(), file.c_str(), file.size() + 1);
}

void exit_for_exception() {
  try {
    if (std::current_exception())
      throw;
  } catch (const std::bad_alloc&) {
    end_for_want_of_memory();
  } catch (const std::exception& error) {
    end_for_a_bug(error.what());
  } catch (...) {
    end_for_a_bug("an exception of unknown type");
  }
  std::terminate();
}

void wait_for_memory() {
  std::set_new_handler(&wait_a_moment);
}

}  // namespace dstack
