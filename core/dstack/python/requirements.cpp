#include "dstack/python/requirements.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/python/conda.hpp"
#include "dstack/python/foreign_files.hpp"
#include "dstack/python/pyproject.hpp"
#include "dstack/python/requirement_line.hpp"
#include "dstack/python/requirement_text.hpp"
#include "dstack/python/requirement_variables.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace dstack::python {

namespace {

/// Name of the file with the packages of the request itself.
constexpr const char* packages_name = "packages of the workflow";

constexpr std::uintmax_t largest_file = 4 << 20;
constexpr std::size_t most_files = 1000;
constexpr std::size_t deepest = 64;  ///< files that include each other

/// Without `.`, `..` and a slash at the end.
Path normal(const Path& path) {
  const Path clean = path.lexically_normal();
  return clean.filename() == "." || clean.filename().empty() ? clean.parent_path() : clean;
}

bool is_project(const Path& folder) {
  boost::system::error_code error;
  return fs::exists(folder / "pyproject.toml", error) || fs::exists(folder / "setup.py", error);
}

/// A device or pipe might never end, and a list of packages is short.
Result<void> check_file(const Path& path, const std::string& name) {
  boost::system::error_code error;
  if (!fs::is_regular_file(path, error))
    return fail(ErrorCode::configuration, "requirements file '{}' is not a file", name)
        .with_hint("name a file that lists packages, one a line");
  const std::uintmax_t size = fs::file_size(path, error);
  if (error || size > largest_file)
    return fail(ErrorCode::configuration, "requirements file '{}' is larger than 4 MiB", name)
        .with_hint("name a file that lists packages, one a line");
  return {};
}

Result<void> check_there(const Path& path, const std::string& name) {
  boost::system::error_code error;
  if (fs::exists(path, error))
    return {};
  return fail(ErrorCode::configuration, "requirements file '{}' is not in the project's code", name)
      .with_hint(
          "check the path, which begins at the project's root; a file that Git ignores is "
          "not part of the code");
}

/// Reads the files of one request, depth first.
class Reader {
 public:
  Reader(const Path& code, Lookup environment)
      : code_(normal(code)), environment_(std::move(environment)) {}

  Result<Requirements> read(const job::PythonRequest& request);

 private:
  Result<void> read_source(job::RequirementsSource source);
  Result<std::size_t> read_project(const job::RequirementsSource& source);
  Result<void> add_project_line(RequirementFile& file,
                                const Path& folder,
                                const ProjectRequirement& line);
  Result<std::size_t> read_at(const Path& path, const std::string& name);
  Result<std::size_t> add(const Path& path, std::string name, std::string text);
  Result<void> add_line(RequirementFile& file, const Path& folder, const LogicalLine& line);
  Result<void> add_include(RequirementFile& file,
                           const Path& folder,
                           const LogicalLine& line,
                           Span span);
  enum class Editable { no, yes };
  Result<void> add_requirement(RequirementFile& file,
                               const Path& folder,
                               const LogicalLine& line,
                               Span value,
                               Editable editable);
  Result<Path> find_local(const RequirementFile& file,
                          const Path& folder,
                          const LogicalLine& line,
                          Span span);
  void add_wheels(RequirementFile& file, const Path& folder, const LogicalLine& line, Span span);

  Error at(const RequirementFile& file,
           const LogicalLine& line,
           Span span,
           const std::string& message,
           const std::string& hint) {
    SourceLocation place{
        make_source_text(file.name, file.text),
        static_cast<std::uint32_t>(line.number),
        static_cast<std::uint32_t>(count_characters(line.text.substr(0, span.begin)) + 1),
        static_cast<std::uint32_t>(count_characters(line.text.substr(span.begin, span.size)))};
    return make_error(ErrorCode::configuration, "{}", message)
        .at(std::move(place))
        .with_hint("{}", hint);
  }

  /// A path as the installers will see it. uv calls the folder of the project PROJECT_ROOT.
  std::string expanded(const std::string& written) const {
    return expand_variables(written, [this](const std::string& name) {
      return name == "PROJECT_ROOT" || name == "PWD" ? std::optional(code_.string())
                                                     : environment_(name);
    });
  }

