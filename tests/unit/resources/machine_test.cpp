#include "dstack/resources/machine.hpp"

#include "dstack/job/job_spec.hpp"
#include "dstack/resources/cgroup.hpp"
#include "dstack/resources/gpus.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::resources;

namespace {

using Texts = std::vector<std::string>;

const std::vector<config::Gpu> two_gpus = {{"Tesla V100-SXM2-16GB", 16ULL << 30, "GPU-aa01"},
                                           {"NVIDIA A100", 40ULL << 30, "GPU-bb02"}};

Texts ids(const std::vector<config::Gpu>& gpus) {
  Texts all;
  for (const config::Gpu& gpu : gpus)
    all.push_back(gpu.id);
  return all;
}

struct Folder {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-machine-");

  void file(const std::string& path, const std::string& text) const {
    REQUIRE(make_folders((folder.path() / path).parent_path()));
    REQUIRE(write_file_atomically(folder.path() / path, text, Durable::no));
  }
};

}  // namespace

TEST_CASE("settings replace what would be found, and every GPU has an id") {
  config::ResourceSettings settings;
  settings.cpu = 3;
  settings.memory = 7;
  settings.gpus = std::vector<config::Gpu>{{"V100", 1}, {"V100", 1, "GPU-cc03"}};
  const Machine machine = find_machine(settings);
  CHECK(machine.cpu == 3);
  CHECK(machine.memory == 7);
  CHECK(ids(machine.gpus) == Texts{"0", "GPU-cc03"});
}

TEST_CASE("this machine has a processor and memory") {
  config::ResourceSettings settings;
  settings.gpus = std::vector<config::Gpu>();
  const Machine machine = find_machine(settings);
  CHECK(machine.cpu >= 1);
  CHECK(machine.memory > 1'000'000);
}

TEST_CASE("GPUs fit by name and memory, the smallest first") {
  Machine machine{4, 1, {two_gpus[1], two_gpus[0]}};
  job::Resources wanted;
  CHECK(fitting_gpus(machine, wanted) == Texts{"GPU-aa01", "GPU-bb02"});
  wanted.gpu_name = "v100";
  CHECK(fitting_gpus(machine, wanted) == Texts{"GPU-aa01"});
  wanted.gpu_memory = 32ULL << 30;
  CHECK(fitting_gpus(machine, wanted).empty());
}

TEST_CASE("requests of jobs that start together are added up") {
  const Machine machine{4, 1, two_gpus};
  job::Resources job;
  job.cpu = 2;
  job.memory = 5;
  job.gpu = 1;
  const Demand demand = demand_of({job, job}, machine);
  CHECK(demand.cpu == 4);
  CHECK(demand.memory == 10);
  CHECK(demand.gpus.size() == 2);
  CHECK(demand_of({{}, {}}, machine).empty());
}

TEST_CASE("the caller's CUDA_VISIBLE_DEVICES hides GPUs") {
  CHECK(ids(visible_gpus(two_gpus, "1")) == Texts{"GPU-bb02"});
  CHECK(ids(visible_gpus(two_gpus, "GPU-b, 0")) == Texts{"GPU-bb02", "GPU-aa01"});
  CHECK(ids(visible_gpus(two_gpus, "0,-1,1")) == Texts{"GPU-aa01"});
  CHECK(ids(visible_gpus(two_gpus, "1,1,GPU-bb")) == Texts{"GPU-bb02"});
  CHECK(visible_gpus(two_gpus, "").empty());
  CHECK(visible_gpus(two_gpus, "7").empty());
}

TEST_CASE("GPUs are described by kind, with the number of hidden ones") {
  CHECK(describe_gpus({4, 1, {}}) == "0 GPUs");
  CHECK(describe_gpus({4, 1, {two_gpus[0], two_gpus[1], two_gpus[0]}, 1}) ==
        "3 GPUs (2 × Tesla V100-SXM2-16GB 17.2 GB, NVIDIA A100 42.9 GB), and CUDA_VISIBLE_DEVICES "
        "hides 1 GPU");
}

