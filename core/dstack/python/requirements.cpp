#include "dstack/python/requirements.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
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

/// Reads the files of one request, depth first.
class Reader {
 public:
  Reader(const Path& code, Lookup environment)
      : code_(normal(code)), environment_(std::move(environment)) {}

  Result<Requirements> read(const job::PythonRequest& request);

 private:
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
    const auto name = normal_relative_path(requested);
    if (!name)
      return fail(ErrorCode::configuration,
                  "requirements file '{}' is outside the project",
                  requested)
          .with_hint("name a file by its path from the project's root");
    DSTACK_TRY(const std::size_t index, read_at(code_ / *name, *name));
    result_.roots.push_back(index);
    names.push_back(*name);
  }
  if (!request.packages.empty()) {
    DSTACK_TRY(const std::size_t index,
               add(code_ / packages_name, packages_name, join(request.packages, "\n") + "\n"));
    result_.roots.push_back(index);
    names.insert(names.end(), request.packages.begin(), request.packages.end());
  }
  result_.title = quoted_list(names);
  return std::move(result_);
}

Result<std::size_t> Reader::read_at(const Path& path, const std::string& name) {
  const std::string file_name = path.filename().string();
  if (file_name == "pyproject.toml" || file_name == "setup.py" || file_name == "setup.cfg")
    return fail(ErrorCode::configuration, "'{}' is not a requirements file", name)
        .with_hint(
            "to install that project, write a requirements file with the line '.' or './FOLDER'");
  boost::system::error_code error;
  if (!fs::exists(path, error))
    return fail(ErrorCode::configuration,
                "requirements file '{}' is not in the project's code",
                name)
        .with_hint(
            "check the path, which begins at the project's root; a file that Git ignores is not "
            "part of the code");
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
    file.pieces.push_back({PieceKind::text, line.text.substr(begin), {}, 0});
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
