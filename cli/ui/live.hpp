// A block of lines at the bottom of the terminal that is redrawn while other output scrolls above
// it. Does nothing where the cursor cannot be moved.
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
  /// Removes the block; the cursor is then where it began.
  void clear();

  /// Something else wrote to the terminal: the block is not erased any more.
  void forget() { drawn_.clear(); }

 private:
  std::string erasure() const;

  Stream stream_;
  std::vector<std::size_t> drawn_;  ///< the width of each line on the screen
};

}  // namespace dstack::ui
