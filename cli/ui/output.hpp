// Standard output, where results go. Buffers small pieces; reports when the reader has closed it.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/json.hpp"
#include "ui/terminal.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace dstack::ui {

class Output {
 public:
  explicit Output(Stream stream) : stream_(stream) {}

  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  const Stream& stream() const { return stream_; }

  void write(std::string_view text);

  void line(std::string_view text) {
    write(text);
    write("\n");
  }

  /// One document, indented, for `--json`.
  void json(const Json& document);
  void flush();

  /// True when the reader has closed it (`| head`), or writing failed; further output is dropped.
  bool closed() const { return closed_ || failed_; }

  /// The error of writing, unless the reader closed it; with the hint.
  Result<void> status() const;

  /// What to say when nothing can be written any more: what goes on without this output, and how to
  /// see it. Empty: nothing does.
  void set_hint(std::string hint) { hint_ = std::move(hint); }

  const std::string& hint() const { return hint_; }

  /// Called once when closed() becomes true.
  void when_closed(std::function<void()> action) { when_closed_ = std::move(action); }

 private:
  void send(std::string_view bytes);

  Stream stream_;
  std::string pending_;
  bool closed_ = false;
  bool failed_ = false;
  Error error_;
  std::string hint_;
  std::function<void()> when_closed_;
};

/// One array, indented, for `--json`, written element by element: the same bytes as Output::json().
class JsonArray {
 public:
  /// Refers to it.
  explicit JsonArray(Output& out) : out_(out) {}

  void add(const Json& element);
  /// Ends it. Once, after the last element.
  void finish();

 private:
  Output& out_;
  bool is_empty_ = true;
};

}  // namespace dstack::ui
