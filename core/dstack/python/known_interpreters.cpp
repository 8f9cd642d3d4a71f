#include "dstack/python/known_interpreters.hpp"

#include "dstack/base/json.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/python/settings.hpp"

#include <chrono>

#include <sys/stat.h>

namespace dstack::python {

namespace {

/// Far more than any interpreter needs, even from a slow network disk.
constexpr std::chrono::seconds answer_timeout{20};

struct Answer {
  std::string version;
  Path program;
};

/// Valid in Python 2 as well. Begins with a line end, as a shim may print something first.
constexpr const char* question =
    "import sys; sys.stdout.write('\\ndstack-python %d.%d.%d %s\\n' % (sys.version_info[:3] + "
    "(sys.executable,)))";

std::optional<Answer> ask(const Path& program, const Lookup& environment) {
  process::Command command;
  command.argv = {program.string(), "-E", "-s", "-S", "-c", question};
  command.environment = tool_environment(environment);
  const auto output = process::run(command, {}, answer_timeout);
  if (!output || !process::succeeded(output->status)) {
    log::info(fmt::format("'{}' is not a working Python", program.string()));
    return std::nullopt;
  }
  constexpr std::string_view mark = "dstack-python ";
  for (const std::string_view line : split(output->out, '\n')) {
    if (!line.starts_with(mark))
      continue;
    const std::string_view rest = line.substr(mark.size());
    const std::size_t space = rest.find(' ');
    if (space != std::string_view::npos && parse_version(rest.substr(0, space)))
      return Answer{std::string(rest.substr(0, space)), std::string(rest.substr(space + 1))};
  }
  return std::nullopt;
}

}  // namespace

KnownInterpreters KnownInterpreters::load(const Path& file) {
  KnownInterpreters known;
  known.file_ = file;
  const auto text = file.empty() ? Result<std::string>("") : read_file(file);
  if (!text || text->empty())
    return known;
  const auto json = parse_json(*text, "the list of known interpreters");
  if (!json || !json->is_object())
    return known;
  for (const auto& [program, facts] : json->items()) {
    if (!facts.is_object() || !parse_version(json_string(facts, "version")))
      continue;
    known.entries_[program] = {static_cast<std::uint64_t>(json_integer(facts, "inode")),
                               static_cast<std::uint64_t>(json_integer(facts, "size")),
                               json_integer(facts, "modified"),
                               json_string(facts, "version"),
                               json_boolean(facts, "behind_shim")};
  }
  return known;
}

std::optional<KnownInterpreters::Entry> KnownInterpreters::facts_of(const Path& program) {
  struct stat status {};

  if (::stat(program.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
    return std::nullopt;
  Entry entry;
  entry.inode = status.st_ino;
  entry.size = static_cast<std::uint64_t>(status.st_size);
  entry.modified = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  return entry;
}

std::optional<std::string> KnownInterpreters::recall(const Path& program) const {
  const auto known = entries_.find(program.string());
  if (known == entries_.end())
    return std::nullopt;
  const auto now = facts_of(program);
  const Entry& then = known->second;
  if (!now || now->inode != then.inode || now->size != then.size || now->modified != then.modified)
    return std::nullopt;
  return then.version;
}

void KnownInterpreters::remember(const Path& program,
                                 const std::string& version,
                                 bool behind_shim) {
  auto entry = facts_of(program);
  if (!entry)
    return;
  entry->version = version;
  entry->behind_shim = behind_shim;
  entries_[program.string()] = *entry;
  changed_ = true;
}

std::optional<Interpreter> KnownInterpreters::identify(const Candidate& candidate,
                                                       const Lookup& environment) {
  if (candidate.kind == CandidateKind::interpreter && candidate.version.size() == 3)
    return Interpreter{candidate.program, render_version(candidate.version), candidate.source};
  if (candidate.kind == CandidateKind::interpreter)
    if (auto version = recall(candidate.program))
      return Interpreter{candidate.program, std::move(*version), candidate.source};
  const auto answer = ask(candidate.program, environment);
  if (!answer)
    return std::nullopt;
  if (candidate.kind == CandidateKind::interpreter) {
    remember(candidate.program, answer->version, false);
    return Interpreter{candidate.program, answer->version, candidate.source};
  }
  // A shim may start another interpreter elsewhere or later: this is the one it started here.
  const bool known_program = answer->program.is_absolute() && facts_of(answer->program).has_value();
  if (known_program && answer->program != candidate.program)
    remember(answer->program, answer->version, true);
  return Interpreter{
      known_program ? answer->program : candidate.program, answer->version, candidate.source};
}

std::vector<Candidate> KnownInterpreters::behind_shims() const {
  std::vector<Candidate> found;
  for (const auto& [program, entry] : entries_)
    if (entry.behind_shim && recall(program))
      found.push_back(
          {program, *parse_version(entry.version), source_path, CandidateKind::interpreter});
  return found;
}

void KnownInterpreters::save() const {
  if (!changed_ || file_.empty())
    return;
  Json json = Json::object();
  for (const auto& [program, entry] : entries_)
    if (facts_of(program))
      json[program] = {{"version", entry.version},
                       {"inode", entry.inode},
                       {"size", entry.size},
                       {"modified", entry.modified},
                       {"behind_shim", entry.behind_shim}};
  Result<void> written = make_folders(file_.parent_path());
  if (written)
    written = write_file_atomically(file_, render_json(json) + "\n", Durable::no);
  if (!written)
    log::info(fmt::format("cannot remember the interpreters: {}", render(written.error())));
}

}  // namespace dstack::python
