#include "dstack/python/pip_configuration.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <string_view>

namespace dstack::python {

std::vector<Path> pip_configuration_files(const Lookup& environment) {
  std::vector<Path> files;
  if (environment("PIP_CONFIG_FILE").value_or("") == "/dev/null")
    return files;
  const std::string folders = environment("XDG_CONFIG_DIRS").value_or("/etc/xdg");
  for (const std::string_view folder : split(folders, ':'))
    if (!folder.empty())
      files.push_back(Path(std::string(folder)) / "pip/pip.conf");
  files.emplace_back("/etc/pip.conf");
  if (const auto home = environment("HOME"); home && !home->empty()) {
    files.push_back(Path(*home) / ".pip/pip.conf");
    files.push_back(Path(environment("XDG_CONFIG_HOME").value_or(*home + "/.config")) /
                    "pip/pip.conf");
  }
  if (const auto file = environment("PIP_CONFIG_FILE"); file && !file->empty())
    files.emplace_back(*file);
  return files;
}

void read_pip_configuration(const Path& file, Variables& variables) {
  const auto text = read_file(file);
  if (!text)
    return;
  bool in_section = false;
  std::string name;
  for (const std::string_view line : split(*text, '\n')) {
    const std::string_view word = trim(line);
    if (word.empty() || word.front() == '#' || word.front() == ';')
      continue;
    if (line.front() == '[') {
      in_section = word == "[global]" || word == "[install]";
      name.clear();
      continue;
    }
    if (!in_section)
      continue;
    if ((line.front() == ' ' || line.front() == '\t') && !name.empty()) {
      std::string& value = variables[name];
      value += (value.empty() ? "" : " ") + std::string(word);
      continue;
    }
    const std::size_t sign = word.find_first_of("=:");
    if (sign == std::string_view::npos)
      continue;
    name = "PIP_" + to_upper(trim(word.substr(0, sign)));
    std::replace(name.begin(), name.end(), '-', '_');
    variables[name] = trim(word.substr(sign + 1));
  }
}

}  // namespace dstack::python