TEST_CASE("the system's texts about memory and GPUs are parsed") {
  CHECK(parse_meminfo("MemTotal:       16384 kB\nMemFree: 1 kB\n") == 16384u * 1024);
  CHECK(parse_meminfo("") == 0);
  CHECK(parse_memory_limit("1073741824\n") == 1073741824u);
  CHECK_FALSE(parse_memory_limit("max\n").has_value());
  CHECK_FALSE(parse_memory_limit("9223372036854771712\n").has_value());
  CHECK(parse_cpu_max("150000 100000\n") == 1.5);
  CHECK_FALSE(parse_cpu_max("max 100000\n").has_value());
  const auto gpus =
      parse_gpu_list("GPU-aa01, Tesla V100-SXM2-16GB, 16160\nGPU-bb02, NVIDIA A100, 40960\n");
  REQUIRE(gpus.size() == 2);
  CHECK(gpus[0].id == "GPU-aa01");
  CHECK(gpus[0].name == "Tesla V100-SXM2-16GB");
  CHECK(gpus[1].memory == 40960ULL << 20);
}

TEST_CASE("AMD's GPUs are read from the driver's files, in the order of their numbers") {
  const Folder at;
  at.file("card10/device/vendor", "0x1002\n");
  at.file("card10/device/product_name", "AMD Instinct MI210\n");
  at.file("card10/device/mem_info_vram_total", "68702699520\n");
  at.file("card2/device/vendor", "0x1002\n");
  at.file("card2/device/device", "0x740f\n");
  at.file("card2/device/mem_info_vram_total", "1024\n");
  at.file("card0/device/vendor", "0x1a03\n");
  at.file("card2-DP-1/device/vendor", "0x1002\n");
  const auto gpus = read_amd_gpus(at.folder.path());
  REQUIRE(gpus.size() == 2);
  CHECK(gpus[0].name == "AMD 0x740f");
  CHECK(gpus[1].name == "AMD Instinct MI210");
  CHECK(gpus[1].memory == 68702699520);
}

TEST_CASE("NVIDIA's library reports names, memory and UUIDs of its GPUs") {
  const auto gpus = ask_nvml(DSTACK_NVML);
  REQUIRE(gpus);
  CHECK(ids(*gpus) == Texts{"GPU-16", "GPU-40"});
  CHECK(gpus->at(1).name == "GPU of 40 GB");
  CHECK(gpus->at(1).memory == 40ULL << 30);
}

TEST_CASE("a library that is missing is not asked") {
  CHECK_FALSE(ask_nvml("libdstack-has-no-such.so.1"));
  CHECK_FALSE(ask_nvml("libc.so.6"));
}

TEST_CASE("the control groups of this process are parsed") {
  const auto found =
      parse_hierarchies("4:memory:/jobs/one\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/user.slice/a\n",
                        "31 23 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
                        "32 23 0:27 /jobs /my\\040groups rw - cgroup cgroup rw,cpuacct,cpu\n"
                        "33 23 0:28 /user.slice /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
                        "34 23 0:29 / /proc rw - proc proc rw\n");
  REQUIRE(found.size() == 3);
  CHECK(found[0].own == "/sys/fs/cgroup/memory/jobs/one");
  CHECK(found[0].version == Hierarchy::Version::v1);
  CHECK(found[1].own == "/my groups");
  CHECK(found[1].controllers == Texts{"cpu", "cpuacct"});
  CHECK(found[2].version == Hierarchy::Version::v2);
  CHECK(found[2].own == "/sys/fs/cgroup/unified/a");
}

TEST_CASE("the lowest limit of a group and those above it counts") {
  const Folder at;
  at.file("v2/a/b/memory.max", "max\n");
  at.file("v2/a/b/cpu.max", "400000 100000\n");
  at.file("v2/a/memory.max", "1000000\n");
  at.file("v2/a/cpu.max", "250000 100000\n");
  at.file("v1/a/memory.limit_in_bytes", "500000\n");
  at.file("v1/memory.limit_in_bytes", "9223372036854771712\n");
  const Path root = at.folder.path();
  const auto limits = limits_of({{Hierarchy::Version::v2, {}, root / "v2", root / "v2/a/b"},
                                 {Hierarchy::Version::v1, {"memory"}, root / "v1", root / "v1/a"}});
  CHECK(limits.memory == 500000u);
  CHECK(limits.cpus == 2.5);
}
