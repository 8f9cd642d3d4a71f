#include "dstack/base/text.hpp"
#include "dstack/files/home.hpp"
#include "dstack/python/convention.hpp"
#include "dstack/python/described.hpp"
#include "dstack/python/known_interpreters.hpp"
#include "dstack/python/python.hpp"
#include "dstack/python/search.hpp"
#include "dstack/python/uv.hpp"
#include "dstack/python/version.hpp"
#include "dstack/trust/belief.hpp"

#include <algorithm>
#include <set>

namespace dstack::python {

namespace {

/// The version of a workflow that names none, if it is available.
const Version usual_version = {3, 10};

/// One search: the candidates, and the cache that avoids starting them.
class Search {
 public:
  Search(const Lookup& environment, const Path& memory, Effects effects, const Path& project)
      : environment_(environment),
        effects_(effects),
        project_(project),
        known_(KnownInterpreters::load(memory)) {}

  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  ~Search() {
    if (effects_ == Effects::allowed)
      known_.save();
  }

  /// The newest that `is_wanted`.
  template <typename Predicate>
  std::optional<Interpreter> newest(Predicate is_wanted) {
    std::optional<Interpreter> best;
    for (Interpreter& found : all())
      if (is_wanted(found) &&
          (!best || parse_version(best->version) < parse_version(found.version)))
        best = std::move(found);
    return best;
  }

  std::optional<Interpreter> active(const Version& wanted) {
    for (const Candidate& candidate : active_candidates(environment_))
      if (auto interpreter = identify(candidate, wanted))
        return interpreter;
    return std::nullopt;
  }

  /// The first of this version, in the order of preference. Shims are started last.
  std::optional<Interpreter> first(const Version& wanted) {
    const std::vector<Candidate> candidates = other_candidates(environment_, wanted);
    for (const CandidateKind kind : {CandidateKind::interpreter, CandidateKind::shim}) {
      for (const Candidate& candidate : candidates)
        if (candidate.kind == kind)
          if (auto interpreter = identify(candidate, wanted))
            return interpreter;
      for (const Candidate& candidate : known_.behind_shims())
        if (auto interpreter = identify(candidate, wanted))
          return interpreter;
    }
    return std::nullopt;
  }

  std::vector<Interpreter> all() {
    std::vector<Candidate> candidates = active_candidates(environment_);
    for (Candidate& candidate : other_candidates(environment_, {}))
      candidates.push_back(std::move(candidate));
    std::vector<Interpreter> found;
    std::set<std::string> programs;
    for (const Candidate& candidate : candidates)
      if (auto interpreter = identify(candidate, {});
          interpreter && programs.insert(interpreter->program.string()).second)
        found.push_back(std::move(*interpreter));
    return found;
  }

  /// Who has activated an environment means it, and gets no other instead.
  Result<void> believe_active() const {
    for (const Candidate& candidate : active_candidates(environment_))
      DSTACK_CHECK(trust::believe(
          fmt::format("the Python of the active environment, '{}',", candidate.program.string()),
          candidate.program,
          trust::Kind::program,
          candidate.program.parent_path().parent_path()));
    return {};
  }

  /// Those that others could replace, each as a sentence.
  const std::vector<std::string>& passed_over() const { return passed_over_; }

 private:
  std::optional<Interpreter> identify(const Candidate& candidate, const Version& wanted) {
    if (!is_believed(candidate.program))
      return std::nullopt;
    auto interpreter = effects_ == Effects::none && lies_in(candidate.program, project_)
                           ? describe(candidate)
                           : known_.identify(candidate, environment_);
    if (interpreter && !matches(parse_version(interpreter->version).value_or(Version{}), wanted))
      interpreter.reset();
    // A shim leads to another program.
    if (interpreter && interpreter->program != candidate.program &&
        !is_believed(interpreter->program))
      interpreter.reset();
    return interpreter;
  }

