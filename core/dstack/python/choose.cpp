#include "dstack/base/text.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/python/known_interpreters.hpp"
#include "dstack/python/python.hpp"
#include "dstack/python/search.hpp"
#include "dstack/python/uv.hpp"
#include "dstack/python/version.hpp"

#include <algorithm>
#include <set>

namespace dstack::python {

namespace {

/// The version of a workflow that names none, if it is available.
const Version usual_version = {3, 10};

/// One search: the candidates, and the cache that avoids starting them.
class Search {
 public:
  Search(const Lookup& environment, const Path& memory, Effects effects)
      : environment_(environment), effects_(effects), known_(KnownInterpreters::load(memory)) {}

  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  ~Search() {
    if (effects_ == Effects::allowed)
      known_.save();
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

 private:
  std::optional<Interpreter> identify(const Candidate& candidate, const Version& wanted) {
    auto interpreter = known_.identify(candidate, environment_);
    if (interpreter && !matches(parse_version(interpreter->version).value_or(Version{}), wanted))
      interpreter.reset();
    return interpreter;
  }

  const Lookup& environment_;
  Effects effects_;
  KnownInterpreters known_;
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
                       const std::optional<std::string>& uv,
                       const std::string& why_not_fetched) {
  const std::vector<Interpreter> found = search.all();
  std::string message = fmt::format("Python {} is not installed; ", render_version(wanted));
  message +=
      found.empty() ? "no other version was found" : fmt::format("found: {}", list_found(found));
  if (!why_not_fetched.empty())
    message += fmt::format("; {}", why_not_fetched);
  std::string hint = how_to_get(wanted, uv.has_value());
  if (!found.empty())
    hint += ", or set the workflow's version of Python to one of those found";
  return fail(ErrorCode::unavailable, "{}", message).with_hint("{}", hint);
}

Result<Choice> choose_named(Search& search,
                            const std::string& text,
                            const Lookup& environment,
                            Effects effects) {
  const auto wanted = parse_version(trim(text));
  if (!wanted)
    return fail(ErrorCode::configuration, "'{}' is not a version of Python", text)
        .with_hint("write it as '3.10' or '3.10.13'");
  if (auto interpreter = search.active(*wanted))
    return Choice{std::move(*interpreter), ""};
  if (auto interpreter = search.first(*wanted))
    return Choice{std::move(*interpreter), ""};
  const auto uv = find_uv(environment);
  std::string why_not_fetched;
  if (uv && effects == Effects::none) {
    const std::string version = render_version(*wanted);
    return Choice{Interpreter{{}, version, "uv"},
                  fmt::format("Python {} is not installed: uv downloads it for the run", version)};
  }
  if (uv) {
    auto fetched = fetch_python(*uv, *wanted, environment);
    if (fetched)
      return Choice{std::move(*fetched), ""};
    why_not_fetched = fetched.error().message;
  }
  return refuse_version(search, *wanted, uv, why_not_fetched);
}

Result<Interpreter> choose_unnamed(Search& search) {
  if (auto interpreter = search.active({}))
    return std::move(*interpreter);
  if (auto interpreter = search.first(usual_version))
    return std::move(*interpreter);
  std::vector<Interpreter> found = search.all();
  const auto newest =
      std::max_element(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return parse_version(a.version) < parse_version(b.version);
      });
  if (newest == found.end())
    return fail(ErrorCode::unavailable,
                "no Python was found on this machine: neither an active environment, nor in PATH, "
                "nor in ~/.pyenv")
        .with_hint(
            "install python3 with the system's package manager, or any version with `uv python "
            "install` or `pyenv install`");
  return std::move(*newest);
}

}  // namespace

std::vector<Interpreter> find_interpreters(const Lookup& environment) {
  return Search(environment, {}, Effects::none).all();
}

Result<Choice> choose_interpreter(const job::PythonRequest& request,
                                  const Lookup& environment,
                                  const files::Home& home,
                                  Effects effects) {
  Search search(environment, home.environments() / "interpreters", effects);
  if (!request.version.empty())
    return choose_named(search, request.version, environment, effects);
  DSTACK_TRY(Interpreter interpreter, choose_unnamed(search));
  const std::string origin = interpreter.source == source_active
                                 ? "of the active environment"
                                 : fmt::format("from {}", interpreter.source);
  std::string notice =
      fmt::format("no version named: using Python {} {}", interpreter.version, origin);
  return Choice{std::move(interpreter), std::move(notice)};
}

}  // namespace dstack::python
