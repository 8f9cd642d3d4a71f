#include "dstack/run/supervisor/missing_file.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/source/outside_link.hpp"
#include "dstack/source/snapshot.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

namespace dstack::run {

namespace {

constexpr std::string_view complaint = "No such file or directory";
constexpr std::string_view import_complaint = "No module named ";

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
    const std::size_t begin = part.find_first_not_of("'\":");
    const std::size_t end = part.find_last_not_of("'\":,");
    if (begin != std::string_view::npos && end != std::string_view::npos && begin <= end)
      words.emplace_back(part.substr(begin, end - begin + 1));
  }
  return words;
}

bool in_code(const std::string& path,
             const job::TreeReference& code,
             const store::ObjectStore& objects) {
  const auto files = objects.list(code);
  return !files || std::any_of(files->begin(), files->end(), [&](const store::TreeFile& file) {
    return file.path == path || file.path.rfind(path + "/", 0) == 0;
  });
}

/// `No module named 'common.util'` is about a file behind the link `common`, or `src/common`.
std::string explain_missing_module(std::string_view line,
                                   const std::vector<source::OutsideLink>& links) {
  const std::size_t begin = line.find(import_complaint);
  if (begin == std::string_view::npos)
    return {};
  std::string_view module = line.substr(begin + import_complaint.size());
  module = module.substr(module.starts_with('\'') ? 1 : 0);
  module = module.substr(0, module.find_first_of("'; \r"));
  const std::string_view package = module.substr(0, module.find('.'));
  for (const source::OutsideLink& link : links) {
    std::string_view name = link.path;
    name = name.substr(name.rfind('/') + 1);
    if (name == package || name == fmt::format("{}.py", package))
      return source::explain_outside_link(link.path, link);
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
                                 const job::TreeReference& code,
                                 const store::ObjectStore& objects,
                                 const std::string& base) {
  std::optional<std::vector<source::OutsideLink>> links;  // looked for once, where they matter
  for (const std::string_view line : split(log_end, '\n')) {
    if (line.find(import_complaint) != std::string_view::npos) {
      if (!links)
        links = source::outside_links(code, objects);
      if (auto explained = explain_missing_module(line, *links); !explained.empty())
        return explained;
    }
    if (line.find(complaint) == std::string_view::npos)
      continue;
    for (const std::string& word : words_of(line)) {
      if (auto outside = explain_outside(project, working_dir, base, word); !outside.empty())
        return outside;
      const auto path = normal_relative_path(working_dir.empty() ? word : working_dir + "/" + word);
      boost::system::error_code problem;
      if (!path || path->empty() || !fs::exists(project / *path, problem) ||
          in_code(*path, code, objects))
        continue;
      return source::explain_left_out(project, *path, base);
    }
  }
  return {};
}

}  // namespace dstack::run
