// Messages about secrets of a job in the artifacts that it saved.
#pragma once

#include "dstack/job/artifact.hpp"
#include "dstack/job/edits.hpp"
#include "dstack/job/secret_findings.hpp"

#include <string>
#include <vector>

namespace dstack::cli {

/// The names of one file's secrets: "the secret 'A'", "the secrets 'A' and 'B'".
std::string name_secrets(const std::vector<std::string>& names);
/// The finding of a file, which is the `number`-th of its artifact, sorted by path; null: none. Its
/// path has `***` in place of secrets: it is the one to show.
const job::FileWithSecrets* find_file_with_secrets(const job::SecretFindings& exposure,
                                                   const std::string& path,
                                                   std::uint64_t number);
/// "'out/env' contains the secret 'A'; 'out/log' contains …"; empty: nothing.
std::string describe_findings(const job::SecretFindings& exposure);
/// A sentence for each artifact that contains secrets.
std::vector<std::string> secret_warnings(const std::vector<job::Artifact>& artifacts);
/// The same for what jobs changed beside their artifacts. `labels` by job.
std::vector<std::string> secret_warnings(const std::vector<job::Edits>& edits,
                                         const std::vector<std::string>& labels);

}  // namespace dstack::cli
