// The request to a container engine that creates a job's container.
#include "dstack/backend/container.hpp"
#include "dstack/base/installation.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::backend {

namespace {

constexpr const char* init_inside = "/.dstack-container-init";

Json mount_of(const std::string& source, const std::string& target, bool read_only) {
  return {{"Type", "bind"}, {"Source", source}, {"Target", target}, {"ReadOnly", read_only}};
}

Json environment_of(const ContainerLaunch& launch) {
  Json list = Json::array();
  for (const auto& [name, value] : launch.environment)
    list.push_back(name + "=" + value);
  return list;
}

std::string port_key(std::uint16_t port) {
  return std::to_string(port) + "/tcp";
}

/// Docker assigns GPUs by their ids; Podman takes them as devices, by their CDI names.
void add_gpus(const ContainerLaunch& launch, bool podman, Json& host) {
  if (launch.gpus.empty())
    return;
  if (!podman) {
    host["DeviceRequests"] = Json::array(
        {{{"Driver", ""}, {"DeviceIDs", launch.gpus}, {"Capabilities", {Json::array({"gpu"})}}}});
    return;
  }
  Json& devices = host["Devices"] = Json::array();
  for (const std::string& gpu : launch.gpus)
    devices.push_back({{"PathOnHost", "nvidia.com/gpu=" + gpu}});
}

constexpr std::string_view setuid = "setuid";

/// Of the capabilities that Docker gives by default those that Podman does not: with these a
/// container forges packets, makes devices, and writes the machine's audit log.
constexpr std::string_view dropped_capabilities[] = {"AUDIT_WRITE", "MKNOD", "NET_RAW"};

void limit_privileges(const ContainerLaunch& launch, Json& host) {
  const auto has = [&](std::string_view name) {
    return std::find(launch.privileges.begin(), launch.privileges.end(), name) !=
           launch.privileges.end();
  };
  if (!has(setuid))
    host["SecurityOpt"].push_back("no-new-privileges");
  Json dropped = Json::array();
  for (const std::string_view capability : dropped_capabilities)
    if (!has(capability))
      dropped.push_back(capability);
  host["CapDrop"] = std::move(dropped);
  Json added = Json::array();
  for (const std::string& capability : launch.privileges)
    if (capability != setuid)
      added.push_back(capability);
  if (!added.empty())
    host["CapAdd"] = std::move(added);
}

Json host_part(const ContainerLaunch& launch, bool podman, const std::string& init) {
  Json host = Json::object();
  host["Mounts"] = Json::array(
      {mount_of(launch.workspace, container_workspace, false), mount_of(init, init_inside, true)});
  for (const auto& [source, inside] : launch.mounts)
    host["Mounts"].push_back(
        mount_of(source, fmt::format("{}/{}", container_workspace, inside), true));
  if (!launch.script.empty())
    host["Mounts"].push_back(mount_of(launch.script, container_script, true));
  if (!launch.secrets.empty())
    host["Mounts"].push_back(mount_of(launch.secrets, container_secrets, true));
  // Under SELinux a container may not access a user's folder without this; relabelling every file
  // instead would change the user's project.
  host["SecurityOpt"] = Json::array({"label=disable"});
  limit_privileges(launch, host);
  host["PidsLimit"] = launch.processes != 0 ? launch.processes : container_processes;
  // dstack keeps the log: a second one in the engine would fill its disk.
  host["LogConfig"] = {{"Type", "none"}};
  if (launch.cpu != 0)
    host["NanoCpus"] = std::uint64_t{launch.cpu} * 1'000'000'000;
  if (launch.memory != 0) {
    host["Memory"] = launch.memory;
    host["MemorySwap"] = launch.memory;  // memory and swap together: none of the latter
  }
  if (launch.shm_size != 0)
    host["ShmSize"] = launch.shm_size;
  for (const std::uint16_t port : launch.ports)
    host["PortBindings"][port_key(port)] =
        Json::array({{{"HostIp", "127.0.0.1"}, {"HostPort", std::to_string(port)}}});
  add_gpus(launch, podman, host);
  return host;
}

/// dstack-container-init, as container_init.c describes it.
std::vector<std::string> entrypoint_of(const ContainerLaunch& launch) {
  std::vector<std::string> entrypoint = {init_inside};
  if (launch.stop_signal != SIGTERM)
    entrypoint.insert(entrypoint.end(), {"signal", std::to_string(launch.stop_signal)});
  std::vector<std::string> cores;
  for (const int core : launch.cores)
    cores.push_back(std::to_string(core));
  if (!cores.empty())
    entrypoint.insert(entrypoint.end(), {"cores", join(cores, ",")});
  entrypoint.insert(
      entrypoint.end(),
      {launch.secrets.empty() ? "run" : "run-with-secrets", std::to_string(launch.grace.count())});
  return entrypoint;
}

}  // namespace

std::string container_init() {
  return (library_folder() / "dstack-container-init").string();
}

Json container_request(const ContainerLaunch& launch,
                       const std::string& image,
                       bool podman,
                       const std::string& init) {
  std::string folder = container_workspace;
  if (!launch.working_dir.empty())
    folder += "/" + launch.working_dir;
  Json json = Json::object();
  json["Image"] = image;
  json["Env"] = environment_of(launch);
  json["WorkingDir"] = folder;
  json["Entrypoint"] = entrypoint_of(launch);
  json["Cmd"] = launch.argv;
  json["Labels"] = {{"dstack.job", launch.job}, {"dstack.run", launch.run}};
  json["Healthcheck"] = {{"Test", {"NONE"}}};
  for (const std::uint16_t port : launch.ports)
    json["ExposedPorts"][port_key(port)] = Json::object();
  json["HostConfig"] = host_part(launch, podman, init);
  return json;
}

}  // namespace dstack::backend
