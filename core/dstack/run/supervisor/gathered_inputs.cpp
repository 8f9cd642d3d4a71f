#include "dstack/run/supervisor/gathered_inputs.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/path.hpp"
#include "dstack/files/staging_folder.hpp"
#include "dstack/run/protocol/gathered_path.hpp"
#include "dstack/sweep/trials.hpp"

#include <algorithm>
#include <map>

namespace dstack::run {

namespace {

/// Collects what one tree is made of.
class Gathering {
 public:
  explicit Gathering(store::ObjectStore& objects) : objects_(objects) {}

  Result<void> add(const GatheredArtifact& artifact) {
    DSTACK_TRY(const auto files, objects_.list(artifact.tree));
    DSTACK_TRY(const auto folders, objects_.list_folders(artifact.tree));
    std::string place = artifact.path;
    for (const store::TreeFile& file : files) {
      files::FoundFile entry{
          gathered_path(artifact.path, artifact.folder, file.path),
          {.type = file.type, .size = file.size, .modified = file.modified, .closed = file.closed},
          file.digest};
      newest_ = std::max(newest_, file.modified);
      place = gathering_folder(artifact.path, file.path);
      listing_.entries.push_back(std::move(entry));
    }
    for (const store::TreeFolder& folder : folders) {
      if (folder.path == place || !is_below(folder.path, place))
        continue;
      listing_.entries.push_back({gathered_path(artifact.path, artifact.folder, folder.path),
                                  {.type = files::EntryType::folder,
                                   .modified = folder.modified,
                                   .closed = folder.closed}});
      newest_ = std::max(newest_, folder.modified);
    }
    tables_[place].push_back(&artifact);
    return {};
  }

  Result<job::TreeReference> build() {
    DSTACK_TRY(const auto folder, files::StagingFolder::make(objects_.home(), "sweep"));
    for (const auto& [place, artifacts] : tables_)
      DSTACK_CHECK(add_table(folder.path(), place, artifacts));
    auto& entries = listing_.entries;
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      return a.path < b.path;
    });
    std::vector<std::string> warnings;  // about files on disk, of which there is the table alone
    return objects_.capture_listed(folder.path(), listing_, {{"", ""}}, warnings);
  }

 private:
  Result<void> add_table(const Path& folder,
                         const std::string& place,
                         const std::vector<const GatheredArtifact*>& artifacts) {
    std::vector<sweep::TableRow> rows;
    for (const GatheredArtifact* artifact : artifacts)
      if (rows.empty() || rows.back().folder != artifact->folder)
        rows.push_back({artifact->folder, artifact->combination});
    const std::string text = sweep::render_table(rows);
    const std::string path = table_path(place);
    DSTACK_CHECK(make_folders((folder / path).parent_path()));
    DSTACK_CHECK(write_file_atomically(folder / path, text, Durable::no));
    listing_.entries.push_back(
        {path, {.type = files::EntryType::file, .size = text.size(), .modified = newest_}});
    return {};
  }

  store::ObjectStore& objects_;
  files::Listing listing_;
  std::map<std::string, std::vector<const GatheredArtifact*>> tables_;  ///< by folder
  std::int64_t newest_ = 0;
};

}  // namespace

Result<job::TreeReference> gather(store::ObjectStore& objects,
                                  const std::vector<GatheredArtifact>& artifacts) {
  Gathering gathering(objects);
  for (const GatheredArtifact& artifact : artifacts) {
    DSTACK_CHECK(objects.hold(artifact.tree));
    DSTACK_CHECK(gathering.add(artifact));
  }
  return gathering.build();
}

}  // namespace dstack::run
