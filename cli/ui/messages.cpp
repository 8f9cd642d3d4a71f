#include "ui/messages.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"
#include "ui/diagnostics.hpp"

namespace dstack::ui {

namespace {

Coloured colour_of(const Stream& stream) {
  return stream.colour ? Coloured::yes : Coloured::no;
}

/// Whatever the renderer ends with, a message ends with one newline.
std::string ended(std::string text) {
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text + "\n";
}

}  // namespace

void Messages::error(const Error& error) const {
  raw(ended(render_diagnostics(error, colour_of(stream_))));
}

void Messages::warning(const Error& error) const {
  if (!quiet())
    raw(ended(render_diagnostics(error, colour_of(stream_), Severity::warning)));
}

void Messages::warning(std::string_view sentence) const {
  if (!quiet())
    raw(fmt::format("{} {}\n", paint(stream_, Colour::yellow, "warning:"), printable(sentence)));
}

void Messages::warnings(const std::vector<std::string>& sentences) const {
  for (const std::string& sentence : sentences)
    warning(sentence);
}

void Messages::note(std::string_view line) const {
  if (!quiet())
    raw(std::string(line) + "\n");
}

void Messages::hint(std::string_view line) const {
  if (!quiet())
    raw(fmt::format("{} {}\n", paint(stream_, Colour::cyan, "hint:"), line));
}

void Messages::raw(std::string_view bytes) const {
  if (!write_all(stream_.fd, bytes))
    return;
}

}  // namespace dstack::ui
