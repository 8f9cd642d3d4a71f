// Standard error: everything that is not a result. Errors, warnings, hints and progress.
#pragma once

#include "dstack/base/error.hpp"
#include "ui/terminal.hpp"

#include <string_view>
#include <vector>

namespace dstack::ui {

enum class Volume { quiet, normal };

class Messages {
 public:
  Messages(Stream stream, Volume volume) : stream_(stream), volume_(volume) {}

  const Stream& stream() const { return stream_; }

  bool quiet() const { return volume_ == Volume::quiet; }

  /// Always shown: the error with its place, context and hint, and everything in `also`.
  void error(const Error& error) const;
  void warning(const Error& error) const;
  void warning(std::string_view sentence) const;
  void warnings(const std::vector<std::string>& sentences) const;
  /// A line about what happens, dropped when quiet.
  void note(std::string_view line) const;
  /// A next step, dropped when quiet.
  void hint(std::string_view line) const;
  /// Bytes as they are, in one write. Errors are ignored.
  void raw(std::string_view bytes) const;

 private:
  Stream stream_;
  Volume volume_;
};

}  // namespace dstack::ui