  Path code_;
  Lookup environment_;
  Requirements result_;
  std::vector<Path> paths_;        ///< of result_.files
  std::vector<std::size_t> open_;  ///< the files being read, outermost first
};

Result<Requirements> Reader::read(const job::PythonRequest& request) {
  std::vector<std::string> names;
  for (const std::string& requested : request.requirements) {
    job::RequirementsSource source = job::parse_requirements_source(requested);
    const auto name = normal_relative_path(source.file);
    if (!name)
      return fail(ErrorCode::configuration,
                  "requirements file '{}' is outside the project",
                  source.file)
          .with_hint("name a file by its path from the project's root");
    source.file = *name;
    names.push_back(job::render(source));
    DSTACK_CHECK(read_source(std::move(source)));
  }
  if (result_.conda && result_.lock)
    return fail(ErrorCode::configuration,
                "'{}' and '{}' cannot be installed into one environment: both say all of it",
                result_.conda->name,
                result_.lock->source.file);
  if (!request.packages.empty()) {
    DSTACK_TRY(const std::size_t index,
               add(code_ / packages_name, packages_name, join(request.packages, "\n") + "\n"));
    result_.roots.push_back(index);
    names.insert(names.end(), request.packages.begin(), request.packages.end());
  }
  result_.title = quoted_list(names);
  return std::move(result_);
}

Result<void> Reader::read_source(job::RequirementsSource source) {
  DSTACK_CHECK(check_requirements_name(source.file));
  const job::RequirementsFormat format = job::format_of(source);
  if (format == job::RequirementsFormat::uv_lock) {
    DSTACK_CHECK(check_there(code_ / source.file, source.file));
    if (result_.lock)
      return fail(ErrorCode::configuration,
                  "'{}' and '{}' cannot be installed into one environment",
                  result_.lock->source.file,
                  source.file)
          .with_hint(
              "name one uv.lock with all extras and groups: {{file: uv.lock, groups: [a, b]}}");
    DSTACK_TRY(result_.lock, read_lock(source, code_));
    return {};
  }
  if (format == job::RequirementsFormat::conda) {
    const Path path = code_ / source.file;
    DSTACK_CHECK(check_there(path, source.file));
    DSTACK_CHECK(check_file(path, source.file));
    DSTACK_TRY(const std::string text, read_file(path));
    DSTACK_CHECK(check_conda_file(text, source.file));
    if (result_.conda)
      return fail(ErrorCode::configuration,
                  "'{}' and '{}' cannot be made into one environment",
                  result_.conda->name,
                  source.file);
    result_.conda = CondaFile{source.file, text};
    return {};
  }
  auto index = format == job::RequirementsFormat::project
                   ? read_project(source)
                   : read_at(code_ / source.file, source.file);
  if (!index)
    return fail(std::move(index).error());
  result_.roots.push_back(*index);
  return {};
}

/// The lines that a requirements file would have in place of a pyproject.toml.
Result<std::size_t> Reader::read_project(const job::RequirementsSource& source) {
  const Path path = code_ / source.file;
  DSTACK_CHECK(check_there(path, source.file));
  DSTACK_TRY(const std::string text, read_file(path));
  DSTACK_TRY(const TomlValue root, parse_toml(text, source.file));
  DSTACK_TRY(const auto lines, project_requirements(root, source));
  RequirementFile file{job::render(source), {}, {}};
  for (const ProjectRequirement& line : lines)
    DSTACK_CHECK(add_project_line(file, path.parent_path(), line));
  for (const Piece& piece : file.pieces)
    file.text += piece.text;
  result_.files.push_back(std::move(file));
  paths_.push_back(path.string() + "#" + job::render(source));  // nothing includes it
  return result_.files.size() - 1;
}

Result<void> Reader::add_project_line(RequirementFile& file,
                                      const Path& folder,
                                      const ProjectRequirement& line) {
  file.pieces.push_back({PieceKind::text, line.text, {}, 0});
  if (!line.local.empty()) {
    const Path path = normal(line.local.starts_with('/') ? Path(line.local) : folder / line.local);
    boost::system::error_code error;
    const bool is_file = fs::is_regular_file(path, error);
    if (!line.local.starts_with('/') && !is_below(path.string(), code_.string()))
      return fail(ErrorCode::configuration,
                  "'{}' is outside the project, so it is not part of the run's code",
                  line.local)
          .at(line.where)
          .with_hint("move it into the project, or set 'root: ..' in workflows.yaml");
    if (!is_file && !is_project(path))
      return fail(ErrorCode::configuration,
                  "'{}' is not in the project's code, or not a project",
                  line.local)
          .at(line.where)
          .with_hint("a path begins at the folder of '{}'", file.name);
    file.pieces.push_back(
        {is_file ? PieceKind::local_file : PieceKind::project, line.local, path, 0});
  }
  file.pieces.push_back({PieceKind::text, line.after + "\n", {}, 0});
  return {};
}

Result<std::size_t> Reader::read_at(const Path& path, const std::string& name) {
  const std::string file_name = path.filename().string();
  if (job::format_of({file_name, {}, {}, false}) != job::RequirementsFormat::pip)
    return fail(ErrorCode::configuration, "'{}' cannot be included by a requirements file", name)
        .with_hint("name it in the workflow's 'requirements', beside the others");
  DSTACK_CHECK(check_requirements_name(name));
  DSTACK_CHECK(check_there(path, name));
  DSTACK_CHECK(check_file(path, name));
  DSTACK_TRY(const std::string bytes, read_file(path));
  DSTACK_TRY(std::string text, decode_requirements(bytes, name));
  return add(path, name, std::move(text));
}

Result<std::size_t> Reader::add(const Path& path, std::string name, std::string text) {
  const std::size_t index = result_.files.size();
  result_.files.emplace_back();
  paths_.push_back(path);
  open_.push_back(index);
  RequirementFile file{std::move(name), std::move(text), {}};
  for (const LogicalLine& line : logical_lines(file.text))
    DSTACK_CHECK(add_line(file, path.parent_path(), line));
  result_.files[index] = std::move(file);
  open_.pop_back();
  return index;
}

Result<void> Reader::add_line(RequirementFile& file, const Path& folder, const LogicalLine& line) {
  const std::string_view text = without_comment(line.text);
  for (const auto& [short_name, long_name] :
       {std::pair("-r", "--requirement"), std::pair("-c", "--constraint")})
    if (const auto value = option_value(text, short_name, long_name))
      return add_include(file, folder, line, *value);
  if (const auto value = option_value(text, "-f", "--find-links")) {
    add_wheels(file, folder, line, *value);
    return {};
  }
  if (const auto value = option_value(text, "-e", "--editable"))
    return add_requirement(file, folder, line, *value, Editable::yes);
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || text[begin] == '-') {
    file.pieces.push_back({PieceKind::text, line.text, {}, 0});
    return {};
  }
  return add_requirement(file, folder, line, {begin, trim(text).size()}, Editable::no);
}

