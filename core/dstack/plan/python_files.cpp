#include "dstack/plan/python_files.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/toml.hpp"
#include "dstack/python/convention.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

constexpr const char* version_file = ".python-version";
constexpr const char* project_file = "pyproject.toml";
constexpr const char* lock_file = "uv.lock";
constexpr std::uintmax_t largest_version_file = 64 << 10;

class Finder {
 public:
  explicit Finder(const Path& root) : root_(root) {}

  PythonFiles find(std::string folder) {
    for (;;) {
      look_in(folder.empty() ? folder : folder + "/");
      if (folder.empty())
        return std::move(found_);
      folder.resize(folder_of(folder).size());
    }
  }

 private:
  /// `prefix` ends in a slash, or is empty.
  void look_in(const std::string& prefix) {
    if (!has_version_) {
      if (const auto text = read(prefix + version_file, largest_version_file))
        read_version(prefix + version_file, *text);
    }
    if (!has_project_)
      if (const auto text = read(prefix + project_file, largest_toml))
        read_project(prefix + project_file, *text);
    boost::system::error_code error;
    if (!has_lock_ && fs::is_regular_file(root_ / (prefix + lock_file), error)) {
      has_lock_ = true;
      found_.dependencies.push_back(prefix + lock_file);
    }
  }

  /// Nothing for what is no such file.
  std::optional<std::string> read(const std::string& path, std::uintmax_t largest) const {
    boost::system::error_code error;
    if (!fs::is_regular_file(root_ / path, error) || fs::file_size(root_ / path, error) > largest)
      return std::nullopt;
    auto text = read_file(root_ / path);
    return text ? std::optional(*std::move(text)) : std::nullopt;
  }

  void read_version(const std::string& path, const std::string& text) {
    using Kind = python::VersionFileEntry::Kind;
    const auto entry = python::read_version_file(text);
    if (!entry)
      return;
    has_version_ = true;
    const SourceLocation where{make_source_text(path, text),
                               entry->line,
                               entry->column,
                               static_cast<std::uint32_t>(count_characters(entry->written))};
    const std::string written = printable(entry->written);
    if (entry->kind == Kind::version) {
      found_.request.version = entry->version;
      found_.request.named_by = path;
      found_.version = where;
    } else if (entry->kind == Kind::range) {
      take_range(entry->version, path, where);
    } else if (entry->kind == Kind::implementation) {
      found_.problem =
          make_error(ErrorCode::configuration,
                     "'{}' is not CPython, the only Python that jobs can have",
                     written)
              .at(where)
              .with_hint(
                  "name a version of CPython there, or in the workflow, where it overrides "
                  "this file");
    } else {
      found_.notices.push_back(fmt::format(
          "{}: '{}' is not a version of Python, and is not heeded", where.render(), written));
    }
  }

  void read_project(const std::string& path, const std::string& text) {
    const auto document = parse_toml(text, path);
    if (!document) {
      has_project_ = true;
      const Error& error = document.error();
      found_.notices.push_back(fmt::format("{}: {}, so the file is not heeded",
                                           error.where ? error.where->render() : path,
                                           printable(error.message)));
      return;
    }
    const TomlValue* project = document->find("project");
    if (project == nullptr)
      return;  // only settings of tools: the project is above
    has_project_ = true;
    if (lists_dependencies(*project))
      found_.dependencies.insert(found_.dependencies.begin(), path);
    const TomlValue* range = project->find("requires-python");
    if (range == nullptr || range->kind != TomlKind::text)
      return;
    if (python::VersionRange::parse(range->text))
      take_range(range->text, path, range->where);
    else
      found_.notices.push_back(
          fmt::format("{}: '{}' is not a specifier of versions such as '>=3.10', and is not heeded",
                      range->where.render(),
                      printable(range->text)));
  }

  static bool lists_dependencies(const TomlValue& project) {
    const TomlValue* list = project.find("dependencies");
    if (list != nullptr)
      return !list->elements.empty();
    const TomlValue* dynamic = project.find("dynamic");
    return dynamic != nullptr &&
           std::any_of(dynamic->elements.begin(), dynamic->elements.end(), [](const auto& name) {
             return name.text == "dependencies";
           });
  }

  /// That of `.python-version` wins.
  void take_range(const std::string& range, const std::string& path, const SourceLocation& where) {
    if (!found_.request.range.empty() || trim(range).empty())
      return;
    found_.request.range = range;
    found_.request.range_by = path;
    found_.range = where;
  }

  const Path& root_;
  PythonFiles found_;
  bool has_version_ = false;
  bool has_project_ = false;
  bool has_lock_ = false;
};

}  // namespace

PythonFiles find_python_files(const Path& root, const std::string& folder) {
  return Finder(root).find(folder);
}

}  // namespace dstack::plan
