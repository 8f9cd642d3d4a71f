#include "dstack/plan/options_elsewhere.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/provider/manifest/values_elsewhere.hpp"

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
    {"m", "--memory"},
    {"shm", "--shm-size"},
    {"ipc", "--shm-size"},
    {"environment", "--env"},
    {"envs", "--env"},
    {"out", "--artifact"},
    {"output", "--artifact"},
    {"outputs", "--artifact"},
    {"save", "--artifact"},
    {"req", "--requirements"},
    {"with-requirements", "--requirements"},
    {"workdir", "--working-dir"},
    {"w", "--working-dir"},
    {"cwd", "--working-dir"},
    {"chdir", "--working-dir"},
    {"cmd", "--command"},
    {"exec", "--command"},
    {"run", "--command"},
    {"publish", "--ports"},
    {"publish-all", "--ports"},
    {"P", "--ports"},
    {"expose", "--ports"},
    {"port", "--ports"},
    {"retries", "--retry"},
    {"restart", "--retry"},
    {"time", "--timeout"},
    {"time-limit", "--timeout"},
    {"nodes", "--nnodes"},
    {"nproc", "--nproc-per-node"}};

constexpr std::string_view no_terminal =
    "a job has no terminal and no input; 'dstack run' shows its output, and so does "
    "'dstack logs -f'";
constexpr std::string_view no_input = "a job has no input: what it reads is a file, or an argument";
constexpr std::string_view network_of_jobs =
    "a job uses the network of this machine, and a container that of its engine: '--ports N' "
    "reserves ports, which are published at 127.0.0.1";
constexpr std::string_view user_of_jobs =
    "a job runs as you, and a container as the user of its image; what it has written is yours "
    "when it ends";
constexpr std::string_view no_privileges =
    "a container has no privileges and devices beyond the usual; '--gpu N' gives it GPUs";
constexpr std::string_view in_background = "'dstack run -d' prints the run's name and returns";

/// Options of others without one of ours, and what to do instead.
constexpr std::pair<std::string_view, std::string_view> done_otherwise[] = {
    {"name", "a run gets its name when it starts; '--tag TAG' names what it saves"},
    {"it", no_terminal},
    {"t", no_terminal},
    {"i", no_input},
    {"tty", "a job has no terminal; 'dstack run' shows its output"},
    {"interactive", no_input},
    {"rm", "nothing is left to remove when a job has ended; 'dstack rm RUN' forgets the run"},
    {"u", user_of_jobs},
    {"user", user_of_jobs},
    {"network", network_of_jobs},
    {"net", network_of_jobs},
    {"hostname", "the name of its host is in JOB_HOSTNAME, and dstack sets it"},
    {"init", "processes that end are collected already, and a stop reaches all of them"},
    {"privileged", no_privileges},
    {"cap-add", no_privileges},
    {"device", no_privileges},
    {"security-opt", no_privileges},
    {"pull", "an image that the engine has is used as it is; 'docker pull IMAGE' renews it"},
    {"bg", in_background},
    {"background", in_background}};

/// Of all these the value says what to lay where.
constexpr std::string_view mounts_elsewhere[] = {"v", "volume", "volumes", "mount", "bind"};

constexpr std::string_view flags_elsewhere[] = {"it",
                                                "i",
                                                "t",
                                                "tty",
                                                "interactive",
                                                "rm",
                                                "init",
                                                "privileged",
                                                "publish-all",
                                                "P",
                                                "bg",
                                                "background"};

