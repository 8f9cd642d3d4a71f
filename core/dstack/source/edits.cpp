#include "dstack/source/edits.hpp"

#include "dstack/base/git_name.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/overlay/written.hpp"
#include "dstack/source/code_rules.hpp"
#include "dstack/source/exclusions.hpp"
#include "dstack/source/file_digest.hpp"
#include "dstack/source/ignore.hpp"
#include "dstack/store/objects/tree_lookup.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::source {

namespace {

using files::EntryType;
using store::TreeFile;
using FilesByPath = std::map<std::string, TreeFile, std::less<>>;

// Nobody edits these, and any program makes them again.
constexpr std::string_view made_again = "__pycache__/\n.ipynb_checkpoints/\n.virtual_documents/\n";
/// What a small file takes on a disk: many of them are bounded, too.
constexpr std::uint64_t least_taken = 4096;

/// Which paths are neither of an artifact nor of what is not the job's own.
class Outside {
 public:
  explicit Outside(const EditedFolder& place)
      : place_(place), artifacts_(make_patterns(place.artifacts)) {}

  bool holds(const std::string& path) const {
    return !is_covered(path, artifacts_) &&
           std::none_of(place_.others.begin(), place_.others.end(), [&](const std::string& other) {
             return is_below(path, other);
           });
  }

 private:
  const EditedFolder& place_;
  const std::vector<PathPattern> artifacts_;
};

Result<files::Walk> walk_outside_artifacts(const EditedFolder& place, const Fd& root) {
  const Outside outside(place);
  return files::walk_folder(
      root.get(), "", [&](const std::string& path, EntryType) { return outside.holds(path); });
}

/// A folder may have been copied for what is in it alone.
bool is_written_to(const EditedFolder& place) {
  const auto written = overlay::read_written(place.folder);
  if (!written)
    return true;
  const Outside outside(place);
  const auto holds = [&](const std::string& path) { return outside.holds(path); };
  return std::any_of(written->files.begin(), written->files.end(), holds) ||
         std::any_of(written->removed.begin(), written->removed.end(), holds) ||
         std::any_of(written->opaque.begin(), written->opaque.end(), holds);
}

FilesByPath by_path(const std::vector<TreeFile>& list) {
  FilesByPath files;
  for (const TreeFile& file : list)
    files.emplace_hint(files.end(), file.path, file);
  return files;
}

bool looks_the_same(const files::FileState& state, const TreeFile& file) {
  return state.type == file.type && state.size == file.size && state.modified == file.modified;
}

class EditFinder {
 public:
  EditFinder(const EditedFolder& place, const store::ObjectStore& objects)
      : place_(place), objects_(objects), inputs_(objects, place.inputs) {}

  Result<FoundEdits> find(std::uint64_t limit) {
    DSTACK_TRY(const auto code, objects_.list(place_.code));
    code_ = by_path(code);
    IgnoreRules rules;
    rules.add("", made_again);
    DSTACK_CHECK(add_rules_of(code, {ignore_file}, objects_, rules));
    DSTACK_TRY(root_, open_file(place_.folder.string(), O_RDONLY | O_DIRECTORY));
    FoundEdits found;
    files::Walk walk;
    if (place_.is_layered) {
      DSTACK_TRY(auto written, overlay::read_written(place_.folder));
      DSTACK_TRY(found.removed, removed_in_layers(written));
      walk = std::move(written.walk);
      const Outside outside(place_);
      std::erase_if(walk.entries,
                    [&](const files::FoundFile& entry) { return !outside.holds(entry.path); });
    } else {
      DSTACK_TRY(walk, walk_outside_artifacts(place_, root_));
      DSTACK_TRY(found.removed, removed_among(walk));
    }
    DSTACK_TRY(found.files, candidates_of(walk, rules));
    std::erase_if(found.files, [&](const files::FoundFile& file) { return is_unchanged(file); });
    drop_beyond(limit, found);
    return found;
  }

 private:
  /// Environments and caches that the job made, such as that of a linter, are no edits.
  static std::vector<std::string> marked_folders(const files::Walk& walk) {
    std::vector<std::string> folders;
    for (const files::FoundFile& entry : walk.entries)
      if (is_folder_marker(file_name(entry.path)) && !folder_of(entry.path).empty())
        folders.emplace_back(folder_of(entry.path));
    return folders;
  }

  Result<std::vector<files::FoundFile>> candidates_of(const files::Walk& walk, IgnoreRules& rules) {
    const auto marked = marked_folders(walk);
    std::vector<files::FoundFile> candidates;
    for (const files::FoundFile& entry : walk.entries) {
      if (entry.state.type == EntryType::folder)
        continue;
      const auto known = code_.find(entry.path);
      if (known != code_.end() && looks_the_same(entry.state, known->second))
        continue;
      if (!git_part(entry.path).empty() || (known == code_.end() && rules.ignores(entry.path)))
        continue;
      DSTACK_TRY(const bool is_input, inputs_.has_file(entry.path));
      if (is_input)
        continue;
      if (known == code_.end() &&
          std::any_of(marked.begin(), marked.end(), [&](const std::string& folder) {
            return is_below(entry.path, folder);
          }))
        continue;
      candidates.push_back({entry.path, entry.state, {}});
    }
    return candidates;
  }

