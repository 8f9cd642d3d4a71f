#include "dstack/run/protocol/damaged_input.hpp"

#include "dstack/store/records/records.hpp"

#include <algorithm>

namespace dstack::run {

Error name_owner(Error error, const store::ArtifactOwner& owner) {
  if (error.code != ErrorCode::damaged)
    return error;
  error.message += fmt::format(
      ", in artifact '{}' of workflow '{}' of run '{}'", owner.artifact, owner.workflow, owner.run);
  error.hint = fmt::format(
      "running '{}' again makes it anew, and what is stored then replaces it; 'dstack doctor "
      "--store "
      "--repair' looks for another copy, and lists what else is damaged",
      owner.workflow);
  return error;
}

Error name_whole(Error error, const std::string& what) {
  if (error.code == ErrorCode::damaged)
    error.message += ", in " + what;
  return error;
}

Error name_input(Error error, const job::TreeReference& tree, const JobOrder& order) {
  if (error.code != ErrorCode::damaged)
    return error;
  const auto is_it = [&](const job::TreeReference& other) { return other == tree; };
  if (is_it(order.code))
    return name_whole(std::move(error), "the code of the run");
  if (std::any_of(order.input_files.begin(), order.input_files.end(), is_it))
    return name_whole(std::move(error), "an input of the workflow");
  auto records = store::Records::open(files::Home{order.home}, store::Records::Mode::read_only);
  const auto owner = records ? records->artifact_with(tree) : std::nullopt;
  return owner && *owner ? name_owner(std::move(error), **owner) : error;
}

}  // namespace dstack::run
