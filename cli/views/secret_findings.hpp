// Telling people that secrets of a job stand in what it saved.
#pragma once

#include "dstack/job/artifact.hpp"
#include "dstack/job/secret_findings.hpp"

#include <string>
#include <vector>

namespace dstack::cli {

/// The names, as one file has them: "the secret 'A'", "the secrets 'A' and 'B'".
std::string name_secrets(const std::vector<std::string>& names);
/// What is known of a file, which is the `number`-th of its artifact, sorted by path; null:
/// nothing. Where the path has a secret, the one that is found has `***` in its place: it is the
/// one to show.
const job::FileWithSecrets* find_file_with_secrets(const job::SecretFindings& exposure,
                                                   const std::string& path,
                                                   std::uint64_t number);
/// What stands where: "'out/env' holds the secret 'A'; 'out/log' holds …"; empty: nothing.
std::string describe_findings(const job::SecretFindings& exposure);
/// A sentence for each artifact that holds some: what, and the next step.
std::vector<std::string> secret_warnings(const std::vector<job::Artifact>& artifacts);

}  // namespace dstack::cli
