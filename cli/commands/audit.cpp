#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/audit/audit_log.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/user.hpp"
#include "ui/table.hpp"

#include <map>

namespace dstack::cli {

namespace {

using audit::Entry;

/// "train of /home/ann/project: quiet-otter-3": the facts in one line.
std::string describe(const Json& value) {
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_array()) {
    std::vector<std::string> parts;
    for (const Json& element : value)
      parts.push_back(describe(element));
    return join(parts, ", ");
  }
  if (!value.is_object())
    return render_json(value);
  std::vector<std::string> parts;
  for (const auto& [name, member] : value.items())
    if (!member.is_null() && !(member.is_structured() && member.empty()))
      parts.push_back(fmt::format("{}: {}", name, describe(member)));
  return join(parts, "; ");
}

class Audit final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", run_, Need::optional, "only what was done with this run")
        .option("-n,--last", "N", most_, "only the last N entries")
        .flag("--json", json_, "as JSON: an array of entries")
        .note(
            "Runs, the secrets that they were given by name, the providers that they loaded, "
            "removals, changes\n"
            "applied to a project, trust and secrets: who did it, and when. Each entry holds the "
            "digest of the one\n"
            "before it; damage is reported, and the exit code is then 1.")
        .example("dstack audit -n 20", "what was done last")
        .example("dstack audit quiet-otter-3", "what was done with a run");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto log, audit::read(context.home));
    auto& entries = log.entries;
    if (!run_.empty())
      std::erase_if(entries, [this](const Entry& entry) { return !is_about_run(entry); });
    if (most_ && entries.size() > *most_)
      entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(*most_));
    if (json_)
      print_json(context, entries);
    else if (entries.empty())
      context.messages.note("no entries");
    else
      print(context, entries);
    if (log.damage.empty())
      return exit_code::success;
    std::vector<Error> errors;
    for (const std::string& damage : log.damage)
      errors.push_back(make_error(ErrorCode::damaged, "the audit log is damaged: {}", damage));
    errors.back().hint =
        fmt::format("a power cut takes the last entries at most; anything else was done to '{}'",
                    (context.home.root / "audit.log").string());
    return fail(join(std::move(errors)));
  }

 private:
  bool is_about_run(const Entry& entry) const {
    return json_string(entry.facts, "run") == run_ || entry.job == run_ || [&] {
      for (const std::string& name : json_strings(entry.facts, "runs"))
        if (name == run_)
          return true;
      return false;
    }();
  }

  std::string user(std::int64_t uid) {
    const auto [known, added] = users_.try_emplace(uid);
    if (added)
      known->second = user_name(static_cast<uid_t>(uid)).value_or(std::to_string(uid));
    return known->second;
  }

  std::string caller(const Entry& entry) {
    std::string text = user(entry.uid);
    if (entry.sudo_uid)
      text += fmt::format(" (sudo by {})", user(*entry.sudo_uid));
    if (!entry.job.empty())
      text += fmt::format(" (a job of {})", entry.job);
    return text;
  }

  void print(Context& context, const std::vector<Entry>& entries) {
    ui::Table table({{"TIME"},
                     {"BY"},
                     {"ACTION"},
                     {"DETAILS", ui::Table::Align::left, ui::Table::Width::shrinks}});
    for (const Entry& entry : entries)
      table.add({{render_time(entry.at)},
                 {printable(caller(entry))},
                 {printable(entry.action), ui::Colour::bold},
                 {printable(describe(entry.facts))}});
    context.out.write(table.render(context.out.stream()));
  }

  void print_json(Context& context, const std::vector<Entry>& entries) {
    Json list = Json::array();
    for (const Entry& entry : entries) {
      Json json = {{"number", entry.number},
                   {"at", render_time(entry.at)},
                   {"uid", entry.uid},
                   {"user", user(entry.uid)},
                   {"sudo_uid", entry.sudo_uid ? Json(*entry.sudo_uid) : Json()},
                   {"pid", entry.pid},
                   {"job_of", entry.job.empty() ? Json() : Json(entry.job)},
                   {"action", entry.action},
                   {"facts", entry.facts}};
      list.push_back(std::move(json));
    }
    context.out.json(list);
  }

  std::string run_;
  std::optional<std::size_t> most_;
  bool json_ = false;
  std::map<std::int64_t, std::string> users_;
};

}  // namespace

std::unique_ptr<Action> make_audit() {
  return std::make_unique<Audit>();
}

}  // namespace dstack::cli
