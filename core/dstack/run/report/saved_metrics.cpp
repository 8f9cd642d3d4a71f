#include "dstack/run/report/saved_metrics.hpp"

#include "dstack/base/text.hpp"
#include "dstack/metrics/followed_file.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace dstack::run {

namespace {

using metrics::FollowedFile;
using metrics::Sample;

/// A document of JSON says nothing of what its numbers are: nearly every settings file is one.
bool says_metrics(std::string_view path) {
  constexpr std::array words = {"metric", "result", "score", "loss", "eval", "history"};
  const std::string name = to_lower(path.substr(path.rfind('/') + 1));
  return name.ends_with(".json") && std::any_of(words.begin(), words.end(), [&](const char* word) {
           return name.find(word) != std::string::npos;
         });
}

/// All of one file.
Result<SavedMetrics> read_one(const store::ObjectStore& objects, const store::TreeFile& file) {
  SavedMetrics found;
  DSTACK_CHECK(objects.prove(file));
  DSTACK_TRY(const Fd content, objects.open_blob(file));
  FollowedFile followed(
      file.path,
      says_metrics(file.path) ? FollowedFile::Found::by_name : FollowedFile::Found::in_folder);
  const Timestamp written{std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::nanoseconds(file.modified))};
  for (bool more = true; more;) {
    FollowedFile::Look look = followed.look(content.get(), true);
    more = look.has_more;
    for (const metrics::Row& row : look.rows)
      for (const auto& [name, value] : row.values) {
        std::vector<Sample>& samples = found[name];
        const std::int64_t next = samples.empty() ? 0 : samples.back().step + 1;
        samples.push_back({row.step.value_or(next), row.time.value_or(written), value});
      }
  }
  return found;
}

}  // namespace

std::vector<job::Artifact> artifacts_of(const std::vector<job::Artifact>& all,
                                        const std::string& workflow) {
  std::vector<job::Artifact> own;
  std::copy_if(all.begin(), all.end(), std::back_inserter(own), [&](const job::Artifact& artifact) {
    return artifact.workflow == workflow;
  });
  return own;
}

Result<SavedMetrics> read_saved_metrics(const store::ObjectStore& objects,
                                        const std::vector<job::Artifact>& artifacts) {
  SavedMetrics all;
  for (const job::Artifact& artifact : artifacts) {
    DSTACK_TRY(auto files, objects.list(artifact.tree));
    std::erase_if(files, [](const store::TreeFile& file) {
      return file.type == files::EntryType::link ||
             !(metrics::may_hold_metrics(file.path) || says_metrics(file.path));
    });
    std::sort(
        files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    for (const store::TreeFile& file : files)
      if (auto found = read_one(objects, file))
        for (auto& [name, samples] : *found)
          all.try_emplace(name, std::move(samples));
  }
  return all;
}

std::vector<metrics::MetricSummary> summaries_of(const SavedMetrics& saved) {
  std::vector<metrics::MetricSummary> summaries;
  for (const auto& [name, samples] : saved) {
    metrics::MetricSummary& summary = summaries.emplace_back();
    summary.name = name;
    for (const Sample& sample : samples)
      summary.add(sample);
  }
  return summaries;
}

}  // namespace dstack::run
