#include "dstack/source/outside_link.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::source {

namespace {

constexpr std::size_t most_names = 5;

}  // namespace

bool leads_out(std::string_view path, std::string_view target) {
  if (target.starts_with('/'))
    return true;
  std::ptrdiff_t depth = 0;  // of the folder that the link is in
  for (const char c : path)
    depth += c == '/' ? 1 : 0;
  for (const std::string_view part : split(target, '/')) {
    if (part.empty() || part == ".")
      continue;
    depth += part == ".." ? -1 : 1;
    if (depth < 0)
      return true;
  }
  return false;
}

std::optional<OutsideLink> find_outside_link(const Path& project, std::string_view path) {
  for (std::size_t end = 0; end != std::string_view::npos && end < path.size();) {
    end = path.find('/', end + 1);
    const std::string so_far(path.substr(0, end));
    boost::system::error_code error;
    const Path target = fs::read_symlink(project / so_far, error);
    if (!error && leads_out(so_far, target.string()))
      return OutsideLink{so_far, target.string()};
  }
  return std::nullopt;
}

std::vector<OutsideLink> outside_links(const job::TreeReference& code,
                                       const store::ObjectStore& objects) {
  std::vector<OutsideLink> links;
  const auto files = objects.list(code);
  if (!files)
    return links;
  for (const store::TreeFile& file : *files) {
    if (file.type != files::EntryType::link)
      continue;
    auto target = objects.read_blob(file.digest);
    if (target && leads_out(file.path, *target))
      links.push_back({file.path, *std::move(target)});
  }
  return links;
}

LinkMessages describe_outside_links(const std::vector<OutsideLink>& links,
                                    const std::vector<std::string>& covered) {
  std::vector<std::string> relative;
  std::vector<std::string> absolute;
  for (const OutsideLink& link : links)
    if (std::none_of(covered.begin(), covered.end(), [&](const std::string& place) {
          return is_below(link.path, place);
        }))
      (link.target.starts_with('/') ? absolute : relative)
          .push_back(fmt::format("{} -> {}", link.path, link.target));
  LinkMessages messages;
  if (!relative.empty())
    messages.warnings.push_back(
        fmt::format("{} out of the project: {}; in a job {} nowhere; move '.dstack' up to the "
                    "folder that holds both and set 'working_dir', or put a copy in the place of "
                    "the link",
                    relative.size() == 1 ? "a link leads" : "links lead",
                    quoted_list(relative, most_names),
                    relative.size() == 1 ? "it leads" : "they lead"));
  if (!absolute.empty())
    messages.notes.push_back(fmt::format(
        "{} out of the project: {}; a job has the link, and what it leads to is not recorded",
        absolute.size() == 1 ? "a link leads" : "links lead",
        quoted_list(absolute, most_names)));
  return messages;
}

std::string explain_outside_link(const std::string& path, const OutsideLink& link) {
  const std::string what =
      path == link.path
          ? fmt::format("'{}' is a link that leads out of the project, to '{}'",
                        printable(link.path),
                        printable(link.target))
          : fmt::format("'{}' is behind the link '{}', which leads out of the project, to '{}'",
                        printable(path),
                        printable(link.path),
                        printable(link.target));
  return fmt::format(
      "{}: a job has the link, and not what it leads to; move '.dstack' up to the "
      "folder that holds both and set 'working_dir', or put a copy in the place of "
      "the link",
      what);
}

}  // namespace dstack::source
