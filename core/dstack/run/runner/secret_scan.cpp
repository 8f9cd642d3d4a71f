#include "dstack/run/runner/secret_scan.hpp"

#include "dstack/base/event.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/thread.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/matches.hpp"
#include "dstack/files/parallel.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/job/secret_findings.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <stop_token>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

namespace {

// What is read at once stays in the cache of a core until it has been scanned.
constexpr std::size_t read_at_once = 256 * 1024;
// A larger file is cut into parts, for all cores.
constexpr std::uint64_t largest_part = 64 << 20;
// Larger parts are handed out one by one, smaller ones many at once.
constexpr std::uint64_t large_part = 1 << 20;
constexpr std::size_t small_parts_at_once = 64;
constexpr std::size_t most_named_unread = 3;

/// A file, or a part of a large one. An entry without content has one part without bytes.
struct Part {
  std::size_t entry = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  bool is_large() const { return end - begin > large_part; }
};

/// Something in an artifact.
struct Entry {
  std::string path;   ///< where it really is, below the workspace
  std::string shown;  ///< the same with the artifact's path instead of where a link leads
  files::FileState state;
};

bool has_content(const Entry& entry) {
  return entry.state.type == files::EntryType::file ||
         entry.state.type == files::EntryType::executable;
}

/// Adjacent parts overlap by `shared` bytes, so that no secret is missed between two.
std::vector<Part> parts_of(const std::vector<Entry>& entries, std::size_t shared) {
  std::vector<Part> parts;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::uint64_t size = has_content(entries[i]) ? entries[i].state.size : 0;
    std::uint64_t begin = 0;
    do {
      parts.push_back({i, begin, std::min(size, begin + largest_part + shared)});
      begin += largest_part;
    } while (begin < size);
  }
  return parts;
}

/// The files of one artifact in which something was found, by their number. Any thread may add.
class Findings {
 public:
  void add(std::size_t entry, const std::vector<std::size_t>& values) {
    if (values.empty())
      return;
    const std::lock_guard guard(mutex_);
    found_.insert(entry);
    std::set<std::size_t>& of_entry = first_[entry];
    of_entry.insert(values.begin(), values.end());
    if (first_.size() > job::most_files_with_secrets)
      first_.erase(std::prev(first_.end()));
  }

  std::size_t count() const { return found_.size(); }

  const std::map<std::size_t, std::set<std::size_t>>& first() const { return first_; }

 private:
  std::mutex mutex_;
  std::set<std::size_t> found_;
  std::map<std::size_t, std::set<std::size_t>> first_;  ///< values of the first of them
};

/// The scan of one artifact.
class ArtifactSearch {
 public:
  ArtifactSearch(const SecretScan& search, std::stop_token stop)
      : search_(search), stop_(std::move(stop)) {}

  /// Finds nothing in an artifact that cannot be saved either: it was not made, or is outside.
  Result<void> run(const std::string& artifact) {
    const auto matches = files::find_matches(search_.workspace, artifact);
    return matches ? run(*matches) : Result<void>();
  }

