// A stream whose bytes a test can read back: a pipe that claims to be whatever the test wants.
#pragma once

#include "dstack/base/fd.hpp"
#include "support/catch.hpp"
#include "ui/terminal.hpp"

#include <string>

namespace dstack::test {

class Captured {
 public:
  Captured() {
    auto pipe = make_pipe();
    REQUIRE(pipe);
    pipe_ = *std::move(pipe);
  }

  /// Nothing that a person looks at.
  ui::Stream plain() const {
    ui::Stream stream;
    stream.fd = pipe_.write_end.get();
    return stream;
  }

  /// As a colour terminal with symbols.
  ui::Stream terminal() const {
    ui::Stream stream = plain();
    stream.terminal = stream.colour = stream.unicode = stream.live = true;
    return stream;
  }

  /// All that was written; closes the writing end. At most what a pipe holds.
  std::string text() {
    pipe_.write_end.reset();
    auto bytes = read_all(pipe_.read_end.get());
    REQUIRE(bytes);
    return *bytes;
  }

  void close_reader() { pipe_.read_end.reset(); }

 private:
  Pipe pipe_;
};

}  // namespace dstack::test
