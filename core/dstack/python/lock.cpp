#include "dstack/python/lock.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/toml.hpp"
#include "dstack/python/pyproject.hpp"

#include <set>

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

/// The names of the root's dependencies, as the lock knows them.
std::set<std::string> locked_names(const TomlValue& package) {
  std::set<std::string> names;
  if (const TomlValue* list = package.find({"metadata", "requires-dist"}))
    for (const TomlValue& entry : list->elements)
      if (const TomlValue* name = entry.find("name"))
        names.insert(normal_package_name(name->text));
  return names;
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
    const TomlValue* dependencies = project.find({"project", "dependencies"});
    if (dependencies == nullptr)
      return {};
    const std::set<std::string> locked = locked_names(package);
    for (const TomlValue& dependency : dependencies->elements)
      if (const std::string name = normal_package_name(package_name_of(dependency.text));
          !name.empty() && !locked.contains(name))
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
  LockedProject locked_;
};

}  // namespace

Result<LockedProject> read_lock(const job::RequirementsSource& source, const Path& code) {
  return Reader(source, code).read();
}

}  // namespace dstack::python
