#include "dstack/python/progress.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::python {

namespace {

constexpr std::size_t widest = 78;  ///< of what is written over itself: a terminal must not wrap it
constexpr std::size_t longest_state = 40;
constexpr std::size_t bar_width = 20;

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * bar_width);
  return fmt::format("[{}{}]", std::string(full, '#'), std::string(bar_width - full, '-'));
}

/// The number at the beginning: 37 of "37 packages in 2s".
std::size_t leading_number(std::string_view text) {
  return parse_number<std::size_t>(text.substr(0, text.find(' '))).value_or(0);
}

/// "Downloading torch (821.1MiB)", "Downloading torch-2.5.1-cp311-….whl (906.4 MB)".
std::string shortened(std::string_view what) {
  const std::size_t size = what.find(" (");
  const std::string_view name = what.substr(0, size);
  const std::string_view file = file_name(name);
  const std::size_t dash = file.ends_with(".whl") ? file.find('-') : std::string_view::npos;
  std::string text(file.substr(0, dash));
  if (size != std::string_view::npos)
    text += what.substr(size);
  return printable(text.substr(0, longest_state));
}

}  // namespace

InstallProgress::InstallProgress(std::string subject, int output_fd)
    : subject_(std::move(subject)), output_fd_(output_fd) {
  show(subject_.substr(0, subject_.size() > widest ? subject_.find(" for ") : subject_.size()));
}

void InstallProgress::take(std::string_view line) {
  line = trim(line);
  const auto rest = [&](std::string_view word) {
    return line.starts_with(word) ? trim(line.substr(word.size())) : std::string_view();
  };
  if (const auto number = rest("Resolved "); !number.empty()) {
    packages_ = leading_number(number);
    say(0.1, fmt::format("{} to install", plural(packages_, "package")));
  } else if (const auto name = rest("Collecting "); !name.empty()) {
    ++packages_;
    say(0.1, fmt::format("resolving {}", shortened(name.substr(0, name.find(' ')))));
  } else if (const auto file = rest("Downloading "); !file.empty()) {
    ++downloads_;
    say(0.1 + 0.6 * static_cast<double>(downloaded_) / static_cast<double>(downloads_),
        fmt::format("downloading {}", shortened(file)));
  } else if (!rest("Downloaded ").empty()) {
    ++downloaded_;
    say(0.1 + 0.6 * static_cast<double>(downloaded_) /
                  static_cast<double>(std::max(downloads_, downloaded_)),
        fmt::format("{} of {} downloaded", downloaded_, std::max(downloads_, downloaded_)));
  } else if (const auto built = rest("Building "); !built.empty()) {
    say(0.6, fmt::format("building {}", shortened(built)));
  } else if (!rest("Prepared ").empty() || !rest("Installing collected packages").empty()) {
    say(0.8, "installing");
  } else if (const auto installed = rest("Installed "); !installed.empty()) {
    packages_ = std::max(packages_, leading_number(installed));
    say(1.0, "installed");
  }
}

void InstallProgress::say(double share, std::string state) {
  constexpr std::chrono::milliseconds pause{500};
  if (Clock::now() - shown_ < pause)
    return;
  show(fmt::format("{} {}", bar(share), state));
}

void InstallProgress::finish(bool succeeded) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun_).count();
  std::string state = stop_is_asked() ? ": stopped" : ": failed";
  if (succeeded && packages_ > 0)
    state = fmt::format(": {}, {} s", plural(packages_, "package"), seconds);
  else if (succeeded)
    state = fmt::format(": done in {} s", seconds);
  show(subject_ + state);
  if (output_fd_ >= 0)
    (void)write_all(output_fd_, "\n");
}

void InstallProgress::show(const std::string& line) {
  const std::size_t width = count_characters(line);
  const std::string padding(width_ > width ? width_ - width : 0, ' ');
  if (output_fd_ >= 0)
    (void)write_all(output_fd_, fmt::format("{}{}{}", has_begun_line_ ? "\r" : "", line, padding));
  has_begun_line_ = true;
  width_ = width;
  shown_ = Clock::now();
}

}  // namespace dstack::python
