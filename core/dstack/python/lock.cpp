#include "dstack/python/lock.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/toml.hpp"
#include "dstack/python/pyproject.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace dstack::python {

namespace {

constexpr const char* project_name = "pyproject.toml";

/// The value of the one member that says where a package comes from.
std::string source_of(const TomlValue& package, std::string_view kind) {
  const TomlValue* value = package.find({"source", kind});
  return value != nullptr && value->kind == TomlKind::text ? value->text : std::string();
}

bool is_root(const TomlValue& package) {
  return source_of(package, "editable") == "." || source_of(package, "virtual") == "." ||
         source_of(package, "directory") == ".";
}

/// The names in a list of the lock's; none where there is no such list.
std::set<std::string> locked_names(const TomlValue* list) {
  std::set<std::string> names;
  if (list != nullptr)
    for (const TomlValue& entry : list->elements)
      if (const TomlValue* name = entry.find("name"))
        names.insert(normal_package_name(name->text));
  return names;
}

const TomlValue* find_part(const TomlValue* table, std::string_view name) {
  if (table != nullptr)
    for (const TomlMember& member : table->members)
      if (normal_package_name(member.key) == normal_package_name(name))
        return &member.value;
  return nullptr;
}

class Reader {
 public:
  Reader(const job::RequirementsSource& source, const Path& code) : code_(code) {
    locked_.source = source;
    const Path path = code / source.file;
    locked_.folder = path.parent_path();
    const std::string_view above = folder_of(source.file);
    project_file_ = above.empty() ? project_name : fmt::format("{}/{}", above, project_name);
  }

  Result<LockedProject> read() {
    DSTACK_TRY(locked_.lock, read_file(code_ / locked_.source.file));
    DSTACK_TRY(const TomlValue lock, parse_toml(locked_.lock, locked_.source.file));
    boost::system::error_code error;
    if (!fs::is_regular_file(code_ / project_file_, error))
      return fail(ErrorCode::configuration,
                  "'{}' needs '{}' beside it, which is not in the project's code",
                  locked_.source.file,
                  project_file_);
    DSTACK_TRY(locked_.project, read_file(code_ / project_file_));
    DSTACK_TRY(const TomlValue project, parse_toml(locked_.project, project_file_));
    locked_.is_package = project.find("project") != nullptr;
    if (const TomlValue* name = project.find({"project", "name"}))
      name_ = normal_package_name(name->text);
    job::RequirementsSource named = locked_.source;
    named.file = project_file_;
    DSTACK_CHECK(check_parts(project, named));
    if (const TomlValue* packages = lock.find("package"))
      for (const TomlValue& package : packages->elements)
        DSTACK_CHECK(add(package, project));
    return std::move(locked_);
  }

 private:
  Result<void> add(const TomlValue& package, const TomlValue& project) {
    if (is_root(package)) {
      if (locked_.source.project)
        locked_.local.push_back({LockedPath::Kind::project, locked_.folder});
      return check_age(package, project);
    }
    for (const char* kind : {"editable", "virtual", "directory"})
      if (const std::string path = source_of(package, kind); !path.empty())
        return add_path(LockedPath::Kind::project, path, package);
    if (const std::string path = source_of(package, "path"); !path.empty())
      return add_path(LockedPath::Kind::archive, path, package);
    if (const std::string place = source_of(package, "registry");
        !place.empty() && place.find("://") == std::string::npos)
      return add_path(LockedPath::Kind::wheels, place, package);
    return {};
  }

  Result<void> add_path(LockedPath::Kind kind,
                        const std::string& written,
                        const TomlValue& package) {
    const Path path = written.starts_with('/')
                          ? Path(written)
                          : (locked_.folder / written / ".").lexically_normal().parent_path();
    for (const LockedPath& known : locked_.local)
      if (known.path == path)
        return {};
    if (!written.starts_with('/') && !is_below(path.string(), code_.string()))
      return fail(ErrorCode::configuration,
                  "'{}' is outside the project, so it is not part of the run's code",
                  written)
          .at(package.find("source")->where)
          .with_hint("move it into the project, or set 'root: ..' in workflows.yaml");
    boost::system::error_code error;
    if (!fs::exists(path, error))
      return fail(ErrorCode::configuration, "'{}' is not in the project's code", written)
          .at(package.find("source")->where)
          .with_hint("a file that Git ignores is not part of the code");
    locked_.local.push_back({kind, path});
    return {};
  }

  /// uv installs what is locked, whatever pyproject.toml has come to say.
  Result<void> check_age(const TomlValue& package, const TomlValue& project) const {
    const TomlValue* metadata = package.find({"metadata", "requires-dist"});
    const std::set<std::string> locked = locked_names(metadata);
    DSTACK_CHECK(check_list(project.find({"project", "dependencies"}), locked));
    const TomlValue* extras = project.find({"project", "optional-dependencies"});
    for (const std::string& extra : locked_.source.extras)
      if (metadata != nullptr)
        DSTACK_CHECK(check_list(find_part(extras, extra), locked));
    const TomlValue* groups = package.find({"metadata", "requires-dev"});
    for (const std::string& group : locked_.source.groups)
      if (groups != nullptr)  // locks of old uvs have none
        DSTACK_CHECK(check_group(project, group, locked_names(find_part(groups, group))));
    return {};
  }

  /// What a group includes is locked with it. Groups that include each other are refused by uv.
  Result<void> check_group(const TomlValue& project,
                           const std::string& group,
                           const std::set<std::string>& locked) const {
    std::vector<std::string> wanted = {group};
    for (std::size_t next = 0; next < wanted.size(); ++next) {
      const TomlValue* list = find_part(project.find("dependency-groups"), wanted[next]);
      DSTACK_CHECK(check_list(list, locked));
      for (std::size_t i = 0; list != nullptr && i < list->elements.size(); ++i)
        if (const TomlValue* included = list->elements[i].find("include-group");
            included != nullptr &&
            std::find(wanted.begin(), wanted.end(), included->text) == wanted.end())
          wanted.push_back(included->text);
    }
    return {};
  }

  Result<void> check_list(const TomlValue* list, const std::set<std::string>& locked) const {
    if (list == nullptr)
      return {};
    for (const TomlValue& dependency : list->elements)
      if (const std::string name = normal_package_name(package_name_of(dependency.text));
          !name.empty() && !locked.contains(name) && name != name_)
        return fail(ErrorCode::configuration,
                    "'{}' is older than '{}': it does not have '{}'",
                    locked_.source.file,
                    project_file_,
                    name)
            .at(dependency.where)
            .with_hint("run 'uv lock'");
    return {};
  }

  Path code_;
  std::string project_file_;  ///< from the project's root
  std::string name_;          ///< the project's own: `all = ["mine[gpu]"]` adds no package
  LockedProject locked_;
};

}  // namespace

Result<LockedProject> read_lock(const job::RequirementsSource& source, const Path& code) {
  return Reader(source, code).read();
}

}  // namespace dstack::python
