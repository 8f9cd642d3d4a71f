#include "views/code_progress.hpp"

#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/wait.hpp"

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

constexpr source::Amount large{20'000, 1'400'000'000};

}  // namespace

TEST_CASE("code is large from many files or many bytes on") {
  CHECK_FALSE(is_large({9'999, 99'999'999}));
  CHECK(is_large({10'000, 0}));
  CHECK(is_large({1, 100'000'000}));
  CHECK(describe({1, 100'000'000}) == "the code of this run is 1 file, 100.0 MB");
}

TEST_CASE("on a terminal large code is shown on its way into the store, until it is there") {
  Screen screen;
  const ui::Messages messages(screen.stream(true), ui::Volume::normal);
  {
    CodeProgress progress(messages);
    progress.begin(large);
    CHECK(screen.shows("note: the code of this run is 20000 files, 1.4 GB\n"));
    progress.progress().files = 7'000;
    progress.progress().bytes = 300'000'000;
    wait_until(
        [&] { return screen.shows("storing the code: 7000 of 20000 files, 300.0 MB of 1.4 GB"); });
  }
  CHECK(screen.text().ends_with("\033[J"));  // nothing stays
}

TEST_CASE("in a pipe large code is one line, small code and quiet ones none") {
  Screen screen;
  SECTION("in a pipe") {
    const ui::Messages messages(screen.stream(false), ui::Volume::normal);
    CodeProgress(messages).begin(large);
    CHECK(screen.text() == "note: the code of this run is 20000 files, 1.4 GB\n");
  }
  SECTION("small") {
    const ui::Messages messages(screen.stream(true), ui::Volume::normal);
    CodeProgress(messages).begin({100, 1000});
    CHECK(screen.text().empty());
  }
  SECTION("quiet") {
    const ui::Messages messages(screen.stream(true), ui::Volume::quiet);
    CodeProgress(messages).begin(large);
    CHECK(screen.text().empty());
  }
}