  Result<void> run(const std::vector<files::Match>& matches) {
    DSTACK_TRY(root_, open_file(search_.workspace.string(), O_RDONLY | O_DIRECTORY));
    for (const files::Match& match : matches)
      DSTACK_CHECK(list_entries(match));
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return a.shown < b.shown;
    });
    const std::size_t longest = search_.needles.longest();
    std::vector<Part> parts = parts_of(entries_, longest - 1);
    const auto small = std::stable_partition(
        parts.begin(), parts.end(), [](const Part& part) { return part.is_large(); });
    DSTACK_CHECK(look_into({parts.begin(), small}, 1));
    return look_into({small, parts.end()}, small_parts_at_once);
  }

  job::SecretFindings findings() const {
    job::SecretFindings findings;
    findings.count = findings_.count();
    for (const auto& [entry, values] : findings_.first()) {
      const std::string& path = entries_[entry].shown;
      job::FileWithSecrets file{search_.needles.masked(path), {}};
      if (file.path != path && entries_[entry].state.type != files::EntryType::folder)
        file.number = files_before(entry);
      for (const std::size_t value : values)
        if (file.secrets.size() < job::most_secrets_of_file)
          file.secrets.push_back(search_.names[value]);
      std::sort(file.secrets.begin(), file.secrets.end());
      findings.files.push_back(std::move(file));
    }
    return findings;
  }

  std::uint64_t files_before(std::size_t entry) const {
    const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(entry);
    return static_cast<std::uint64_t>(std::count_if(entries_.begin(), end, [](const auto& other) {
      return other.state.type != files::EntryType::folder;
    }));
  }

  std::vector<std::string> take_unread() {
    std::sort(unread_.begin(), unread_.end());
    return std::move(unread_);
  }

 private:
  Result<void> list_entries(const files::Match& match) {
    struct stat status;
    const Fd at(
        files::open_beneath(root_.get(), match.inside.empty() ? "." : match.inside, O_PATH));
    if (!at || ::fstat(at.get(), &status) != 0)
      return {};
    const auto state = files::file_state(status);
    if (!state)
      return {};
    if (state->type == files::EntryType::folder) {
      DSTACK_TRY(files::Walk walk, files::walk_folder(root_.get(), match.inside));
      for (files::FoundFile& found : walk.entries) {
        std::string shown = match.path + found.path.substr(match.inside.size());
        entries_.push_back({std::move(found.path), std::move(shown), found.state});
      }
    }
    if (!match.inside.empty())
      entries_.push_back({match.inside, match.path, *state});
    return {};
  }

  Result<void> look_into(std::span<const Part> parts, std::size_t parts_at_once) {
    return files::in_parallel(
        parts.size(), parts_at_once, [&](std::size_t first, std::size_t last) -> Result<void> {
          for (const Part& part : parts.subspan(first, last - first)) {
            if (stop_.stop_requested())
              return fail_stopped();
            look_into(part);
          }
          return {};
        });
  }

  void look_into(const Part& part) {
    const Entry& entry = entries_[part.entry];
    if (part.begin == 0)
      findings_.add(part.entry, search_.needles.find_values(entry.shown));
    auto looked = Result<void>();
    if (entry.state.type == files::EntryType::link)
      looked = look_at_link(part.entry);
    else if (part.begin < part.end)
      looked = look_into_content(part);
    if (looked)
      return;
    const std::lock_guard guard(mutex_);
    unread_.push_back(looked.error().message);
  }

  Result<void> look_at_link(std::size_t entry) {
    const Fd link(files::open_beneath(root_.get(), entries_[entry].path, O_PATH));
    char target[PATH_MAX];
    const ssize_t size = link ? ::readlinkat(link.get(), "", target, sizeof target) : -1;
    if (size < 0)
      return unless_missing(entry);
    findings_.add(entry, search_.needles.find_values({target, static_cast<std::size_t>(size)}));
    return {};
  }

  Result<void> look_into_content(const Part& part) {
    const Fd file(
        files::open_beneath(root_.get(), entries_[part.entry].path, O_RDONLY | O_NONBLOCK));
    if (!file)
      return unless_missing(part.entry);
    if (part.end - part.begin <= read_at_once)
      return look_into_data(file.get(), part);  // reading is faster than asking for holes
    for (std::uint64_t at = part.begin; at < part.end;) {
      const off_t data = ::lseek(file.get(), static_cast<off_t>(at), SEEK_DATA);
      if (data < 0 && errno == ENXIO)
        return {};  // nothing but a hole up to the end
      const std::uint64_t begin = data < 0 ? at : static_cast<std::uint64_t>(data);
      const off_t hole = ::lseek(file.get(), static_cast<off_t>(begin), SEEK_HOLE);
      const std::uint64_t end =
          hole < 0 ? part.end : std::min(part.end, static_cast<std::uint64_t>(hole));
      DSTACK_CHECK(look_into_data(file.get(), {part.entry, begin, end}));
      at = end;
    }
    return {};
  }

  /// No secret has the zeros of a hole in it, so nothing is kept from one stretch to the next.
  Result<void> look_into_data(int file, const Part& part) {
    thread_local std::string buffer;
    const std::size_t overlap = search_.needles.longest() - 1;
    const std::size_t most = std::max(read_at_once, overlap);
    buffer.resize(overlap + most);
    std::size_t kept = 0;
    for (std::uint64_t at = part.begin; at < part.end && !stop_.stop_requested();) {
      const ssize_t count = ::pread(file,
                                    buffer.data() + kept,
                                    std::min<std::uint64_t>(most, part.end - at),
                                    static_cast<off_t>(at));
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return unless_missing(part.entry);
      if (count == 0)
        return {};
      const std::string_view text(buffer.data(), kept + static_cast<std::size_t>(count));
      findings_.add(part.entry, search_.needles.find_values(text));
      at += static_cast<std::uint64_t>(count);
      kept = std::min(overlap, text.size());
      std::memmove(buffer.data(), text.data() + text.size() - kept, kept);
    }
    return {};
  }

  /// The error in errno, of a file that could not be read; a file that is gone is not saved either.
  Result<void> unless_missing(std::size_t entry) const {
    if (files::is_missing(errno))
      return {};
    const int reason = errno;
    return fail_errno_of(reason, "{}", "'" + entries_[entry].shown + "'");
  }

  const SecretScan& search_;
  std::stop_token stop_;
  Fd root_;                     ///< the workspace
  std::vector<Entry> entries_;  ///< sorted by the path that is shown
  Findings findings_;
  std::mutex mutex_;
  std::vector<std::string> unread_;
};

