#include "dstack/run/client/submit_data.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/config/project/env_file.hpp"
#include "dstack/source/input.hpp"

#include <cerrno>
#include <map>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::run {

namespace {

/// A file that is not regular might never end.
Result<std::string> read_env_file(const Path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file && (errno == ENOENT || errno == ENOTDIR))
    return fail(ErrorCode::not_found, "there is no file '{}'", path.string());
  struct stat status;
  if (!file || ::fstat(file.get(), &status) != 0)
    return fail_errno("cannot read '{}'", path.string());
  if (!is_source(file.get()))
    return fail(ErrorCode::configuration, "'{}' is not a file", path.string())
        .with_hint("'env_file' is a file with a line NAME=VALUE for each variable");
  if (static_cast<std::uint64_t>(status.st_size) > config::largest_env_file)
    return fail(ErrorCode::configuration, "'{}' is larger than 1 MiB", path.string())
        .with_hint("'env_file' is a file with a line NAME=VALUE for each variable");
  return read_all(file.get());
}

}  // namespace

void add_data_sources(plan::PlanningContext& context, const files::Home& home, EnvTexts& texts) {
  context.inspect_input = [home](const Path& path, source::InputUse use) {
    return source::inspect_input(path, use, home);
  };
  context.read_env_file = [&texts](const Path& path) -> Result<std::string> {
    DSTACK_TRY(std::string text, read_env_file(path));
    texts.emplace(sha256(text).render(), text);
    return text;
  };
}

Result<void> hold_given(const plan::Plan& plan, const store::ObjectStore& objects) {
  for (const plan::PlannedWorkflow& workflow : plan.workflows) {
    for (const plan::Input& input : workflow.inputs) {
      const std::string source = input.tag.empty()
                                     ? fmt::format("'{}', run '{}'", input.workflow, input.run)
                                     : fmt::format("'{}:{}'", input.workflow, input.tag);
      for (const job::Artifact& artifact : input.artifacts)
        DSTACK_CHECK(
            objects.hold(artifact.tree)
                .map_error(while_doing(fmt::format("taking '{}' of {}", artifact.path, source))));
    }
    for (const job::InputFile& input : workflow.input_files)
      if (input.tree)
        DSTACK_CHECK(objects.hold(*input.tree)
                         .map_error(while_doing(fmt::format("taking the input '{}'", input.path))));
  }
  return {};
}

std::vector<job::TreeReference> given_trees(const plan::Plan& plan) {
  std::vector<job::TreeReference> trees;
  for (const plan::PlannedWorkflow& workflow : plan.workflows) {
    for (const plan::Input& input : workflow.inputs)
      for (const job::Artifact& artifact : input.artifacts)
        trees.push_back(artifact.tree);
    for (const job::InputFile& input : workflow.input_files)
      if (input.tree)
        trees.push_back(*input.tree);
  }
  return trees;
}

Result<void> capture_inputs(plan::Plan& plan,
                            store::ObjectStore& objects,
                            const OnInput& on_input,
                            std::vector<std::string>& warnings) {
  // Several workflows may name the same input.
  std::map<std::pair<std::string, std::string>, source::CapturedInput> known;
  for (plan::PlannedWorkflow& workflow : plan.workflows)
    for (job::InputFile& input : workflow.input_files) {
      if (input.link)
        continue;
      auto found = known.find({input.path, input.at});
      if (found == known.end()) {
        if (on_input)
          on_input(input);
        DSTACK_TRY(
            auto captured,
            source::capture_input(objects, job::source_of(plan.project, input), input.at, warnings)
                .map_error(while_doing(fmt::format("copying the input '{}'", input.path))));
        found = known.emplace(std::pair{input.path, input.at}, captured).first;
      }
      const source::CapturedInput& captured = found->second;
      input.folder = captured.facts.folder;
      input.files = captured.facts.files;
      input.size = captured.facts.size;
      input.sha256 = captured.digest;
      input.tree = captured.tree;
    }
  return {};
}

EnvTexts texts_of(const plan::Plan& plan, const EnvTexts& all) {
  EnvTexts texts;
  for (const plan::PlannedWorkflow& workflow : plan.workflows)
    for (const job::EnvFile& file : workflow.env_files)
      if (const auto text = all.find(file.sha256.render()); text != all.end())
        texts.insert(*text);
  return texts;
}

}  // namespace dstack::run
