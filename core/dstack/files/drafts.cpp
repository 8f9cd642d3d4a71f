#include "dstack/files/drafts.hpp"

#include "dstack/base/text.hpp"
#include "dstack/files/held_file.hpp"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::files {

namespace {

constexpr std::string_view prefix = ".dstack-";
constexpr std::size_t random_bytes = 6;
constexpr std::size_t digits = 16;  ///< with those of a count

void remove_drafts(const Path& folder, std::string_view begin) {
  boost::system::error_code error;
  for (fs::directory_iterator next(folder, error), end; !error && next != end;
       next.increment(error)) {
    const std::string name = next->path().filename().string();
    if (is_draft(name) && name.starts_with(begin))
      (void)remove_tree(next->path());
  }
}

}  // namespace

bool is_draft(std::string_view name) {
  if (name.size() != prefix.size() + digits || !name.starts_with(prefix))
    return false;
  name.remove_prefix(prefix.size());
  return name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Drafts::Drafts(const Home& home) : begin_(std::string(prefix) + random_hex(random_bytes)) {
  auto held = make_held_file(home.temporary(), drafts_prefix);
  if (!held)
    return;
  file_ = std::move(held->path);
  record_ = std::move(held->file);
  (void)write_all(record_.get(), begin_ + '\0');
}

Drafts::Drafts(Drafts&& other) noexcept
    : begin_(std::move(other.begin_)),
      file_(std::exchange(other.file_, Path())),
      record_(std::move(other.record_)),
      folders_(std::move(other.folders_)) {}

Drafts::~Drafts() {
  if (!file_.empty())
    ::unlink(file_.c_str());
}

std::string Drafts::name_in(const Path& folder) {
  const std::lock_guard guard(mutex_);
  if (record_ && folders_.insert(folder.string()).second)
    (void)write_all(record_.get(), folder.string() + '\0');
  return fmt::format("{}{:04x}", begin_, count_++);
}

void remove_abandoned_drafts(const Path& record) {
  const Fd held = take_abandoned_file(record);
  if (!held)
    return;
  const std::string text = read_all(held.get()).value_or("");
  const auto parts = split(text, '\0');
  if (parts.front().size() == prefix.size() + 2 * random_bytes)
    for (std::size_t i = 1; i + 1 < parts.size(); ++i)
      remove_drafts(std::string(parts[i]), parts.front());
  ::unlink(record.c_str());
}

}  // namespace dstack::files
