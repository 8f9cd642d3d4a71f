// The output of one job as lines, for places where lines of several jobs stand below each other.
// What a progress bar overwrites (by a carriage return, by erasing, by moving up) is one line in
// many states, of which the newest can be taken at any time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::ui {

/// What is visible of a line after its carriage returns and erasing sequences.
std::string newest_state(std::string_view line);

/// For one thread.
class JobLines {
 public:
  /// Of a bar: its newest state, or every byte of it.
  enum class Bars { newest, whole };
  /// `offset`: where in the job's output the line, or this state of it, begins.
  using Write = std::function<void(std::string_view line, std::uint64_t offset)>;

  JobLines(Bars bars, Write write) : bars_(bars), write_(std::move(write)) {}

  /// Writes the lines that have ended, up to 64 KiB; a longer one is split there. Of a bar only its
  /// newest state is written.
  void take(std::string_view bytes, std::uint64_t offset);
  /// Something was overwritten, and may have a newer state than what was written of it.
  bool has_states() const;
  /// Writes the newest state of what was overwritten since the last call.
  void write_states();
  /// Something was not written yet.
  bool has_rest() const;
  /// Writes what was not written, at the end of the output.
  void finish();
  /// What the unfinished line shows now, as plain text; empty if there is none, or if it has
  /// control sequences and is no bar.
  std::string progress() const;

 private:
  struct Row {
    std::string text = {};
    std::uint64_t offset = 0;               ///< of the text's first byte,
    std::uint64_t latest = 0;               ///< and of what was added last
    std::optional<std::string> shown = {};  ///< what was last written of it
    bool overwritten = false;               ///< perhaps: it has control characters
  };

  bool is_block() const { return rows_.size() > 1; }

  /// Without a line feed.
  void add(std::string_view text, std::uint64_t offset);
  void append(std::string_view text, std::uint64_t offset);
  void make_room(Row& row);
  void move(std::string_view sequence);
  void move_up(std::size_t count);
  void move_down();
  void end_row();
  void write_state(Row& row);
  void write_ended(const Row& row);

  Bars bars_;
  Write write_;
  std::vector<Row> rows_ = {Row{}};  ///< several as long as a bar of several lines is redrawn
  std::size_t cursor_ = 0;
  std::string held_;  ///< the beginning of a control sequence
};

}  // namespace dstack::ui
