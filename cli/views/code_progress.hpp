// How much the code of a run is, where that is much, and how far it is on its way into the store.
#pragma once

#include "dstack/base/event.hpp"
#include "dstack/source/snapshot.hpp"
#include "dstack/store/objects/objects.hpp"
#include "ui/messages.hpp"

#include <string>
#include <thread>

namespace dstack::cli {

/// So much that the user should know.
bool is_large(const source::Amount& code);
/// "the code of this run is 12000 files, 1.4 GB".
std::string describe(const source::Amount& code);

/// Says it once, and on a terminal draws the progress in a thread of its own until its end.
class CodeProgress {
 public:
  explicit CodeProgress(const ui::Messages& messages) : messages_(messages) {}

  CodeProgress(const CodeProgress&) = delete;
  CodeProgress& operator=(const CodeProgress&) = delete;
  ~CodeProgress();

  /// To be filled in by what is shown.
  store::Progress& progress() { return progress_; }

  /// Once.
  void begin(const source::Amount& code);

 private:
  void draw(source::Amount code) const;

  const ui::Messages& messages_;
  store::Progress progress_;
  Event over_;
  std::jthread drawing_;
};

}  // namespace dstack::cli
