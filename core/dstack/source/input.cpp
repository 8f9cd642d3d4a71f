#include "dstack/source/input.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/source/index.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::source {

namespace {

using files::EntryType;
using files::FoundFile;

/// Of a linked folder: counting more would delay each run for a number that few people want.
constexpr std::uint64_t most_counted = 200'000;

/// Without links on the way: the real file or folder.
Result<Path> find_real(const Path& path) {
  boost::system::error_code error;
  Path real = fs::canonical(path, error);
  if (!error)
    return real;
  const bool is_link = fs::symlink_status(path, error).type() == fs::symlink_file;
  if (is_link)
    return fail(ErrorCode::not_found,
                "'{}' is a link to '{}', which is not there",
                path.string(),
                fs::read_symlink(path, error).string());
  struct stat status;
  if (::stat(path.c_str(), &status) != 0 && errno != ENOENT && errno != ENOTDIR)
    return fail_errno("cannot reach '{}'", path.string());
  return fail(ErrorCode::not_found, "there is no '{}'", path.string());
}

/// Below `folder`, an open one; all of it, or the first files.
Result<files::Walk> walk(int folder, InputUse use) {
  std::uint64_t count = 0;
  return files::walk_folder(folder, "", [&](const std::string&, EntryType) {
    return use == InputUse::copy || ++count <= most_counted;
  });
}

InputFacts facts_of(const std::vector<FoundFile>& entries) {
  InputFacts facts;
  for (const FoundFile& entry : entries) {
    facts.modified = std::max(facts.modified, entry.state.modified);
    if (entry.state.type == EntryType::folder)
      continue;
    ++facts.files;
    facts.size += entry.state.size;
  }
  return facts;
}

/// Whoever may read everything need not be asked for each file.
Result<void> check_readable(int folder, const std::vector<FoundFile>& entries) {
  if (::geteuid() == 0)
    return {};
  for (const FoundFile& entry : entries)
    if ((entry.state.type == EntryType::file || entry.state.type == EntryType::executable) &&
        ::faccessat(folder, entry.path.c_str(), R_OK, AT_EACCESS) != 0 && errno != ENOENT)
      return fail_errno("cannot read '{}'", entry.path);
  return {};
}

/// A file or folder to be captured, opened.
struct Opened {
  Path real;
  Path root;  ///< the folder that paths of the entries are below
  Fd folder;  ///< the same, open
  files::FileState state;

