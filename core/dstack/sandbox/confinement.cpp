#include "dstack/sandbox/confinement.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/path.hpp"

#include <algorithm>

namespace dstack::sandbox {

const std::vector<std::string>& system_folders() {
  static const std::vector<std::string> folders = {"/usr",
                                                   "/bin",
                                                   "/sbin",
                                                   "/lib",
                                                   "/lib32",
                                                   "/lib64",
                                                   "/libx32",
                                                   "/etc",
                                                   "/opt",
                                                   "/nix/store",
                                                   "/gnu/store",
                                                   "/sys",
                                                   "/var/cache/fontconfig",
                                                   "/var/lib/ca-certificates"};
  return folders;
}

bool is_of_system(std::string_view path) {
  const auto& folders = system_folders();
  return std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
    return is_below(path, folder);
  });
}

std::vector<Opened> open_path(const Path& path, Use use) {
  boost::system::error_code error;
  const std::string real = fs::canonical(path, error).string();
  if (error)
    return {};
  std::vector<Opened> opened = {{real, real, use}};
  if (path.string() != real)
    opened.push_back({real, path.string(), use});
  return opened;
}

template <class Fields, MaybeConst<Opened> Self>
void fields(Fields& fields, Self& opened) {
  bool writes = opened.use == Use::write;
  fields.required("source", opened.source);
  fields.required("at", opened.at);
  fields.optional("writes", writes);
  if constexpr (!std::is_const_v<Self>)
    opened.use = writes ? Use::write : Use::read;
}

void to_json(Json& json, const Opened& opened) {
  write_fields(json, opened);
}

void from_json(const Json& json, Opened& opened) {
  read_fields(json, opened, "opened");
}

template <class Fields, MaybeConst<Confinement> Self>
void fields(Fields& fields, Self& confinement) {
  fields.required("opened", confinement.opened);
  fields.optional("hidden", confinement.hidden);
  fields.optional("own", confinement.own);
  fields.optional("devices", confinement.devices);
  fields.required("base", confinement.base);
  fields.optional("own_processes", confinement.own_processes);
  fields.optional("own_network", confinement.own_network);
  fields.optional("fewer_calls", confinement.fewer_calls);
}

void to_json(Json& json, const Confinement& confinement) {
  write_fields(json, confinement);
}

void from_json(const Json& json, Confinement& confinement) {
  read_fields(json, confinement, "sandbox");
}

template <class Fields, MaybeConst<Program> Self>
void fields(Fields& fields, Self& program) {
  fields.required("file", program.file);
  fields.required("argv", program.argv);
  fields.required("working_dir", program.working_dir);
}

void to_json(Json& json, const Program& program) {
  write_fields(json, program);
}

void from_json(const Json& json, Program& program) {
  read_fields(json, program, "program");
}

}  // namespace dstack::sandbox
