// providers trust: a project's libraries run only after the user allowed it.
#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "commands/project_files.hpp"
#include "dstack/audit/audit_log.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/home.hpp"
#include "dstack/provider/discovery/registry.hpp"
#include "dstack/provider/discovery/trust.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

using provider::Candidate;
using provider::CandidateStatus;
using provider::TrustedLibraries;

class ProvidersTrust final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .argument(
            "PROVIDER|FILE", wanted_, Need::optional, "a provider of the project; default: all")
        .flag("--revoke", revoke_, "no longer trust it")
        .note(
            "The libraries in a project's .dstack/plugins are code of the project's authors: they "
            "run as you,\n"
            "and only after this command. It trusts the file as it is now, by its SHA-256; a "
            "changed "
            "file\n"
            "must be trusted again.")
        .example("dstack providers trust", "trust all providers of this project, as they are")
        .example("dstack providers trust hello", "only this one");
  }

  Result<int> run(Context& context) override {
    const auto root = config::find_project(context.folder);
    if (!root)
      return refuse_missing_project();
    const auto registry = provider::Registry::discover(context.search_path());
    std::vector<const Candidate*> chosen;
    for (const Candidate& candidate : registry.candidates())
      if (candidate.source == "project" && is_wanted(context, candidate))
        chosen.push_back(&candidate);
    if (chosen.empty())
      return refuse_unknown(*root);
    return revoke_ ? revoke(context, chosen) : trust(context, chosen);
  }

 private:
  bool is_wanted(const Context& context, const Candidate& candidate) const {
    if (wanted_.empty() || candidate.name == wanted_)
      return true;
    boost::system::error_code error;
    return fs::equivalent(fs::absolute(wanted_), candidate.path, error) ||
           fs::equivalent(context.folder / wanted_, candidate.path, error);
  }

  Failure refuse_unknown(const Path& root) const {
    const Path folder = root / ".dstack" / "plugins";
    if (wanted_.empty())
      return fail(ErrorCode::not_found,
                  "this project has no providers: there are no libraries in '{}'",
                  folder.string())
          .with_hint("providers elsewhere need no trust; 'dstack providers list' shows all");
    return fail(ErrorCode::not_found, "this project has no provider '{}'", wanted_)
        .with_hint("'dstack providers list' shows all; those of the project are in '{}'",
                   folder.string());
  }

  Result<int> trust(Context& context, const std::vector<const Candidate*>& chosen) const {
    for (const Candidate* candidate : chosen)
      if (candidate->status == CandidateStatus::refused && !candidate->awaits_trust &&
          (!wanted_.empty() || chosen.size() == 1))
        return fail(ErrorCode::configuration,
                    "'{}' cannot be used: {}",
                    candidate->path.string(),
                    candidate->reason);
    DSTACK_CHECK(files::prepare_home(context.home));
    DSTACK_TRY(auto trusted, TrustedLibraries::load(context.home.trusted_providers()));
    std::vector<std::string> lines;
    for (const Candidate* candidate : chosen) {
      if (candidate->status == CandidateStatus::refused && !candidate->awaits_trust) {
        context.messages.warning(
            fmt::format("'{}' is skipped: {}", candidate->path.string(), candidate->reason));
        continue;
      }
      DSTACK_TRY(const Digest digest, trusted.add(candidate->path));
      lines.push_back(fmt::format("trusted {} {} ({}, SHA-256 {})",
                                  candidate->name,
                                  candidate->manifest->version,
                                  candidate->path.string(),
                                  digest.render()));
    }
    DSTACK_CHECK(trusted.save());
    if (!lines.empty())
      audit::note(context.home, "providers trust", {{"libraries", lines}});
    for (const std::string& line : lines)
      context.messages.note(printable(line));
    return exit_code::success;
  }

  static Result<int> revoke(Context& context, const std::vector<const Candidate*>& chosen) {
    DSTACK_TRY(auto trusted, TrustedLibraries::load(context.home.trusted_providers()));
    std::size_t count = 0;
    for (const Candidate* candidate : chosen)
      count += trusted.remove(candidate->path) ? 1u : 0u;
    if (count > 0) {
      DSTACK_CHECK(trusted.save());
      std::vector<std::string> libraries;
      for (const Candidate* candidate : chosen)
        libraries.push_back(candidate->path.string());
      audit::note(context.home, "providers trust --revoke", {{"libraries", libraries}});
    }
    context.messages.note(
        fmt::format("no longer trusting {} of this project", plural(count, "provider")));
    return exit_code::success;
  }

  std::string wanted_;
  bool revoke_ = false;
};

}  // namespace

std::unique_ptr<Action> make_providers_trust() {
  return std::make_unique<ProvidersTrust>();
}

}  // namespace dstack::cli
