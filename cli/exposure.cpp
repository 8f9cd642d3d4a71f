#include "exposure.hpp"

#include "dstack/base/text.hpp"
#include "dstack/secrets/masker.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

constexpr std::size_t most_files = 3;
constexpr std::size_t most_names = 3;

/// Whether a path becomes the masked one when its secrets are masked.
bool becomes(std::string_view path, std::string_view masked) {
  std::size_t mark = masked.find(secrets::mask);
  if (mark == std::string_view::npos)
    return path == masked;
  if (!path.starts_with(masked.substr(0, mark)))
    return false;
  path.remove_prefix(mark);
  for (;;) {
    masked.remove_prefix(mark + secrets::mask.size());
    mark = masked.find(secrets::mask);
    const std::string_view piece = masked.substr(0, mark);
    if (mark == std::string_view::npos)
      return path.size() > piece.size() && path.ends_with(piece);
    const std::size_t at = path.find(piece, 1);  // a secret is not empty
    if (at == std::string_view::npos)
      return false;
    path.remove_prefix(at + piece.size());
  }
}

}  // namespace

const store::ExposedFile* find_exposed(const store::Exposure& exposure, const std::string& path) {
  for (const store::ExposedFile& file : exposure.files)
    if (becomes(path, file.path))
      return &file;
  return nullptr;
}

std::string name_secrets(const std::vector<std::string>& names) {
  if (names.size() < store::most_exposed_secrets)
    return (names.size() == 1 ? "the secret " : "the secrets ") + quoted_list(names, most_names);
  return "at least " + std::to_string(names.size()) + " secrets";  // no more were written down
}

std::string describe_exposure(const store::Exposure& exposure) {
  std::vector<std::string> parts;
  const std::size_t named = std::min(exposure.files.size(), most_files);
  for (std::size_t i = 0; i < named; ++i)
    parts.push_back("'" + printable(exposure.files[i].path) + "' holds " +
                    name_secrets(exposure.files[i].secrets));
  if (exposure.count > named)
    parts.push_back(plural(exposure.count - named, "more file") +
                    (exposure.count - named == 1 ? " holds some" : " hold some"));
  return join(parts, "; ");
}

std::vector<std::string> warn_of_exposure(const std::vector<store::ArtifactRecord>& artifacts) {
  std::vector<std::string> warnings;
  for (const store::ArtifactRecord& artifact : artifacts)
    if (artifact.exposure.count > 0)
      warnings.push_back("secrets stand in the artifact '" + printable(artifact.path) +
                         "' of workflow '" + printable(artifact.workflow) + "': " +
                         describe_exposure(artifact.exposure) + "; whoever gets it has them");
  return warnings;
}

}  // namespace dstack::cli