  Result<std::vector<std::string>> removed_among(const files::Walk& walk) {
    std::set<std::string_view> there;
    for (const files::FoundFile& entry : walk.entries)
      if (entry.state.type != EntryType::folder)
        there.insert(entry.path);
    return code_without([&](const std::string& path) { return there.count(path) > 0; });
  }

  Result<std::vector<std::string>> removed_in_layers(const overlay::Written& written) {
    return code_without([&](const std::string& path) {
      return !written.hides(path) || written.files.count(path) > 0;
    });
  }

  /// Paths of the code that are not there any more, and not because something else is.
  template <typename IsThere>
  Result<std::vector<std::string>> code_without(const IsThere& is_there) {
    const std::vector<PathPattern> artifacts = make_patterns(place_.artifacts);
    std::vector<std::string> removed;
    for (const auto& [path, file] : code_) {
      if (is_there(path) || is_covered(path, artifacts))
        continue;
      DSTACK_TRY(const bool is_input, inputs_.has_file(path));
      if (!is_input)
        removed.push_back(path);
    }
    return removed;
  }

  /// A file that was only touched, or written with what it held before, is not an edit.
  bool is_unchanged(const files::FoundFile& file) const {
    const auto known = code_.find(file.path);
    if (known == code_.end() || known->second.type != file.state.type ||
        known->second.size != file.state.size)
      return false;
    const auto digest = digest_of(root_.get(), file.path, file.state.type);
    return digest && *digest == known->second.digest;
  }

  void drop_beyond(std::uint64_t limit, FoundEdits& found) const {
    std::vector<files::FoundFile>& files = found.files;
    const auto order = [&](const files::FoundFile& file) {
      return std::tuple(code_.count(file.path) == 0, file.state.size, std::string_view(file.path));
    };
    std::sort(files.begin(), files.end(), [&](const auto& a, const auto& b) {
      return order(a) < order(b);
    });
    std::vector<files::FoundFile> kept;
    std::uint64_t left = limit;
    for (files::FoundFile& file : files) {
      const std::uint64_t taken = std::max(file.state.size, least_taken);
      const bool fits = taken <= left;
      left -= fits ? taken : 0;
      (fits ? kept : found.dropped).push_back(std::move(file));
    }
    files = std::move(kept);
    std::sort(
        files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    std::stable_sort(found.dropped.begin(), found.dropped.end(), [](const auto& a, const auto& b) {
      return a.state.size > b.state.size;
    });
  }

  const EditedFolder& place_;
  const store::ObjectStore& objects_;
  Fd root_;
  FilesByPath code_;
  store::TreeLookup inputs_;
};

}  // namespace

bool is_touched(const EditedFolder& place, std::int64_t since) {
  if (place.is_layered)
    return is_written_to(place);
  const auto root = open_file(place.folder.string(), O_RDONLY | O_DIRECTORY);
  if (!root)
    return true;
  struct stat status;
  if (::fstat(root->get(), &status) != 0)
    return true;
  const auto itself = files::file_state(status);
  const auto walk = walk_outside_artifacts(place, *root);
  return !walk || !itself || itself->modified >= since ||
         std::any_of(walk->entries.begin(), walk->entries.end(), [&](const auto& entry) {
           return entry.state.modified >= since || entry.state.changed > since;
         });
}

Result<FoundEdits> find_edits(const EditedFolder& place,
                              const store::ObjectStore& objects,
                              std::uint64_t limit) {
  return EditFinder(place, objects).find(limit);
}

Result<job::Edits> keep_edits(const EditedFolder& place,
                              FoundEdits found,
                              store::ObjectStore& kept,
                              std::vector<std::string>& warnings) {
  job::Edits edits;
  DSTACK_TRY(edits.files,
             kept.capture_files(place.folder, found.files, store::Known::perhaps, warnings));
  edits.removed = std::move(found.removed);
  return edits;
}

Result<std::vector<EditedPath>> list_edits(const EditedCode& edited) {
  DSTACK_TRY(const auto code, edited.objects.list(edited.code));
  DSTACK_TRY(const auto after, edited.kept.list(edited.edits.files));
  const FilesByPath before = by_path(code);
  std::vector<EditedPath> paths;
  for (const TreeFile& file : after)
    paths.push_back(
        {before.count(file.path) > 0 ? EditedPath::Kind::changed : EditedPath::Kind::added,
         file.path,
         file.size});
  for (const std::string& path : edited.edits.removed)
    paths.push_back({EditedPath::Kind::removed, path});
  std::sort(paths.begin(), paths.end(), [](const EditedPath& a, const EditedPath& b) {
    return a.path < b.path;
  });
  return paths;
}

}  // namespace dstack::source
