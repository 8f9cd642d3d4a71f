#include "dstack/resources/cgroup.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>

#include <unistd.h>

namespace dstack::resources {

namespace {

struct Mount {
  std::string group;  ///< the group that is mounted
  std::string folder;
  bool is_v2 = false;
  std::vector<std::string> options;  ///< of v1: the controllers among them
};

/// Spaces and the like are escaped there as "\040".
std::string without_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain +=
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// "31 23 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory".
std::optional<Mount> parse_mount(std::string_view line) {
  const std::size_t dash = line.find(" - ");
  if (dash == std::string_view::npos)
    return std::nullopt;
  const auto left = split(line.substr(0, dash), ' ');
  const auto right = split(line.substr(dash + 3), ' ');
  if (left.size() < 5 || right.size() < 3 || (right[0] != "cgroup" && right[0] != "cgroup2"))
    return std::nullopt;
  Mount mount{without_escapes(left[3]), without_escapes(left[4]), right[0] == "cgroup2", {}};
  for (const std::string_view option : split(right[2], ','))
    mount.options.emplace_back(option);
  return mount;
}

/// The folder of a group; the mount itself when the group is outside of what is mounted.
Path folder_of(const Mount& mount, std::string_view group) {
  std::string_view rest = group;
  if (mount.group != "/") {
    if (!rest.starts_with(mount.group))
      return mount.folder;
    rest.remove_prefix(mount.group.size());
  }
  while (rest.starts_with('/'))
    rest.remove_prefix(1);
  return rest.empty() ? Path(mount.folder) : Path(mount.folder) / std::string(rest);
}

bool belongs(const Mount& mount, const std::vector<std::string_view>& controllers) {
  return std::all_of(controllers.begin(), controllers.end(), [&](std::string_view name) {
    return std::find(mount.options.begin(), mount.options.end(), name) != mount.options.end();
  });
}

std::string text_of(const Path& file) {
  return read_kernel_file(file).value_or("");
}

template <typename Number>
void narrow(std::optional<Number>& limit, std::optional<Number> other) {
  if (other && (!limit || *other < *limit))
    limit = other;
}

std::optional<double> parse_quota(std::string_view quota, std::string_view period) {
  const auto microseconds = parse_number<std::int64_t>(trim(quota));
  const auto of = parse_number<std::int64_t>(trim(period));
  if (!microseconds || !of || *microseconds <= 0 || *of <= 0)
    return std::nullopt;
  return static_cast<double>(*microseconds) / static_cast<double>(*of);
}

bool limits_anything(const Hierarchy& hierarchy) {
  const auto has = [&](std::string_view name) {
    return std::find(hierarchy.controllers.begin(), hierarchy.controllers.end(), name) !=
           hierarchy.controllers.end();
  };
  return hierarchy.version == Hierarchy::Version::v2 || has("memory") || has("cpu");
}

void narrow_by(Limits& limits, const Hierarchy& hierarchy, const Path& folder) {
  if (hierarchy.version == Hierarchy::Version::v2) {
    narrow(limits.memory, parse_memory_limit(text_of(folder / "memory.max")));
    narrow(limits.cpus, parse_cpu_max(text_of(folder / "cpu.max")));
    return;
  }
  narrow(limits.memory, parse_memory_limit(text_of(folder / "memory.limit_in_bytes")));
  narrow(limits.cpus,
         parse_quota(text_of(folder / "cpu.cfs_quota_us"), text_of(folder / "cpu.cfs_period_us")));
}

}  // namespace

std::vector<Hierarchy> parse_hierarchies(std::string_view cgroup, std::string_view mountinfo) {
  std::vector<Mount> mounts;
  for (const std::string_view line : split(mountinfo, '\n'))
    if (auto mount = parse_mount(line))
      mounts.push_back(*std::move(mount));
  std::vector<Hierarchy> hierarchies;
  // "4:memory:/group", and for v2 "0::/group".
  for (const std::string_view line : split(cgroup, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos)
      continue;
    const std::string_view names = line.substr(first + 1, second - first - 1);
    const auto controllers = split(names, ',');
    const auto mount = std::find_if(mounts.begin(), mounts.end(), [&](const Mount& each) {
      return names.empty() ? each.is_v2 : !each.is_v2 && belongs(each, controllers);
    });
    if (mount == mounts.end())
      continue;
    Hierarchy hierarchy;
    hierarchy.root = mount->folder;
    hierarchy.own = folder_of(*mount, line.substr(second + 1));
    if (!names.empty()) {
      hierarchy.version = Hierarchy::Version::v1;
      hierarchy.controllers.assign(controllers.begin(), controllers.end());
    }
    hierarchies.push_back(std::move(hierarchy));
  }
  return hierarchies;
}

std::vector<Hierarchy> find_hierarchies() {
  auto all = parse_hierarchies(text_of("/proc/self/cgroup"), text_of("/proc/self/mountinfo"));
  for (Hierarchy& hierarchy : all)
    if (hierarchy.version == Hierarchy::Version::v2)
      hierarchy.controllers = read_controllers(hierarchy.own / "cgroup.controllers");
  return all;
}

std::vector<std::string> read_controllers(const Path& file) {
  const std::string text = text_of(file);
  std::vector<std::string> names;
  for (const std::string_view name : split(trim(text), ' '))
    if (!name.empty())
      names.emplace_back(name);
  return names;
}

Limits limits_of(const std::vector<Hierarchy>& hierarchies) {
  Limits limits;
  for (const Hierarchy& hierarchy : hierarchies) {
    if (!limits_anything(hierarchy))
      continue;
    Path folder = hierarchy.own;
    for (; folder != hierarchy.root && folder.has_parent_path(); folder = folder.parent_path())
      narrow_by(limits, hierarchy, folder);
    narrow_by(limits, hierarchy, folder);
  }
  return limits;
}

Limits own_limits() {
  static const Limits limits = limits_of(find_hierarchies());
  return limits;
}

std::optional<std::uint64_t> parse_memory_limit(std::string_view text) {
  static constexpr std::uint64_t no_limit = std::uint64_t{1} << 60;
  const auto limit = parse_number<std::uint64_t>(trim(text));
  return limit && *limit > 0 && *limit < no_limit ? limit : std::nullopt;
}

std::optional<double> parse_cpu_max(std::string_view text) {
  const auto fields = split(trim(text), ' ');
  return fields.size() == 2 ? parse_quota(fields[0], fields[1]) : std::nullopt;
}

}  // namespace dstack::resources