  bool is_believed(const Path& program) {
    const std::string why = trust::why_not_believed(program, trust::Kind::program);
    if (why.empty())
      return true;
    const Path folder = real_path(program).parent_path();
    std::string sentence = fmt::format(
        "'{}' is passed over: {}; {}", program.string(), why, trust::how_to_trust(folder));
    if (std::find(passed_over_.begin(), passed_over_.end(), sentence) == passed_over_.end())
      passed_over_.push_back(std::move(sentence));
    return false;
  }

  const Lookup& environment_;
  Effects effects_;
  const Path& project_;
  KnownInterpreters known_;
  std::vector<std::string> passed_over_;
};

std::string list_found(const std::vector<Interpreter>& found) {
  std::vector<std::string> names;
  for (const Interpreter& interpreter : found)
    names.push_back(fmt::format("{} ({})", interpreter.version, interpreter.source));
  return join(names, ", ");
}

std::string how_to_get(const Version& wanted, bool has_uv) {
  const std::string version = render_version(wanted);
  return has_uv
             ? fmt::format(
                   "install it with `uv python install {}` or `pyenv install {}`", version, version)
             : fmt::format(
                   "install it with `pyenv install {}`, or install uv (https://docs.astral.sh/uv), "
                   "which downloads it when a run needs it",
                   version);
}

Failure refuse_version(Search& search,
                       const Version& wanted,
                       const std::string& named_by,
                       const std::optional<std::string>& uv,
                       const std::string& why_not_fetched) {
  const std::vector<Interpreter> found = search.all();
  std::string message = fmt::format("Python {} is not installed", render_version(wanted));
  if (!named_by.empty())
    message += fmt::format(", which '{}' names", named_by);
  message += found.empty() ? "; no other version was found"
                           : fmt::format("; found: {}", list_found(found));
  if (!why_not_fetched.empty())
    message += fmt::format("; {}", why_not_fetched);
  std::string hint = how_to_get(wanted, uv.has_value());
  if (!found.empty())
    hint += ", or set the workflow's version of Python to one of those found";
  return fail(ErrorCode::unavailable, "{}", message).with_hint("{}", hint);
}

/// One that uv downloads.
Result<Choice> choose_fetched(const std::string& uv,
                              const Version& wanted,
                              const Lookup& environment,
                              Effects effects) {
  if (effects == Effects::none) {
    const std::string version = render_version(wanted);
    return Choice{Interpreter{{}, version, "uv"},
                  fmt::format("Python {} is not installed: uv downloads it for the run", version)};
  }
  DSTACK_TRY(Interpreter fetched, fetch_python(uv, wanted, environment));
  return Choice{std::move(fetched), ""};
}

Result<Choice> choose_named(Search& search,
                            const VersionRequest& request,
                            const Lookup& environment,
                            Effects effects) {
  const auto wanted = parse_version(trim(request.version));
  if (!wanted)
    return fail(ErrorCode::configuration, "'{}' is not a version of Python", request.version)
        .with_hint("write it as '3.10' or '3.10.13'");
  if (auto interpreter = search.active(*wanted))
    return Choice{std::move(*interpreter), ""};
  if (auto interpreter = search.first(*wanted))
    return Choice{std::move(*interpreter), ""};
  const auto uv = find_uv(environment);
  std::string why_not_fetched;
  if (uv) {
    auto fetched = choose_fetched(*uv, *wanted, environment, effects);
    if (fetched)
      return fetched;
    why_not_fetched = fetched.error().message;
  }
  return refuse_version(search, *wanted, request.named_by, uv, why_not_fetched);
}

bool is_in(const std::optional<VersionRange>& range, const Interpreter& interpreter) {
  const auto version = parse_version(interpreter.version);
  return !range || (version && range->allows(*version));
}

Failure refuse_range(Search& search,
                     const VersionRequest& request,
                     const std::optional<Version>& least,
                     const std::optional<std::string>& uv) {
  const std::vector<Interpreter> found = search.all();
  std::string message =
      fmt::format("no Python fits '{}', which '{}' requires", request.range, request.range_by);
  message +=
      found.empty() ? "; no version was found" : fmt::format("; found: {}", list_found(found));
  return fail(ErrorCode::unavailable, "{}", message)
      .with_hint("{}",
                 least ? how_to_get(*least, uv.has_value())
                       : "name one of those with the workflow's version of Python");
}

/// As choose_unnamed(), of those that the project's files allow.
Result<Choice> choose_in_range(Search& search,
                               const VersionRequest& request,
                               const VersionRange& range,
                               const Lookup& environment,
                               Effects effects) {
  const auto fits = [&](const Interpreter& found) { return is_in(range, found); };
  if (auto found = search.active({}); found && fits(*found))
    return Choice{*std::move(found), ""};
  if (auto found = search.first(usual_version); found && fits(*found))
    return Choice{*std::move(found), ""};
  if (auto found = search.newest(fits))
    return Choice{*std::move(found), ""};
  const auto uv = find_uv(environment);
  const auto least = range.least();
  if (uv && least)
    if (auto fetched = choose_fetched(*uv, *least, environment, effects);
        fetched && (effects == Effects::none || fits(fetched->interpreter)))
      return fetched;
  return refuse_range(search, request, least, uv);
}

Result<Interpreter> choose_unnamed(Search& search, const Lookup& environment) {
  if (auto interpreter = search.active({}))
    return std::move(*interpreter);
  if (auto interpreter = search.first(usual_version))
    return std::move(*interpreter);
  auto newest = search.newest([](const Interpreter&) { return true; });
  if (!newest)
    return fail(ErrorCode::unavailable,
                "no Python was found on this machine: neither an active environment, nor in PATH, "
                "nor in {}",
                pyenv_places(environment))
        .with_hint(
            "install python3 with the system's package manager, or any version with `uv python "
            "install` or `pyenv install`");
  return std::move(*newest);
}

std::string origin_of(const Interpreter& interpreter) {
  return interpreter.source == source_active ? "of the active environment"
                                             : fmt::format("from {}", interpreter.source);
}

/// What the project's files say, and what became of it; empty for a version of the workflow's own.
std::string notice_of(const VersionRequest& request,
                      const std::optional<VersionRange>& range,
                      const Interpreter& chosen) {
  const std::string python = fmt::format("Python {} {}", chosen.version, origin_of(chosen));
  std::string notice;
  if (!request.version.empty() && !request.named_by.empty())
    notice = fmt::format("using {}, as '{}' says", python, request.named_by);
  else if (request.version.empty() && range)
    return fmt::format("using {}: '{}' requires '{}'", python, request.range_by, request.range);
  else if (request.version.empty())
    return fmt::format("no version named: using {}", python);
  if (chosen.program.empty() || is_in(range, chosen))
    return notice;
  return fmt::format("{}, although '{}' requires '{}'",
                     notice.empty() ? fmt::format("using {}", python) : notice,
                     request.range_by,
                     request.range);
}

}  // namespace

FoundInterpreters find_interpreters(const Lookup& environment, const Path& project) {
  const Path no_memory;
  Search search(environment, no_memory, Effects::none, project);
  FoundInterpreters found{search.all(), {}};
  found.passed_over = search.passed_over();
  return found;
}

Result<Choice> choose_interpreter(const VersionRequest& request,
                                  const Lookup& environment,
                                  const files::Home& home,
                                  Effects effects,
                                  const Path& project) {
  Search search(environment, home.environments() / "interpreters", effects, project);
  DSTACK_CHECK(search.believe_active());
  const auto range = request.range.empty() ? std::nullopt : VersionRange::parse(request.range);
  Choice choice;
  if (!request.version.empty()) {
    DSTACK_TRY(choice, choose_named(search, request, environment, effects));
    choice.interpreter.named_by = request.named_by;
  } else if (range) {
    DSTACK_TRY(choice, choose_in_range(search, request, *range, environment, effects));
    choice.interpreter.named_by = request.range_by;
  } else {
    DSTACK_TRY(choice.interpreter, choose_unnamed(search, environment));
  }
  if (choice.notice.empty())
    choice.notice = notice_of(request, range, choice.interpreter);
  if (!search.passed_over().empty())
    choice.notice +=
        fmt::format("{}{}", choice.notice.empty() ? "" : "; ", search.passed_over().front());
  return choice;
}

}  // namespace dstack::python
