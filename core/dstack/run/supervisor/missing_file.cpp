#include "dstack/run/supervisor/missing_file.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/run/supervisor/code_paths.hpp"
#include "dstack/source/outside_link.hpp"
#include "dstack/source/snapshot.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

namespace dstack::run {

namespace {

/// In lines about a file that is not there, in lower case: of the system, of languages, of
/// libraries.
constexpr std::string_view complaints[] = {"no such file",
                                           "not found",
                                           "filenotfound",
                                           "does not exist",
                                           "doesn't exist",
                                           "could not find",
                                           "couldn't find",
                                           "cannot find",
                                           "can't find",
                                           "cannot open",
                                           "can't open",
                                           "could not open",
                                           "failed to open",
                                           "unable to open",
                                           "no secrets",
                                           "is missing"};
constexpr std::string_view module_complaint = "cannot find module";  ///< of Node
constexpr std::string_view import_complaint = "No module named ";

/// A command that is not found is no file.
bool complains(const std::string& line) {
  return !trim(line).ends_with(": not found") && line.find("command not found") == line.npos &&
         std::any_of(std::begin(complaints), std::end(complaints), [&](std::string_view complaint) {
           return line.find(complaint) != line.npos;
         });
}

/// What may be a path in a line: quoted words (Python, make), and words between colons and spaces
/// (sh, coreutils).
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (const char quote : {'\'', '"'})
    for (std::size_t begin = line.find(quote); begin != std::string_view::npos;) {
      const std::size_t end = line.find(quote, begin + 1);
      if (end == std::string_view::npos)
        break;
      words.emplace_back(line.substr(begin + 1, end - begin - 1));
      begin = line.find(quote, end + 1);
    }
  for (const std::string_view part : split(line, ' ')) {
    const std::size_t begin = part.find_first_not_of("'\":([`");
    const std::size_t end = part.find_last_not_of("'\":,;.)]`\r");
    if (begin != std::string_view::npos && end != std::string_view::npos && begin <= end)
      words.emplace_back(part.substr(begin, end - begin + 1));
  }
  return words;
}

/// The path of a word from the code's root: from the working directory, or, of an absolute one,
/// from the job's workspace.
std::optional<std::string> path_of(const std::string& word, const std::string& working_dir) {
  constexpr std::string_view workspace = "/workspace/";
  if (!word.starts_with('/'))
    return normal_relative_path(working_dir.empty() ? word : working_dir + "/" + word);
  const std::size_t at = word.find(workspace);
  return at == word.npos ? std::nullopt : normal_relative_path(word.substr(at + workspace.size()));
}

/// The user's folder, and the code that the job had of it.
struct Places {
  const Path& project;
  const std::string& working_dir;
  const CodePaths& code;
  const std::string& base;

