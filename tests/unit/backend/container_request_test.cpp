#include "dstack/backend/container.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::backend;

namespace {

ContainerLaunch launch() {
  ContainerLaunch launch;
  launch.job = "a1";
  launch.run = "quiet-otter-3";
  launch.argv = {"sh", "-e", "-c", "echo x"};
  launch.environment = {{"A", "1 2"}, {"B", ""}};
  launch.workspace = "/home/u/w";
  return launch;
}

}  // namespace

TEST_CASE("a container asks for what the job says and for nothing else") {
  CHECK(
      container_request(launch(), "sha256:1", false, "/lib/init").dump() ==
      R"({"Image":"sha256:1","Env":["A=1 2","B="],"WorkingDir":"/workflow",)"
      R"("Entrypoint":["/.dstack-container-init","run","10000"],)"
      R"("Cmd":["sh","-e","-c","echo x"],)"
      R"("Labels":{"dstack.job":"a1","dstack.run":"quiet-otter-3"},)"
      R"("Healthcheck":{"Test":["NONE"]},"HostConfig":{"Mounts":[)"
      R"({"Type":"bind","Source":"/home/u/w","Target":"/workflow","ReadOnly":false},)"
      R"({"Type":"bind","Source":"/lib/init","Target":"/.dstack-container-init","ReadOnly":true}],)"
      R"("SecurityOpt":["label=disable","no-new-privileges"],)"
      R"("CapDrop":["AUDIT_WRITE","MKNOD","NET_RAW"],"PidsLimit":32768,)"
      R"("LogConfig":{"Type":"none"}}})");
}

TEST_CASE("limits, ports and the working directory are in the engine's terms") {
  ContainerLaunch asked = launch();
  asked.working_dir = "sub";
  asked.cpu = 2;
  asked.memory = 64'000'000;
  asked.shm_size = 1'000;
  asked.ports = {20001, 20002};
  const Json json = container_request(asked, "i", false, "/lib/init");
  CHECK(json["WorkingDir"] == "/workflow/sub");
  CHECK(json["ExposedPorts"].dump() == R"({"20001/tcp":{},"20002/tcp":{}})");
  const Json& host = json["HostConfig"];
  CHECK(host["NanoCpus"] == 2'000'000'000);
  CHECK(host["Memory"] == 64'000'000);
  CHECK(host["MemorySwap"] == 64'000'000);
  CHECK(host["ShmSize"] == 1'000);
  CHECK(host["PortBindings"]["20002/tcp"].dump() ==
        R"([{"HostIp":"127.0.0.1","HostPort":"20002"}])");
}

TEST_CASE("a container gets back the privileges and processes that its job asks for, and no more") {
  ContainerLaunch asked = launch();
  asked.processes = 100;
  asked.privileges = {"NET_RAW", "SYS_PTRACE"};
  Json host = container_request(asked, "i", false, "/init")["HostConfig"];
  CHECK(host["PidsLimit"] == 100);
  CHECK(host["CapDrop"].dump() == R"(["AUDIT_WRITE","MKNOD"])");
  CHECK(host["CapAdd"].dump() == R"(["NET_RAW","SYS_PTRACE"])");
  CHECK(host["SecurityOpt"].dump() == R"(["label=disable","no-new-privileges"])");
  asked.privileges = {"setuid"};
  host = container_request(asked, "i", false, "/init")["HostConfig"];
  CHECK(host["SecurityOpt"].dump() == R"(["label=disable"])");
  CHECK_FALSE(host.contains("CapAdd"));
}

TEST_CASE("the first process is told of the stop signal and of the processors") {
  ContainerLaunch asked = launch();
  asked.stop_signal = SIGINT;
  asked.cores = {0, 3};
  CHECK(container_request(asked, "i", false, "/init")["Entrypoint"].dump() ==
        R"(["/.dstack-container-init","signal","2","cores","0,3","run","10000"])");
}

TEST_CASE("the pipe of the secrets is mounted, and the first process reads it") {
  ContainerLaunch asked = launch();
  asked.secrets = "/home/u/pipe";
  const Json json = container_request(asked, "i", false, "/lib/init");
  CHECK(json["Entrypoint"].dump() == R"(["/.dstack-container-init","run-with-secrets","10000"])");
  CHECK(json["HostConfig"]["Mounts"][2].dump() ==
        R"({"Type":"bind","Source":"/home/u/pipe","Target":"/.dstack-secrets","ReadOnly":true})");
}

TEST_CASE("GPUs are requests of devices for Docker and devices of CDI for Podman") {
  ContainerLaunch asked = launch();
  asked.gpus = {"1", "GPU-5f"};
  CHECK(container_request(asked, "i", false, "/init")["HostConfig"]["DeviceRequests"].dump() ==
        R"([{"Driver":"","DeviceIDs":["1","GPU-5f"],"Capabilities":[["gpu"]]}])");
  CHECK(container_request(asked, "i", true, "/init")["HostConfig"]["Devices"].dump() ==
        R"([{"PathOnHost":"nvidia.com/gpu=1"},{"PathOnHost":"nvidia.com/gpu=GPU-5f"}])");
}
