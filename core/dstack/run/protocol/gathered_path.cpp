#include "dstack/run/protocol/gathered_path.hpp"

#include "dstack/base/format.hpp"
#include "dstack/base/path.hpp"

namespace dstack::run {

namespace {

std::string below(const std::string& folder, const std::string& path) {
  return folder.empty() ? path : fmt::format("{}/{}", folder, path);
}

}  // namespace

std::string gathering_folder(const std::string& artifact, const std::string& file) {
  if (file != artifact && is_below(file, artifact))
    return artifact;
  std::string folder = artifact;
  do {
    const std::size_t slash = folder.rfind('/');
    folder = slash == std::string::npos ? std::string() : folder.substr(0, slash);
  } while (!folder.empty() && !is_below(file, folder));
  return folder;
}

std::string gathered_path(const std::string& artifact,
                          const std::string& folder,
                          const std::string& file) {
  const std::string place = gathering_folder(artifact, file);
  const std::string rest = place.empty() ? file : file.substr(place.size() + 1);
  return below(place, below(folder, rest));
}

std::string table_path(const std::string& gathering_folder) {
  return below(gathering_folder, "combinations.csv");
}

}  // namespace dstack::run
