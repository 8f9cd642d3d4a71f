// A folder of the user's that stored files are written to, which may come from anybody
// (files/users_folder.hpp).
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/files/drafts.hpp"
#include "dstack/files/users_folder.hpp"
#include "dstack/store/objects/objects.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::cli {

/// Paths are relative to the folder, and normal. For one thread.
class DownloadFolder {
 public:
  /// What is at the place of a file.
  enum class Found { nothing, same, different, folder };

  /// `folder` may be missing until prepare(); it may be a link itself, for the user has named it.
  /// `home` keeps the record of its drafts.
  static Result<DownloadFolder> open(const Path& folder, const files::Home& home);

  /// Content decides what is the same; times and modes do not, but what is the same gets the x bit
  /// that it lacks, or loses it.
  Result<Found> compare(const store::TreeFile& file, const std::string& path) const;

  /// The first thing on the way to the folder `path`, itself included, that is no folder: a link,
  /// or a file.
  std::optional<std::string> obstacle(const std::string& path) const {
    return root_ ? root_->obstacle(path) : std::nullopt;
  }

  /// Makes the folder itself.
  Result<void> prepare();
  /// Makes the folder `path` and those above it, removing obstacles.
  Result<void> make_folder(const std::string& path, std::uint32_t closed);
  /// Under another name first, so that a part of it is never seen. What is replaced stays as closed
  /// as it was.
  Result<void> write(const store::ObjectStore& objects,
                     const store::TreeFile& file,
                     const std::string& path);
  /// The same of a file that is in no store: `text`.
  Result<void> write(std::string_view text, const store::TreeFile& file, const std::string& path);
  /// Closes the folders that were made, now that all is in them.
  void finish() const;

 private:
  using Fill = std::function<Result<void>(int target)>;

  /// `fill`: writes the content of a file; not called for a link.
  Result<void> put(const store::ObjectStore* objects,
                   const store::TreeFile& file,
                   const std::string& path,
                   const Fill& fill);

  DownloadFolder(Path folder, const files::Home& home)
      : folder_(std::move(folder)), drafts_(home) {}

  /// The open folder that `path` is in.
  Fd open_parent(const std::string& path) const { return root_ ? root_->open_parent(path) : Fd(); }

  std::string shown(const std::string& path) const { return (folder_ / path).string(); }

  Path folder_;
  std::optional<files::UsersFolder> root_;
  files::Drafts drafts_;
  std::vector<std::pair<std::string, std::uint32_t>> to_close_;  ///< what their owner lacks
};

}  // namespace dstack::cli
