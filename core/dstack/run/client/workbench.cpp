#include "dstack/plan/defaults.hpp"
#include "dstack/run/client/submit.hpp"

namespace dstack::run {

namespace {

std::string place_in(const Path& root, const Path& folder) {
  const Path relative = real_path(folder).lexically_relative(root);
  return relative == "." || relative.empty() || *relative.begin() == ".." ? std::string()
                                                                          : relative.string();
}

}  // namespace

Result<Workbench> open_workbench(const Path& folder,
                                 const files::Home& home,
                                 const std::vector<Path>& provider_paths,
                                 Purpose purpose,
                                 std::optional<config::Project> read) {
  Workbench bench;
  bench.home = home;
  const auto root = config::find_project(folder);
  if (root)
    DSTACK_CHECK(config::believe_project(*root));
  // Git answers while the project is read.
  if (purpose == Purpose::code)
    bench.asked = source::ask_early(root.value_or(folder));
  DSTACK_TRY(bench.settings, config::load_settings(home.config()));
  if (root && read && read->folder == *root) {
    bench.project = *std::move(read);
  } else if (root) {
    DSTACK_TRY(bench.project, config::load_project(*root));
  } else {
    bench.project = config::undefined_project(folder);
  }
  if (bench.project.root != root.value_or(folder))
    bench.asked.reset();  // its code begins elsewhere
  bench.place = place_in(bench.project.folder, folder);
  bench.providers = provider::Registry::discover(
      provider::search_path({provider_paths,
                             bench.project.defined ? bench.project.folder : Path(),
                             home.plugins(),
                             home.trusted_providers()}));
  plan::apply_defaults(bench.project, bench.providers);
  bench.machine = resources::find_machine(bench.settings.resources);
  return bench;
}

}  // namespace dstack::run
