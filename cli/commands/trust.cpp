// trust: folders in which dstack believes what other users wrote.
#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/audit/audit_log.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/believed_home.hpp"
#include "dstack/trust/trusted_folders.hpp"
#include "ui/table.hpp"

#include <algorithm>

#include <sys/stat.h>

namespace dstack::cli {

namespace {

using trust::TrustedFolder;
using trust::TrustedFolders;

class Trust final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .argument("DIR",
                  wanted_,
                  Need::optional,
                  "the folder, with all that is below it; default: the current one")
        .flag("-l,--list", list_, "show the folders that are trusted")
        .flag("--remove", remove_, "no longer trust it")
        .flag("--json", json_, "with '--list', as JSON: an array of {folder, source, since}")
        .note(
            "A project, a home or a Python is used only where it belongs to you or to root, and "
            "nobody\n"
            "else can write to it or to a folder above it. What is in a trusted folder is used\n"
            "all the same: whoever can write there can have code run as you. DSTACK_TRUST=DIR[:DIR]"
            "\n"
            "trusts folders for one command, a container or a CI job.")
        .example("dstack trust /data/group/project", "use a project that a colleague has made")
        .example("dstack trust --list", "which folders are trusted")
        .example("dstack trust --remove /data/group/project", "no longer trust it");
  }

  bool opens_home() const override { return false; }

  Result<int> run(Context& context) override {
    if (list_ && (remove_ || !wanted_.empty()))
      return fail(ErrorCode::usage, "'--list' shows all folders, and takes none");
    if (json_ && !list_)
      return fail(ErrorCode::usage, "'--json' needs '--list'");
    DSTACK_TRY(auto trusted, TrustedFolders::load(trust::trusted_folders_file()));
    if (list_)
      return show(context, trusted);
    return remove_ ? remove(context, trusted) : add(context, trusted);
  }

 private:
  Path named_folder(const Context& context) const {
    return place_of_new(wanted_.empty() ? context.folder : Path(wanted_));
  }

  Result<int> add(const Context& context, TrustedFolders& trusted) const {
    const Path folder = named_folder(context);

    struct stat status {};

    if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
      return fail(ErrorCode::not_found, "there is no folder '{}'", folder.string());
    if (find_invalid_utf8(folder.string()))
      return fail(ErrorCode::unavailable,
                  "the path '{}' is not UTF-8, so it cannot be on the list",
                  printable(folder.string()))
          .with_hint("DSTACK_TRUST takes any path");
    const bool is_new = trusted.add(folder);
    if (is_new) {
      DSTACK_CHECK(trusted.save());
      note_in_audit_log(context, "trust", folder);
    }
    if ((status.st_mode & S_IWOTH) != 0)
      context.messages.warning(
          fmt::format("every user of this machine can write to '{}', and so have code run as you",
                      folder.string()));
    context.messages.note(printable(fmt::format("{} '{}' and what is below it",
                                                is_new ? "trusting" : "already trusting",
                                                folder.string())));
    return exit_code::success;
  }

  /// The list is not in the home, which may be what is not trusted yet: then there is no entry.
  static void note_in_audit_log(const Context& context,
                                const std::string& action,
                                const Path& folder) {
    boost::system::error_code error;
    if (fs::is_directory(context.home.root, error) && files::believe_home(context.home))
      audit::note(context.home, action, {{"folder", folder.string()}});
  }

  /// Also of a folder that has gone: its path is then taken as it is on the list.
  Result<int> remove(const Context& context, TrustedFolders& trusted) const {
    const Path folder = named_folder(context);
    if (!trusted.remove(folder) && !trusted.remove(Path(wanted_)))
      return refuse_unknown(trusted, folder);
    DSTACK_CHECK(trusted.save());
    note_in_audit_log(context, "trust --remove", folder);
    context.messages.note(printable(fmt::format("no longer trusting '{}'", folder.string())));
    return exit_code::success;
  }

  static Failure refuse_unknown(const TrustedFolders& trusted, const Path& folder) {
    std::string hint = "'dstack trust --list' shows those that are";
    for (const TrustedFolder& each : trusted.folders())
      if (is_below(folder.string(), each.folder.string()))
        hint = fmt::format("it is below '{}', which is", each.folder.string());
    return fail(ErrorCode::not_found, "'{}' is not on the list of trusted folders", folder.string())
        .with_hint("{}", hint);
  }

  Result<int> show(Context& context, const TrustedFolders& trusted) const {
    std::vector<TrustedFolder> all = trusted.folders();
    const trust::TrustVariable variable = trust::trust_variable();
    all.insert(all.end(), variable.folders.begin(), variable.folders.end());
    for (const std::string& wrong : variable.passed_over)
      context.messages.warning(fmt::format(
          "DSTACK_TRUST names '{}', which is not an absolute path and is ignored", wrong));
    if (json_)
      context.out.json(as_json(all));
    else if (all.empty())
      context.messages.note("no folders are trusted but your own and root's");
    else
      context.out.write(render(context, all));
    return exit_code::success;
  }

  static std::string source_of(const TrustedFolder& folder) {
    return folder.since ? "list" : "DSTACK_TRUST";
  }

  static Json as_json(const std::vector<TrustedFolder>& folders) {
    Json list = Json::array();
    for (const TrustedFolder& each : folders)
      list.push_back({{"folder", each.folder.string()},
                      {"source", source_of(each)},
                      {"since", each.since ? Json(render_time(*each.since)) : Json()}});
    return list;
  }

  static std::string render(const Context& context, const std::vector<TrustedFolder>& folders) {
    const ui::Stream& stream = context.out.stream();
    ui::Table table({{"FOLDER"}, {"SINCE"}});
    const Timestamp at = now();
    for (const TrustedFolder& each : folders) {
      std::string since = "DSTACK_TRUST";
      if (each.since)
        since = stream.terminal ? render_age(*each.since, at) : render_time(*each.since);
      table.add({{each.folder.string(), ui::Colour::bold}, {since}});
    }
    return table.render(stream);
  }

  std::string wanted_;
  bool list_ = false;
  bool remove_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_trust() {
  return std::make_unique<Trust>();
}

}  // namespace dstack::cli