Result<void> Reader::add_include(RequirementFile& file,
                                 const Path& folder,
                                 const LogicalLine& line,
                                 Span span) {
  const std::string written = line.text.substr(span.begin, span.size);
  const std::string wanted = expanded(written);
  if (is_url(wanted)) {
    file.pieces.push_back({PieceKind::text, line.text, {}, 0});
    return {};
  }
  const Path path = normal(wanted.starts_with('/') ? Path(wanted) : folder / wanted);
  if (!wanted.starts_with('/') && !is_below(path.string(), code_.string()))
    return fail(
        at(file,
           line,
           span,
           fmt::format("'{}' is outside the project, so it is not part of the run's code", written),
           "move it into the project"));
  const auto known = std::find(paths_.begin(), paths_.end(), path);
  std::size_t target = static_cast<std::size_t>(known - paths_.begin());
  if (std::find(open_.begin(), open_.end(), target) != open_.end()) {
    std::string cycle;
    for (const std::size_t index : open_)
      if (index >= target)
        cycle += fmt::format("{} -> ", display_path(paths_[index], code_));
    return fail(at(file,
                   line,
                   span,
                   fmt::format("requirement files include each other in a cycle: {}{}",
                               cycle,
                               display_path(path, code_)),
                   "remove one of these lines"));
  }
  if (known == paths_.end()) {
    boost::system::error_code error;
    if (!fs::exists(path, error))
      return fail(at(
          file,
          line,
          span,
          fmt::format("'{}' includes '{}', which is not in the project's code", file.name, written),
          "the path is relative to the including file; a file that Git ignores is not part of "
          "the code"));
    if (open_.size() == deepest || result_.files.size() == most_files)
      return fail(at(file,
                     line,
                     span,
                     open_.size() == deepest
                         ? fmt::format("more than {} files include each other here", deepest)
                         : fmt::format("more than {} files are included", most_files),
                     "merge them into fewer files"));
    DSTACK_TRY(target, read_at(path, display_path(path, code_)));
  }
  file.pieces.push_back({PieceKind::text, line.text.substr(0, span.begin), {}, 0});
  file.pieces.push_back({PieceKind::include, wanted, path, target});
  file.pieces.push_back({PieceKind::text, line.text.substr(span.begin + span.size), {}, 0});
  return {};
}