std::string describe_unread(const std::vector<std::string>& reasons) {
  std::vector<std::string> named(
      reasons.begin(),
      reasons.begin() + static_cast<std::ptrdiff_t>(std::min(reasons.size(), most_named_unread)));
  if (reasons.size() > named.size())
    named.push_back(fmt::format("and {} more", reasons.size() - named.size()));
  return fmt::format("not scanned for secrets, because unreadable: {}", join(named, ", "));
}

void scan_changes(const SecretScan& search, const std::stop_token& stop, SecretScanResult& found) {
  if (search.changes.empty())
    return;
  std::vector<files::Match> matches;
  for (const std::string& path : search.changes)
    matches.push_back({path, path});
  ArtifactSearch all(search, stop);
  if (const auto searched = all.run(matches); !searched)
    found.warnings.push_back(
        fmt::format("what it changed beside its artifacts was not scanned for secrets: {}",
                    render(searched.error())));
  if (const auto unread = all.take_unread(); !unread.empty())
    found.warnings.push_back(describe_unread(unread));
  found.changes = all.findings();
}

SecretScanResult scan_all(const SecretScan& search, const std::stop_token& stop) {
  SecretScanResult found;
  for (const std::string& artifact : search.artifacts) {
    ArtifactSearch one(search, stop);
    if (const auto searched = one.run(artifact); !searched)
      found.warnings.push_back(fmt::format("the artifact '{}' could not be scanned for secrets: {}",
                                           artifact,
                                           render(searched.error())));
    if (const auto unread = one.take_unread(); !unread.empty())
      found.warnings.push_back(describe_unread(unread));
    if (job::SecretFindings findings = one.findings(); findings.count > 0)
      found.artifacts.push_back({artifact, std::move(findings)});
  }
  scan_changes(search, stop, found);
  return found;
}

/// True when it is to end before `over` is readable.
bool is_interrupted(const Event& over, const Interruption& interruption) {
  std::array<pollfd, 2> polled = {pollfd{over.fd(), POLLIN, 0}, pollfd{interruption.fd, POLLIN, 0}};
  while (polled[0].revents == 0) {
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR)
      return false;
    if (polled[1].revents != 0 && interruption.is_asked())
      return true;
  }
  return false;
}

}  // namespace

std::optional<SecretScanResult> scan_for_secrets(const SecretScan& search,
                                                 const Interruption& interruption) {
  if (search.needles.empty())
    return SecretScanResult();
  SecretScanResult found;
  const auto over = Event::make();
  if (!over)
    return scan_all(search, {});
  auto thread = start_thread([&](const std::stop_token& stop) {
    found = scan_all(search, stop);
    over->set();
  });
  if (!thread)
    return scan_all(search, {});
  if (is_interrupted(*over, interruption)) {
    thread->request_stop();
    return std::nullopt;
  }
  thread->join();
  return found;
}

}  // namespace dstack::run