  bool is_folder() const { return state.type == EntryType::folder; }
};

Result<Opened> open_input(const Path& path) {
  Opened opened;
  DSTACK_TRY(opened.real, find_real(path));
  struct stat status;
  if (::stat(opened.real.c_str(), &status) != 0)
    return fail_errno("cannot inspect '{}'", path.string());
  const auto state = files::file_state(status);
  if (!state)
    return fail(ErrorCode::unavailable, "'{}' is neither a file nor a folder", path.string());
  opened.state = *state;
  opened.root = opened.is_folder() ? opened.real : opened.real.parent_path();
  opened.folder = Fd(::open(opened.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.folder)
    return fail_errno("cannot read the folder '{}'", opened.root.string());
  return opened;
}

/// Links that would lead elsewhere, or nowhere, from the workspace.
bool leads_out(int root, const FoundFile& entry) {
  std::string target(4096, '\0');
  const ssize_t size = ::readlinkat(root, entry.path.c_str(), target.data(), target.size());
  if (size <= 0)
    return false;
  target.resize(static_cast<std::size_t>(size));
  const std::string folder = Path(entry.path).parent_path().string();
  return target.front() == '/' ||
         !normal_relative_path(folder.empty() ? target : folder + "/" + target);
}

void warn_of_links(const Opened& input,
                   const std::vector<FoundFile>& entries,
                   std::vector<std::string>& warnings) {
  std::vector<std::string> links;
  for (const FoundFile& entry : entries)
    if (entry.state.type == EntryType::link && leads_out(input.folder.get(), entry))
      links.push_back(entry.path);
  if (!links.empty())
    warnings.push_back(fmt::format("{} in the input '{}' {} out of it and {} copied as {}: {}",
                                   plural(links.size(), "link"),
                                   input.real.string(),
                                   links.size() == 1 ? "leads" : "lead",
                                   links.size() == 1 ? "is" : "are",
                                   links.size() == 1 ? "a link" : "links",
                                   quoted_list(links, 3)));
}

Result<std::vector<FoundFile>> list_entries(const Opened& input,
                                            std::vector<std::string>& warnings) {
  if (!input.is_folder())
    return std::vector{FoundFile{.path = input.real.filename().string(), .state = input.state}};
  DSTACK_TRY(files::Walk found, walk(input.folder.get(), InputUse::copy));
  if (!found.special.empty())
    warnings.push_back(
        fmt::format("{} of the input '{}' left out: neither files, folders nor links",
                    quoted_list(found.special, 3),
                    input.real.string()));
  std::sort(found.entries.begin(), found.entries.end(), [](const auto& a, const auto& b) {
    return a.path < b.path;
  });
  warn_of_links(input, found.entries, warnings);
  return std::move(found.entries);
}

void move_to(const std::string& at, const Opened& input, std::vector<FoundFile>& entries) {
  for (FoundFile& entry : entries)
    entry.path = input.is_folder() ? fmt::format("{}/{}", at, entry.path) : at;
  if (input.is_folder())
    entries.push_back({.path = at, .state = input.state});
}

}  // namespace

Result<InputFacts> inspect_input(const Path& path, InputUse use, const files::Home& home) {
  DSTACK_TRY(const Opened input, open_input(path));
  if (use == InputUse::copy && is_below(real_path(home.root).string(), input.real.string()))
    return fail(ErrorCode::unavailable,
                "'{}' contains the folder in which dstack keeps its copies, '{}'",
                path.string(),
                home.root.string())
        .with_hint("name the folders in it that jobs need, or 'link: true'");
  if (!input.is_folder()) {
    if (::faccessat(AT_FDCWD, input.real.c_str(), R_OK, AT_EACCESS) != 0)
      return fail_errno("cannot read '{}'", path.string());
    return InputFacts{false, 1, input.state.size, input.state.modified, false};
  }
  DSTACK_TRY(const files::Walk found, walk(input.folder.get(), use).map_error([&](Error error) {
    error.context.push_back(fmt::format("in '{}'", path.string()));
    return error;
  }));
  if (use == InputUse::copy)
    DSTACK_CHECK(check_readable(input.folder.get(), found.entries).map_error([&](Error error) {
      error.context.push_back(fmt::format("in '{}'", path.string()));
      return error;
    }));
  InputFacts facts = facts_of(found.entries);
  facts.folder = true;
  facts.modified = std::max(facts.modified, input.state.modified);
  facts.incomplete = found.entries.size() >= most_counted && use == InputUse::link;
  return facts;
}

Result<CapturedInput> capture_input(store::ObjectStore& objects,
                                    const Path& path,
                                    const std::string& at,
                                    std::vector<std::string>& warnings) {
  const std::int64_t looked_at = nanoseconds_now();
  DSTACK_TRY(const Opened input, open_input(path));
  DSTACK_TRY(std::vector<FoundFile> entries, list_entries(input, warnings));
  // The index of an input is beside those of projects, and never that of one.
  const Path place = index_path(objects.home().index(), "input:" + input.real.string());
  const Index index = load_index(place);
  const bool is_known = is_stored(index, objects);
  const std::uint64_t generation = objects.generation();
  job::TreeReference own = index.tree;
  std::vector<files::ClosedFolder> closed = files::closed_folders(input.folder.get(), entries);
  const bool is_same = take_known(index, entries) && closed == index.closed_folders;
  if (!is_same || !is_known) {
    DSTACK_TRY(own,
               objects.capture_files(input.root,
                                     entries,
                                     is_known ? store::Known::stored : store::Known::perhaps,
                                     warnings));
    Index next;
    next.tree = own;
    next.files = entries;
    next.closed_folders = std::move(closed);
    next.generation = generation;
    save_index(place, std::move(next), looked_at);
  }
  CapturedInput captured;
  captured.facts = facts_of(entries);
  captured.facts.folder = input.is_folder();
  captured.digest = own.tree;
  if (!input.is_folder()) {
    if (entries.empty() || !entries.front().digest)
      return fail(ErrorCode::not_found, "'{}' has vanished while it was read", path.string());
    captured.digest = *entries.front().digest;
  }
  move_to(at, input, entries);
  DSTACK_TRY(captured.tree,
             objects.capture_files(input.root, entries, store::Known::stored, warnings));
  return captured;
}

}  // namespace dstack::source