/// The target of a local path; an error when nothing that can be installed is there.
Result<Path> Reader::find_local(const RequirementFile& file,
                                const Path& folder,
                                const LogicalLine& line,
                                Span span) {
  const std::string written = line.text.substr(span.begin, span.size);
  const std::string whole = expanded(written);
  const std::string wanted(without_file_scheme(whole));
  const auto wrong = [&](const std::string& what, const std::string& hint) {
    return fail(at(file, line, span, fmt::format("'{}' {}", written, what), hint));
  };
  boost::system::error_code error;
  Path path = normal(wanted.starts_with('/') ? Path(wanted) : code_ / wanted);
  if (!wanted.starts_with('/')) {
    const Path beside = normal(folder / wanted);
    if (!fs::is_regular_file(path, error) && !is_project(path) && fs::exists(beside, error))
      path = beside;
    if (!is_below(path.string(), code_.string()))
      return wrong("is outside the project, so it is not part of the run's code",
                   "move it into the project, or give its absolute path");
  }
  if (fs::is_regular_file(path, error) || is_project(path))
    return path;
  if (fs::is_directory(path, error))
    return wrong("cannot be installed: it has neither a pyproject.toml nor a setup.py", "");
  return wrong(
      "is not in the project's code",
      "a local path begins at the project's root; files that Git ignores are not part of the code");
}

Result<void> Reader::add_requirement(RequirementFile& file,
                                     const Path& folder,
                                     const LogicalLine& line,
                                     Span value,
                                     Editable editable) {
  const Span span = path_part(line.text, after_name(line.text, value));
  const std::string written = line.text.substr(span.begin, span.size);
  const std::string wanted = expanded(written);
  const bool local = wanted.find("${") == std::string::npos &&
                     (looks_like_path(wanted) || (editable == Editable::yes && !is_url(wanted)));
  // The `-e` is removed, also before a URL: it would install into a folder that is removed or
  // read-only.
  const std::size_t begin = editable == Editable::yes ? value.begin : 0;
  if (!local) {
    // pip replaces variables everywhere, uv only in URLs, whose values are best in no file.
    const std::string_view text = std::string_view(line.text).substr(begin);
    const std::string_view said = without_comment(text);
    file.pieces.push_back(
        {PieceKind::text,
         is_url(said) ? std::string(text)
                      : expand_variables(said, environment_).append(text.substr(said.size())),
         {},
         0});
    return {};
  }
  DSTACK_TRY(const Path path, find_local(file, folder, line, span));
  boost::system::error_code error;
  const PieceKind kind =
      fs::is_regular_file(path, error) ? PieceKind::local_file : PieceKind::project;
  file.pieces.push_back({PieceKind::text, line.text.substr(begin, span.begin - begin), {}, 0});
  file.pieces.push_back({kind, written, path, 0});
  file.pieces.push_back({PieceKind::text, line.text.substr(span.begin + span.size), {}, 0});
  return {};
}

void Reader::add_wheels(RequirementFile& file,
                        const Path& folder,
                        const LogicalLine& line,
                        Span span) {
  const std::string written = line.text.substr(span.begin, span.size);
  const std::string whole = expanded(written);
  const std::string wanted(without_file_scheme(whole));
  boost::system::error_code error;
  for (const Path& base : {folder, code_}) {
    const Path path = wanted.starts_with('/') ? Path(wanted) : normal(base / wanted);
    if (is_url(wanted) || !fs::is_directory(path, error))
      continue;
    file.pieces.push_back({PieceKind::text, line.text.substr(0, span.begin), {}, 0});
    file.pieces.push_back({PieceKind::wheels, written, path, 0});
    file.pieces.push_back({PieceKind::text, line.text.substr(span.begin + span.size), {}, 0});
    return;
  }
  file.pieces.push_back({PieceKind::text, line.text, {}, 0});
}

}  // namespace

Result<Requirements> read_requirements(const job::PythonRequest& request,
                                       const Path& code,
                                       const Lookup& environment) {
  return Reader(code, environment).read(request);
}

}  // namespace dstack::python
