#include "views/work_progress.hpp"

#include "dstack/base/fd.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/wait.hpp"
#include "views/code_amount.hpp"

#include <string>

#include <fcntl.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::cli;
using dstack::test::value_of;
using dstack::test::wait_until;

namespace {

/// What is written to a stream until now.
class Screen {
 public:
  Screen() { ::fcntl(pipe_.read_end.get(), F_SETFL, O_NONBLOCK); }

  ui::Stream stream(bool live) const {
    ui::Stream stream;
    stream.fd = pipe_.write_end.get();
    stream.terminal = live;
    stream.live = live;
    return stream;
  }

  const std::string& text() {
    char buffer[4096];
    for (ssize_t count = 0; (count = ::read(pipe_.read_end.get(), buffer, sizeof buffer)) > 0;)
      text_.append(buffer, static_cast<std::size_t>(count));
    return text_;
  }

  bool shows(std::string_view part) { return text().find(part) != std::string::npos; }

 private:
  Pipe pipe_ = value_of(make_pipe());
  std::string text_;
};

constexpr WorkAmount large{20'000, 1'400'000'000};

/// As whatever copies files counts them.
void copy_a_part() {
  expect_work(large);
  count_work({7'000, 300'000'000});
}

}  // namespace

TEST_CASE("code is large from many files or many bytes on") {
  CHECK_FALSE(is_large({9'999, 99'999'999}));
  CHECK(is_large({10'000, 0}));
  CHECK(is_large({1, 100'000'000}));
  CHECK(describe({1, 100'000'000}) == "the code of this run is 1 file, 100.0 MB");
}

TEST_CASE("on a terminal long work is shown until it is done, then nothing of it stays") {
  Screen screen;
  const ui::Messages messages(screen.stream(true), ui::Volume::normal);
  {
    WorkProgress progress(messages);
    progress.begin("storing the code");
    copy_a_part();
    wait_until(
        [&] { return screen.shows("storing the code  7000 of 20000 files  300.0 MB of 1.4 GB"); });
    progress.note("a note");
    CHECK(screen.shows("\033[Ja note\n"));
    progress.begin("copying the input 'data'");
    expect_work({1, 2'000'000'000});
    count_work({0, 1'000'000'000});
    wait_until([&] { return screen.shows("copying the input 'data'  1.0 GB of 2.0 GB"); });
  }
  CHECK(screen.text().ends_with("\033[J"));
}

TEST_CASE("elsewhere there is a line about long work now and then") {
  Screen screen;
  const ui::Messages messages(screen.stream(false), ui::Volume::normal);
  WorkProgress progress(messages, std::chrono::milliseconds(20));
  progress.begin("storing the code");
  copy_a_part();
  wait_until(
      [&] { return screen.shows("storing the code: 7000 of 20000 files, 300.0 MB of 1.4 GB\n"); });
}

TEST_CASE("nothing is shown of work that is soon done, none of it when that is wanted") {
  Screen screen;
  SECTION("little") {
    const ui::Messages messages(screen.stream(true), ui::Volume::normal);
    WorkProgress progress(messages, std::chrono::milliseconds(1));
    progress.begin("storing the code");
    expect_work({10, 1'000'000});
    count_work({10, 1'000'000});
  }
  SECTION("quiet") {
    const ui::Messages messages(screen.stream(true), ui::Volume::quiet);
    WorkProgress progress(messages, std::chrono::milliseconds(1));
    progress.begin("storing the code");
    CHECK(progress_reporter() == nullptr);
    copy_a_part();
  }
  CHECK(screen.text().empty());
}

TEST_CASE("work belongs to who began it last, and to the one before afterwards") {
  ProgressReporter outer(std::chrono::seconds(1), [](const WorkState&) {});
  ProgressReporter inner(std::chrono::seconds(1), [](const WorkState&) {});
  const ReportedWork of_outer(&outer);
  {
    const ReportedWork of_inner(&inner);
    count_work({1, 10});
  }
  count_work({2, 20});
  CHECK(inner.state().done == WorkAmount{1, 10});
  CHECK(outer.state().done == WorkAmount{2, 20});
}
