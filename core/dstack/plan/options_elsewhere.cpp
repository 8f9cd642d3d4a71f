#include "dstack/plan/options_elsewhere.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dstack::plan {

namespace {

/// What other runners call an option; of several, those that there are are meant.
constexpr std::pair<std::string_view, std::string_view> options_elsewhere[] = {
    {"version", "--python"},
    {"version", "--app-version"},
    {"python-version", "--python"},
    {"py", "--python"},
    {"gpus", "--gpu"},
    {"num-gpus", "--gpu"},
    {"gpu-type", "--gpu-name"},
    {"accelerator", "--gpu-name"},
    {"cpus", "--cpu"},
    {"cores", "--cpu"},
    {"mem", "--memory"},
    {"ram", "--memory"},
    {"memory-limit", "--memory"},
    {"shm", "--shm-size"},
    {"environment", "--env"},
    {"envs", "--env"},
    {"out", "--artifact"},
    {"output", "--artifact"},
    {"outputs", "--artifact"},
    {"save", "--artifact"},
    {"req", "--requirements"},
    {"with-requirements", "--requirements"},
    {"workdir", "--working-dir"},
    {"cwd", "--working-dir"},
    {"chdir", "--working-dir"},
    {"cmd", "--command"},
    {"exec", "--command"},
    {"run", "--command"},
    {"publish", "--ports"},
    {"port", "--ports"},
    {"retries", "--retry"},
    {"restart", "--retry"},
    {"time", "--timeout"},
    {"time-limit", "--timeout"},
    {"nodes", "--nnodes"},
    {"nproc", "--nproc-per-node"}};

/// Options of others without one of ours, and what to do instead.
constexpr std::pair<std::string_view, std::string_view> done_otherwise[] = {
    {"name", "a run gets its name when it starts; '--tag TAG' names what it saves"},
    {"it",
     "a job has no terminal and no input; 'dstack run' shows its output, and so does "
     "'dstack logs -f'"},
    {"i", "a job has no input: what it reads is a file, or an argument"},
    {"tty", "a job has no terminal; 'dstack run' shows its output"},
    {"interactive", "a job has no input: what it reads is a file, or an argument"},
    {"rm", "nothing is left to remove when a job has ended; 'dstack rm RUN' forgets the run"},
    {"volume", "'inputs' in the workflow lists data for a job, with 'link: true' without copying"},
    {"mount", "'inputs' in the workflow lists data for a job, with 'link: true' without copying"},
    {"bg", "'dstack run -d' prints the run's name and returns"},
    {"background", "'dstack run -d' prints the run's name and returns"}};

constexpr std::string_view flags_elsewhere[] = {
    "it", "i", "tty", "interactive", "rm", "bg", "background"};

}  // namespace

bool is_flag_elsewhere(std::string_view name) {
  return std::find(std::begin(flags_elsewhere), std::end(flags_elsewhere), name) !=
         std::end(flags_elsewhere);
}

std::string advice_on_option(std::string_view name,
                             const std::vector<Option>& options,
                             const provider::Manifest& manifest) {
  std::vector<std::string> meant;
  for (const auto& [elsewhere, option] : options_elsewhere)
    if (elsewhere == name && find_option(options, option) != nullptr)
      meant.emplace_back(option);
  if (!meant.empty())
    return did_you_mean(meant);
  for (const auto& [elsewhere, sentence] : done_otherwise)
    if (elsewhere == name)
      return std::string(sentence);
  for (const provider::Property& property : manifest.properties)
    if (property.positional && same_key(property.name, name))
      return fmt::format("write it without '--{}': dstack run {} {}",
                         name,
                         manifest.name,
                         to_upper(property.name));
  return {};
}

}  // namespace dstack::plan
