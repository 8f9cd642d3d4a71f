#include "dstack/run/workspace.hpp"

#include "dstack/base/text.hpp"
#include "dstack/run/order.hpp"

namespace dstack::run {

namespace {

class PrivateCopy : public Workspace {
 public:
  PrivateCopy(const store::Home& home, const Path& job_folder)
      : objects_(home), folder_(job_folder / files::workspace) {}

  const Path& folder() const override { return folder_; }

  Result<void> make(const store::TreeReference& code,
                    const std::vector<store::TreeReference>& inputs,
                    std::vector<std::string>& warnings) override {
    DSTACK_CHECK(make_folders(folder_));
    DSTACK_CHECK(objects_.lay_out(code, folder_, store::LayOut::fresh));
    std::vector<std::string> replaced;
    for (const store::TreeReference& input : inputs)
      DSTACK_CHECK(objects_.lay_out(input, folder_, store::LayOut::merge, &replaced));
    if (!replaced.empty())
      warnings.push_back(plural(replaced.size(), "file") +
                         " came from more than one place, and the later dependency won: " +
                         quoted_list(replaced, 3));
    return {};
  }

  Result<void> remove() override { return remove_tree(folder_); }

 private:
  store::ObjectStore objects_;
  Path folder_;
};

}  // namespace

std::unique_ptr<Workspace> private_copy(const store::Home& home, const Path& job_folder) {
  return std::make_unique<PrivateCopy>(home, job_folder);
}

}  // namespace dstack::run