template <std::size_t Count>
bool is_one_of(const std::string_view (&words)[Count], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

/// What is to be laid where, of `/data:/data:ro` or `type=bind,source=/data,target=/data`.
struct Mount {
  std::string from;
  std::string to;
};

Mount parse_mount(std::string_view word) {
  Mount mount;
  if (word.find('=') == std::string_view::npos) {
    const auto parts = split(word, ':');
    mount.from = parts.front();
    mount.to = parts.size() > 1 ? parts[1] : parts.front();
    return mount;
  }
  for (const std::string_view part : split(word, ',')) {
    const std::size_t sign = std::min(part.find('='), part.size());
    const std::string_view key = part.substr(0, sign);
    const std::string_view value = part.substr(std::min(sign + 1, part.size()));
    if (key == "source" || key == "src")
      mount.from = value;
    else if (key == "target" || key == "dst" || key == "destination")
      mount.to = value;
  }
  return mount;
}

/// A path of this machine; not the name of a volume of an engine.
bool is_host_path(std::string_view from) {
  return from.starts_with('/') || from.starts_with('.') || from.starts_with('~');
}

std::string advice_on_mount(const ForeignOption& given,
                            const std::vector<Option>& options,
                            const Path& project) {
  const Mount mount = parse_mount(given.value);
  const bool is_known = is_host_path(mount.from);
  boost::system::error_code error;
  if (is_known && fs::equivalent(Path(mount.from), project, error))
    return "a job has the code of the project anyway, in the folder that it starts in; "
           "'artifacts' ('-a DIR') lists what is saved of it";
  const std::string from = is_known ? mount.from : "PATH";
  const std::string name(file_name(mount.to));
  std::string advice = "data comes by 'inputs': ";
  if (find_option(options, "--input") != nullptr)
    advice += fmt::format("'--input {}' copies it into the job's folder; ", shell_quote(from));
  return advice + fmt::format(
                      "'inputs: [{{path: {}, at: {}, link: true}}]' in the workflow has it there "
                      "without copying",
                      from,
                      is_known && !name.empty() ? name : "NAME");
}

/// What to say of the value of an option that is called otherwise here.
std::string advice_on_value(std::string_view option, const std::string& value) {
  return option == "--gpu" && !parse_number<std::int64_t>(value) ? provider::hint_of_gpus(value)
                                                                 : std::string();
}

}  // namespace

bool is_mount(std::string_view word) {
  const auto parts = split(word, ':');
  return (parts.size() == 2 || parts.size() == 3) && !parts[0].empty() &&
         parts[1].starts_with('/') && !parts[1].starts_with("//");
}

std::string_view attached_mount(std::string_view argument) {
  if (!argument.starts_with("-v"))
    return {};
  argument.remove_prefix(2);
  const bool has_sign = argument.starts_with('=');
  argument.remove_prefix(has_sign ? 1 : 0);
  return is_mount(argument) && (has_sign || is_host_path(argument)) ? argument : std::string_view();
}

bool is_terminal_flags(std::string_view name) {
  return name.size() > 1 && name.find_first_not_of("itd") == std::string_view::npos;
}

bool is_flag_elsewhere(std::string_view name) {
  return is_one_of(flags_elsewhere, name) || is_terminal_flags(name);
}

std::string advice_on_option(std::string_view name) {
  if (is_terminal_flags(name))
    return std::string(no_terminal);
  for (const auto& [elsewhere, sentence] : done_otherwise)
    if (elsewhere == name)
      return std::string(sentence);
  return {};
}

std::string advice_on_option(const ForeignOption& given,
                             const std::vector<Option>& options,
                             const provider::Manifest& manifest,
                             const Path& project) {
  if (is_one_of(mounts_elsewhere, given.name))
    return advice_on_mount(given, options, project);
  std::vector<std::string> meant;
  for (const auto& [elsewhere, option] : options_elsewhere)
    if (elsewhere == given.name && find_option(options, option) != nullptr)
      meant.emplace_back(option);
  if (!meant.empty()) {
    const std::string more = given.value.empty() ? "" : advice_on_value(meant.front(), given.value);
    return did_you_mean(meant) + (more.empty() ? "" : "\n" + more);
  }
  if (std::string advice = advice_on_option(given.name); !advice.empty())
    return advice;
  for (const provider::Property& property : manifest.properties)
    if (property.positional && same_key(property.name, given.name))
      return fmt::format("write it without '--{}': dstack run {} {}",
                         given.name,
                         manifest.name,
                         to_upper(property.name));
  return {};
}

}  // namespace dstack::plan
