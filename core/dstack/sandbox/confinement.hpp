// What a process is kept from, as a value: what it sees of the machine's files, and which
// namespaces it has of its own. Whoever starts such a process hands this over, and this program
// becomes the process (main.hpp).
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::sandbox {

enum class Use { read, write };

/// A file or folder that the process sees, with all that is mounted below it.
struct Opened {
  std::string source;  ///< absolute, without links: what it is for whoever starts the process
  std::string at;      ///< absolute: where the process sees it
  Use use = Use::read;
};

/// A process in it sees the system's folders for reading (system_folders()), devices without
/// hardware, and what is opened here; the later over the earlier. All else is not there for it.
struct Confinement {
  std::vector<Opened> opened;
  std::vector<std::string> hidden;   ///< folders that are seen empty, also where they are opened,
  std::vector<Opened> own;           ///< but for what is opened after that
  std::vector<std::string> devices;  ///< files and folders of /dev besides, for hardware
  std::string base;                  ///< a folder on which the view is built; any
  bool own_processes = false;        ///< process ids of its own; also IPC of System V
  bool own_network = false;          ///< with a loopback interface alone
  bool fewer_calls = false;          ///< see call_filter.hpp
};

/// What is started inside.
struct Program {
  std::string file;  ///< absolute, as it is seen inside
  std::vector<std::string> argv;
  std::string working_dir;  ///< absolute, likewise
};

/// The folders of the root that belong to the operating system: programs, libraries, settings. Not
/// /home, /root, /var, /run, /tmp, nor what a machine has besides.
const std::vector<std::string>& system_folders();
/// Whether a path without links is in one of them.
bool is_of_system(std::string_view path);

/// The paths by which a process may look for `path`: itself, and without its links. As `use` says;
/// nothing where there is nothing.
std::vector<Opened> open_path(const Path& path, Use use);

void to_json(Json& json, const Confinement& confinement);
void from_json(const Json& json, Confinement& confinement);
void to_json(Json& json, const Program& program);
void from_json(const Json& json, Program& program);

}  // namespace dstack::sandbox
