// A block of lines at the bottom of the terminal that is drawn again and again, while other output
// scrolls above it. Does nothing where the cursor cannot be moved.
#pragma once

#include "ui/table.hpp"
#include "ui/terminal.hpp"

#include <string>
#include <vector>

namespace dstack::ui {

class LiveBlock {
 public:
  explicit LiveBlock(Stream stream) : stream_(stream) {}

  LiveBlock(const LiveBlock&) = delete;
  LiveBlock& operator=(const LiveBlock&) = delete;

  ~LiveBlock() { clear(); }

  /// A line of the block, made of coloured pieces; cut to the width of the screen.
  using Line = std::vector<Cell>;

  bool works() const { return stream_.live; }

  /// Replaces the block. The cursor must stand at the beginning of a line.
  void draw(const std::vector<Line>& lines);
  /// Takes the block away; the cursor then stands where it began.
  void clear();

  /// Something else wrote over the terminal: what was drawn is part of history now.
  void forget() { drawn_.clear(); }

 private:
  std::string erasure() const;

  Stream stream_;
  std::vector<std::size_t> drawn_;  ///< the width of each line that stands on the screen
};

}  // namespace dstack::ui
