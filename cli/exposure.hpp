// Telling people that secrets of a job stand in what it saved.
#pragma once

#include "dstack/store/records.hpp"

#include <string>
#include <vector>

namespace dstack::cli {

/// The names, as one file has them: "the secret 'A'", "the secrets 'A' and 'B'".
std::string name_secrets(const std::vector<std::string>& names);
/// What is known of a file, which is the `number`-th of its artifact, sorted by path; null:
/// nothing. Where the path has a secret, the one that is found has `***` in its place: it is the
/// one to show.
const store::ExposedFile* find_exposed(const store::Exposure& exposure,
                                       const std::string& path,
                                       std::uint64_t number);
/// What stands where: "'out/env' holds the secret 'A'; 'out/log' holds …"; empty: nothing.
std::string describe_exposure(const store::Exposure& exposure);
/// A sentence for each artifact that holds some: what, and the next step.
std::vector<std::string> warn_of_exposure(const std::vector<store::ArtifactRecord>& artifacts);

}  // namespace dstack::cli
