#include "ui/messages.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/diagnostics.hpp"

namespace dstack::ui {

namespace {

config::Colour colour_of(const Stream& stream) {
  return stream.colour ? config::Colour::yes : config::Colour::no;
}

/// Whatever the renderer ends with, a message ends with one newline.
std::string ended(std::string text) {
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text + "\n";
}

}  // namespace

void Messages::error(const Error& error) const {
  raw(ended(config::render_diagnostics(error, colour_of(stream_))));
}

void Messages::warning(const Error& error) const {
  if (!quiet())
    raw(ended(config::render_diagnostics(error, colour_of(stream_), config::Severity::warning)));
}

void Messages::warning(std::string_view sentence) const {
  if (!quiet())
    raw(paint(stream_, Colour::yellow, "warning:") + " " + printable(sentence) + "\n");
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
    raw(paint(stream_, Colour::cyan, "hint:") + " " + std::string(line) + "\n");
}

void Messages::raw(std::string_view bytes) const {
  if (!write_all(stream_.fd, bytes))
    return;
}

}  // namespace dstack::ui
