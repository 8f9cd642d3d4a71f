// The arguments of a `dstack run` as a text that errors can point into.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/plan/make.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace dstack::plan {

/// The line is made from the arguments, each quoted where a shell needs it, so it is what could
/// have been typed.
class CommandLine {
 public:
  explicit CommandLine(const Request& request);

  SourceLocation target() const { return target_; }

  /// One of Request::target_arguments, from its byte `offset` on.
  SourceLocation target_argument(std::size_t index, std::size_t offset = 0) const;
  /// One of Request::sweeps: its value.
  SourceLocation sweep(std::size_t index) const;
  /// One of Request::arguments.
  SourceLocation argument(std::size_t index) const;

 private:
  struct Piece {
    std::size_t begin = 0;  ///< offset in the line
    std::size_t size = 0;
    bool quoted = false;  ///< then offsets within it mean nothing
  };

  SourceLocation locate(const Piece& piece, std::size_t offset) const;

  std::shared_ptr<const SourceText> source_;
  std::vector<Piece> target_arguments_;
  std::vector<Piece> sweeps_;
  std::vector<Piece> arguments_;
  SourceLocation target_;
};

}  // namespace dstack::plan
