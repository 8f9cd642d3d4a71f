#include "dstack/source/edits.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/walk.hpp"
#include "dstack/source/exclusions.hpp"
#include "dstack/source/ignore.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::source {

namespace {

using files::EntryType;
using store::TreeFile;
using FilesByPath = std::map<std::string, TreeFile, std::less<>>;

// Beside the project's own rules: users do not edit these.
constexpr std::string_view caches = "__pycache__/\n.ipynb_checkpoints/\n.virtual_documents/\n";

Result<files::Walk> walk_outside_artifacts(const EditedFolder& place, const Fd& root) {
  const std::vector<PathPattern> artifacts = make_patterns(place.artifacts);
  return files::walk_folder(root.get(), "", [&](const std::string& path, EntryType) {
    return !is_covered(path, artifacts) &&
           std::none_of(place.others.begin(), place.others.end(), [&](const std::string& other) {
             return is_below(path, other);
           });
  });
}

Result<FilesByPath> files_of(const job::TreeReference& tree, const store::ObjectStore& objects) {
  DSTACK_TRY(auto list, objects.list(tree));
  FilesByPath files;
  for (TreeFile& file : list)
    files.emplace_hint(files.end(), file.path, std::move(file));
  return files;
}

/// The rules as the code has them: not as the job may have left them.
Result<IgnoreRules> rules_of(const FilesByPath& code, const store::ObjectStore& objects) {
  IgnoreRules rules;
  rules.add("", caches);
  for (const std::string_view name : {".gitignore", ".dstackignore"})
    for (const auto& [path, file] : code) {
      if (file_name(path) != name || file.type == EntryType::link)
        continue;
      DSTACK_TRY(const std::string text, objects.read_blob(file.digest));
      rules.add(std::string(folder_of(path)), text);
    }
  return rules;
}

bool looks_the_same(const files::FileState& state, const TreeFile& file) {
  return state.type == file.type && state.size == file.size && state.modified == file.modified;
}

class EditFinder {
 public:
  EditFinder(const EditedFolder& place, store::ObjectStore& objects)
      : place_(place), objects_(objects) {}

  Result<std::optional<job::Edits>> find(std::vector<std::string>& warnings) {
    DSTACK_TRY(code_, files_of(place_.code, objects_));
    for (const job::TreeReference& input : place_.inputs) {
      DSTACK_TRY(const auto files, objects_.list(input));
      for (const TreeFile& file : files)
        inputs_.insert(file.path);
    }
    DSTACK_TRY(auto rules, rules_of(code_, objects_));
    DSTACK_TRY(const Fd root, open_file(place_.folder.string(), O_RDONLY | O_DIRECTORY));
    DSTACK_TRY(const auto walk, walk_outside_artifacts(place_, root));
    auto candidates = candidates_of(walk, rules);
    job::Edits edits;
    edits.removed = removed_among(walk);
    DSTACK_CHECK(drop_unchanged(candidates, warnings));
    if (candidates.empty() && edits.removed.empty())
      return std::optional<job::Edits>();
    DSTACK_TRY(edits.files,
               objects_.capture_files(place_.folder, candidates, store::Known::perhaps, warnings));
    return std::optional(std::move(edits));
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

  std::vector<files::FoundFile> candidates_of(const files::Walk& walk, IgnoreRules& rules) {
    const auto marked = marked_folders(walk);
    std::vector<files::FoundFile> candidates;
    for (const files::FoundFile& entry : walk.entries) {
      if (entry.state.type == EntryType::folder)
        continue;
      const auto known = code_.find(entry.path);
      if (known != code_.end() && looks_the_same(entry.state, known->second))
        continue;
      if (inputs_.count(entry.path) > 0 || (known == code_.end() && rules.ignores(entry.path)))
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

  std::vector<std::string> removed_among(const files::Walk& walk) const {
    std::set<std::string_view> there;
    for (const files::FoundFile& entry : walk.entries)
      if (entry.state.type != EntryType::folder)
        there.insert(entry.path);
    const std::vector<PathPattern> artifacts = make_patterns(place_.artifacts);
    std::vector<std::string> removed;
    for (const auto& [path, file] : code_)
      if (there.count(path) == 0 && inputs_.count(path) == 0 && !is_covered(path, artifacts))
        removed.push_back(path);
    return removed;
  }

  /// A file that was only touched, or written with what it held before, is not an edit.
  Result<void> drop_unchanged(std::vector<files::FoundFile>& candidates,
                              std::vector<std::string>& warnings) {
    if (candidates.empty())
      return {};
    DSTACK_CHECK(
        objects_.capture_files(place_.folder, candidates, store::Known::perhaps, warnings));
    std::erase_if(candidates, [&](const files::FoundFile& file) {
      const auto known = code_.find(file.path);
      return known != code_.end() && known->second.type == file.state.type &&
             known->second.digest == file.digest;
    });
    return {};
  }

  const EditedFolder& place_;
  store::ObjectStore& objects_;
  FilesByPath code_;
  std::set<std::string, std::less<>> inputs_;
};

}  // namespace

bool is_touched(const EditedFolder& place, std::int64_t since) {
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

Result<std::optional<job::Edits>> find_edits(const EditedFolder& place,
                                             store::ObjectStore& objects,
                                             std::vector<std::string>& warnings) {
  return EditFinder(place, objects).find(warnings);
}

Result<std::vector<EditedPath>> list_edits(const job::TreeReference& code,
                                           const job::Edits& edits,
                                           const store::ObjectStore& objects) {
  DSTACK_TRY(const auto before, files_of(code, objects));
  DSTACK_TRY(const auto after, objects.list(edits.files));
  std::vector<EditedPath> paths;
  for (const TreeFile& file : after)
    paths.push_back(
        {before.count(file.path) > 0 ? EditedPath::Kind::changed : EditedPath::Kind::added,
         file.path});
  for (const std::string& path : edits.removed)
    paths.push_back({EditedPath::Kind::removed, path});
  std::sort(paths.begin(), paths.end(), [](const EditedPath& a, const EditedPath& b) {
    return a.path < b.path;
  });
  return paths;
}

}  // namespace dstack::source
