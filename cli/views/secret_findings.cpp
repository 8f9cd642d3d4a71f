#include "views/secret_findings.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

constexpr std::size_t most_files = 3;
constexpr std::size_t most_names = 3;

}  // namespace

const job::FileWithSecrets* find_file_with_secrets(const job::SecretFindings& exposure,
                                                   const std::string& path,
                                                   std::uint64_t number) {
  for (const job::FileWithSecrets& file : exposure.files)
    if (file.number ? *file.number == number : file.path == path)
      return &file;
  return nullptr;
}

std::string name_secrets(const std::vector<std::string>& names) {
  if (names.size() < job::most_secrets_of_file)
    return (names.size() == 1 ? "the secret " : "the secrets ") + quoted_list(names, most_names);
  return fmt::format("at least {} secrets", names.size());  // more are not recorded
}

std::string describe_findings(const job::SecretFindings& exposure) {
  std::vector<std::string> parts;
  const std::size_t named = std::min(exposure.files.size(), most_files);
  for (std::size_t i = 0; i < named; ++i)
    parts.push_back(fmt::format("'{}' contains {}",
                                printable(exposure.files[i].path),
                                name_secrets(exposure.files[i].secrets)));
  if (exposure.count > named)
    parts.push_back(plural(exposure.count - named, "more file") +
                    (exposure.count - named == 1 ? " contains some" : " contain some"));
  return join(parts, "; ");
}

std::vector<std::string> secret_warnings(const std::vector<job::Artifact>& artifacts) {
  std::vector<std::string> warnings;
  for (const job::Artifact& artifact : artifacts)
    if (artifact.exposure.count > 0)
      warnings.push_back(fmt::format(
          "artifact '{}' of workflow '{}' contains secrets: {}; anyone who gets it can read them",
          printable(artifact.path),
          printable(artifact.workflow),
          describe_findings(artifact.exposure)));
  return warnings;
}

std::vector<std::string> secret_warnings(const std::vector<job::Edits>& edits,
                                         const std::vector<std::string>& labels) {
  std::vector<std::string> warnings;
  for (const job::Edits& of_job : edits)
    if (of_job.exposure.count > 0)
      warnings.push_back(
          fmt::format("what {} changed beside its artifacts contains secrets: {}; anyone who gets "
                      "it can read them",
                      labels[of_job.job],
                      describe_findings(of_job.exposure)));
  return warnings;
}

}  // namespace dstack::cli