  /// What to say of a word that is a path in the folder and not in the code; else empty.
  std::string explain(const std::string& word) const {
    const auto path = path_of(word, working_dir);
    boost::system::error_code problem;
    if (!path || path->empty() || !fs::exists(project / *path, problem) || code.has(*path))
      return {};
    return source::explain_left_out(project, *path, base);
  }
};

/// `No module named 'app.schema_pb2'`: a file that a tool has made, and Git ignores.
std::string explain_left_out_module(std::string_view module, const Places& places) {
  std::string path(module);
  std::replace(path.begin(), path.end(), '.', '/');
  for (; !path.empty(); path.resize(folder_of(path).size()))
    for (const char* folder : {"", "src/"})
      for (const char* ending : {".py", ""})
        if (auto explained = places.explain(folder + path + ending); !explained.empty())
          return explained;
  return {};
}

/// Node's `Cannot find module './config'`.
std::string explain_left_out_node_module(const std::string& word, const Places& places) {
  for (const char* folder : {"", "node_modules/"})
    for (const char* ending : {"", ".js", ".json", ".ts", ".mjs"})
      if (auto explained = places.explain(folder + word + ending); !explained.empty())
        return explained;
  return {};
}

/// The name in `No module named 'common.util'`.
std::string_view missing_module(std::string_view line) {
  const std::size_t begin = line.find(import_complaint);
  if (begin == std::string_view::npos)
    return {};
  std::string_view module = line.substr(begin + import_complaint.size());
  module = module.substr(module.starts_with('\'') ? 1 : 0);
  return module.substr(0, module.find_first_of("'; \r"));
}

/// A module in a file behind the link `common`, or `src/common`.
std::string explain_linked_module(std::string_view module,
                                  const std::vector<source::OutsideLink>& links) {
  const std::string_view package = module.substr(0, module.find('.'));
  for (const source::OutsideLink& link : links) {
    const std::string_view name = file_name(link.path);
    if (name == package || name == fmt::format("{}.py", package))
      return source::explain_outside_link(link.path, link);
  }
  return {};
}

/// A package of the project in `src`, which is no place where Python looks by itself.
std::string explain_module_in_src(std::string_view module,
                                  const std::string& working_dir,
                                  const CodePaths& code,
                                  const std::string& base) {
  if (module.find('.') != std::string_view::npos || !code.is_readable())
    return {};  // its package was found, or nothing is known
  for (const std::string& folder : {working_dir, base, std::string()}) {
    const std::string src = folder.empty() ? "src" : fmt::format("{}/src", folder);
    for (const std::string_view file : {"/__init__.py", ".py"})
      if (code.has(fmt::format("{}/{}{}", src, module, file)))
        return fmt::format(
            "'{}' is in '{}', where Python looks only if 'requirements' names the pyproject.toml "
            "or uv.lock beside it{}",
            printable(module),
            src,
            folder == working_dir ? ", or with 'environment: {PYTHONPATH: src}'" : "");
  }
  return {};
}

/// A file beside the project, which no job sees.
std::string explain_outside(const Path& project,
                            const std::string& working_dir,
                            const std::string& base,
                            const std::string& word) {
  boost::system::error_code problem;
  const bool leads_out = word.starts_with("../") && !resolve_path(working_dir, word);
  if (!leads_out || !fs::exists(project / working_dir / word, problem))
    return {};
  // So many folders above the root of the code, and that above the project's.
  const Path seen = (Path(working_dir) / word).lexically_normal();
  const auto is_step = [](const Path& part) { return part == ".."; };
  const auto above = std::count_if(seen.begin(), seen.end(), is_step);
  const Path place(base);
  const auto steps = above + std::distance(place.begin(), place.end());
  return fmt::format(
      "'{}' is beside the project, and a job sees the project alone; write 'root: {}' at the top "
      "of workflows.yaml, or name it as an input: 'inputs: [{}]'",
      printable(word),
      join(std::vector<std::string>(static_cast<std::size_t>(steps), ".."), "/"),
      printable(real_path(project / working_dir / word).string()));
}

}  // namespace

std::string explain_missing_file(std::string_view log_end,
                                 const Path& project,
                                 const std::string& working_dir,
                                 const CodePaths& code,
                                 const std::string& base) {
  const Places places{project, working_dir, code, base};
  std::optional<std::vector<source::OutsideLink>> links;  // looked for once, where they matter
  for (const std::string_view line : split(log_end, '\n')) {
    if (const std::string_view module = missing_module(line); !module.empty()) {
      if (!links)
        links = source::outside_links(code.code(), code.objects());
      if (auto explained = explain_linked_module(module, *links); !explained.empty())
        return explained;
      if (auto explained = explain_left_out_module(module, places); !explained.empty())
        return explained;
      if (auto explained = explain_module_in_src(module, working_dir, code, base);
          !explained.empty())
        return explained;
    }
    const std::string lower = to_lower(line);
    if (!complains(lower))
      continue;
    const bool is_node = lower.find(module_complaint) != lower.npos;
    for (const std::string& word : words_of(line)) {
      if (auto outside = explain_outside(project, working_dir, base, word); !outside.empty())
        return outside;
      auto explained = is_node ? explain_left_out_node_module(word, places) : places.explain(word);
      if (!explained.empty())
        return explained;
    }
  }
  return {};
}

}  // namespace dstack::run
