#include "dstack/plan/script.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/plan/options.hpp"
#include "dstack/plan/target.hpp"

#include <array>

namespace dstack::plan {

namespace {

struct Ending {
  std::string_view text;
  std::string_view provider;
};

constexpr std::array endings = {
    Ending{".py", "python"}, Ending{".ipynb", "notebook"}, Ending{".sh", "bash"}};

/// From the project's root; nothing when it is elsewhere.
std::optional<std::string> path_in_project(const Request& request, const config::Project& project) {
  const std::string& named = request.target;
  if (!named.starts_with('/'))
    return resolve_path((Path(project.base) / request.place).string(), named);
  // As it was named, or where its folder really is.
  for (const Path& path : {Path(named).lexically_normal(),
                           real_path(Path(named).parent_path()) / Path(named).filename()})
    if (const std::string below = display_path(path, project.root); !below.starts_with('/'))
      return below;
  return std::nullopt;
}

}  // namespace

std::string_view provider_of_script(std::string_view name) {
  for (const Ending& ending : endings)
    if (name.ends_with(ending.text) && name.size() > ending.text.size() &&
        name[name.size() - ending.text.size() - 1] != '/')
      return ending.provider;
  return {};
}

std::string describe_script_endings() {
  std::string list;
  for (const Ending& ending : endings)
    list += fmt::format("{}'{}'",
                        list.empty()                 ? ""
                        : &ending == &endings.back() ? " or "
                                                     : ", ",
                        ending.text);
  return list;
}

Result<std::string> find_script(const Request& request,
                                const config::Project& project,
                                const source::Snapshot& code,
                                const SourceLocation& where) {
  const auto path = path_in_project(request, project);
  if (!path)
    return fail(ErrorCode::not_found,
                "'{}' is not in the project '{}'",
                printable(request.target),
                printable(project.root.string()))
        .at(where)
        .with_hint("{}",
                   project.defined
                       ? "a run has the files of the project only: move the script there"
                       : "without a '.dstack' folder the project is the current folder: run this "
                         "in a folder that holds the script and all that it needs");
  if (code.contains(*path))
    return *path;
  boost::system::error_code problem;
  if (fs::is_directory(project.root / *path, problem))
    return fail(ErrorCode::not_found, "'{}' is a folder", printable(*path)).at(where);
  if (fs::exists(project.root / *path, problem))
    return fail(ErrorCode::not_found,
                "{}",
                source::explain_left_out(project.root, *path, project.base))
        .at(where);
  std::string hint = similar_files(*path, code);
  if (hint.empty())
    hint = "no workflow has this name either; 'dstack workflows' lists those that there are";
  return fail(ErrorCode::not_found,
              "there is no file '{}' in '{}'",
              printable(*path),
              printable(project.root.string()))
      .at(where)
      .with_hint("{}", hint);
}

config::Workflow script_workflow(const std::string& path, const SourceLocation& where) {
  config::Workflow workflow = provider_workflow(std::string(provider_of_script(path)), where);
  if (const std::string name(file_name(path)); is_name(name))
    workflow.name = name;
  return workflow;
}

namespace {

/// The path as seen from the working directory that the properties name.
std::string path_from_working_dir(const Draft& draft, const std::string& path) {
  const provider::Property* property = draft.manifest().find("working_dir");
  const config::Member* given =
      property == nullptr ? nullptr : find_member(draft.properties(), *property);
  const std::string folder =
      given == nullptr ? "" : normal_relative_path(given->value.text).value_or("");
  return folder.empty() ? path : Path(path).lexically_relative(folder).string();
}

config::Value literal(const std::string& text, const SourceLocation& where) {
  config::Value value = config::make_scalar(text, where);
  value.quoted = true;
  return value;
}

}  // namespace

Result<ScriptArguments> add_script(Draft& draft,
                                   const std::string& path,
                                   const std::vector<std::string>& arguments,
                                   const SourceLocation& where) {
  const provider::Property* commands = draft.manifest().find("commands");
  if (commands == nullptr) {
    draft.own_properties().members.push_back({"file", where, literal(path, where)});
    return ScriptArguments::not_taken;
  }
  if (const config::Member* given = find_member(draft.properties(), *commands))
    return fail(ErrorCode::usage, "a script is run without other commands")
        .at(given->value.where)
        .with_hint("'dstack run {}' takes any number of '-c COMMAND'", draft.provider->name);
  std::vector<std::string> words = {"bash", "./" + path_from_working_dir(draft, path)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<config::Value> all;
  all.push_back(literal(shell_join(words), where));
  draft.own_properties().members.push_back(
      {commands->name, where, config::make_sequence(std::move(all), where)});
  return ScriptArguments::taken;
}

std::string note_inline_dependencies(const Draft& draft,
                                     const Path& project,
                                     const std::string& path) {
  const provider::Property* requirements = draft.manifest().find("requirements");
  if (!path.ends_with(".py") || requirements == nullptr ||
      find_member(draft.properties(), *requirements) != nullptr)
    return {};
  const std::string text = read_file(project / path).value_or("");
  for (const std::string_view line : split(text, '\n'))
    if (line == "# /// script" || line == "# /// script\r")
      return fmt::format(
          "'{}' lists its dependencies in itself ('# /// script'), which is not read: put them "
          "into a file, and add '-r FILE'",
          path);
  return {};
}

}  // namespace dstack::plan
