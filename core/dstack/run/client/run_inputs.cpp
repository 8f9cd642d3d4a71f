#include "dstack/run/client/run_inputs.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/users_folder.hpp"
#include "dstack/source/input.hpp"

#include <map>

#include <unistd.h>

namespace dstack::run {

namespace {

class Writing {
 public:
  Writing(const Path& project, const store::ObjectStore& objects, const Path& folder)
      : project_(project), objects_(objects), folder_(folder) {}

  Result<void> write(const job::InputFile& input, const std::string& workflow) {
    const auto [known, is_new] = by_place_.emplace(input.at, &input);
    if (!is_new) {
      if (!(*known->second == input))
        lack(fmt::format("the input '{}' of workflow '{}' was not written: another is at '{}'",
                         input.path,
                         workflow,
                         input.at));
      return {};
    }
    return input.link ? write_link(input) : write_copy(input);
  }

  WrittenInputs take() { return std::move(result_); }

 private:
  Result<void> write_copy(const job::InputFile& input) {
    if (!input.tree || !objects_.has_tree(*input.tree)) {
      lack(fmt::format("the copy of the input '{}' has gone from the store", input.path));
      return {};
    }
    DSTACK_CHECK(objects_.lay_out(
        *input.tree, folder_, store::LayOut::merge, nullptr, store::Place::of_user));
    ++result_.inputs;
    return {};
  }

  Result<void> write_link(const job::InputFile& input) {
    const Path source = job::source_of(project_, input);
    const auto facts = source::inspect_input(source, source::InputUse::link, objects_.home());
    if (!facts) {
      lack(fmt::format("the linked input '{}' has gone: {}", input.path, facts.error().message));
      return {};
    }
    if (facts->size != input.size || facts->modified != input.modified ||
        facts->files != input.files)
      result_.warnings.push_back(
          fmt::format("the linked input '{}' has changed since the run", input.path));
    const Path place = folder_ / input.at;
    DSTACK_TRY(const auto folder, files::UsersFolder::open(folder_));
    DSTACK_TRY(const Fd parent, folder.make_parent(input.at));
    const std::string name(file_name(input.at));
    DSTACK_CHECK(remove_tree(Path(fmt::format("/proc/self/fd/{}", parent.get())) / name));
    if (::symlinkat(real_path(source).c_str(), parent.get(), name.c_str()) != 0)
      return fail_errno("cannot make the link '{}'", place.string());
    ++result_.inputs;
    return {};
  }

  void lack(std::string sentence) {
    result_.warnings.push_back(std::move(sentence));
    result_.complete = false;
  }

  const Path& project_;
  const store::ObjectStore& objects_;
  const Path& folder_;
  std::map<std::string, const job::InputFile*> by_place_;
  WrittenInputs result_;
};

}  // namespace

Result<WrittenInputs> write_inputs(const plan::Plan& plan,
                                   const Path& project,
                                   const store::ObjectStore& objects,
                                   const Path& folder) {
  Writing writing(project, objects, folder);
  // Links last: nothing is written through one.
  for (const bool links : {false, true})
    for (const plan::PlannedWorkflow& workflow : plan.workflows)
      for (const job::InputFile& input : workflow.input_files)
        if (input.link == links)
          DSTACK_CHECK(writing.write(input, workflow.name));
  return writing.take();
}

}  // namespace dstack::run
