// The provider `torchrun` with the real torch.distributed; what needs no torch comes last.
#include "applications.hpp"
#include "dstack/process/identity.hpp"
#include "support/documentation.hpp"
#include "support/text.hpp"
#include "support/variables.hpp"

#include <algorithm>

#include <unistd.h>

using namespace dstack;
using namespace dstack::test;

namespace {

/// What `cmake/scripts/torch.sh` makes.
Path torch_folder() {
  return Applications::cache() / "torch";
}

bool has_torch() {
  return ::access((torch_folder() / "bin" / "python").c_str(), X_OK) == 0;
}

constexpr const char* no_torch =
    "there is no PyTorch for tests; `sh cmake/scripts/applications.sh torch` makes one";

/// A sandbox whose caller has activated an environment with torch.
class TorchBox : public Sandbox {
 public:
  TorchBox() {
    set("VIRTUAL_ENV=" + torch_folder().string());
    set("PATH=" + (torch_folder() / "bin").string() + ":" + own_variable("PATH").value_or("/bin"));
  }

  /// Brings a folder of docs/examples into the project.
  void example(const std::string& name) const {
    const Path from = Path(DSTACK_SOURCE_DIR) / "docs" / "examples" / name;
    for (const char* path : {".dstack/workflows.yaml", "train.py", "requirements.txt"})
      file(path, read_file(from / path).value());
  }

  process::Output long_run(const std::vector<std::string>& arguments) const {
    return run(arguments, std::chrono::minutes(5));
  }

  Json last() const { return json({"show", last_run(), "--json"}); }
};

Json model_of(const TorchBox& box, const Json& run, const std::string& path) {
  const std::string folder = (box.root() / "got").string();
  box.ok({"artifacts", "download", run["run"].get<std::string>(), "-o", folder});
  return parse_json(read_file(Path(folder) / path).value(), path).value();
}

void check_nothing_left(const Json& run) {
  for (const Json& job : run["jobs"])
    CHECK(process::with_environment("JOB_ID", job["job"].get<std::string>()).empty());
}

}  // namespace

TEST_CASE("torchrun: the example of its page runs as it is written") {
  if (!has_torch())
    SKIP(no_torch);
  const TorchBox box;
  box.workflows(blocks(source("docs/providers/torchrun.md"), "yaml").at(0));
  box.file("train.py", blocks(source("docs/providers/torchrun.md"), "python").at(0));

  const auto output = box.long_run({"run", "train"});

  INFO(output.err);
  INFO(output.out);
  REQUIRE(Sandbox::code(output) == 0);
  for (int rank = 0; rank < 6; ++rank)
    CHECK(holds(output.out, "rank " + std::to_string(rank) + " of 6: 15"));
  const Json run = box.last();
  CHECK(run["jobs"].size() == 3);
  CHECK(model_of(box, run, "model/total.json") == 15.0);
}

TEST_CASE("torchrun: two processes of one node train one model") {
  if (!has_torch())
    SKIP(no_torch);
  const TorchBox box;
  box.example("torchrun");

  const auto output = box.long_run({"run", "train"});

  INFO(output.err);
  INFO(output.out);
  REQUIRE(Sandbox::code(output) == 0);
  CHECK(holds(output.out, "rank 0 of 2: the numbers from 1 to 2 add up to 3\n"));
  CHECK(holds(output.out, "rank 1 of 2: the numbers from 1 to 2 add up to 3\n"));
  const Json model = model_of(box, box.last(), "model/line.json");
  CHECK(model["processes"] == 2);
  CHECK(std::abs(model["weight"].get<double>() - 3) < 0.3);
  CHECK(std::abs(model["bias"].get<double>() - 2) < 0.3);
}

TEST_CASE("torchrun: three nodes find each other, and the first saves the model") {
  if (!has_torch())
    SKIP(no_torch);
  const TorchBox box;
  box.example("torchrun");

  const auto output = box.long_run({"run", "train-on-three", "-j", "1"});

  INFO(output.err);
  INFO(output.out);
  REQUIRE(Sandbox::code(output) == 0);
  for (const char* rank : {"0", "1", "2"}) {
    const std::string node = "train-on-three[" + std::string(rank) + "]";
    CHECK(holds(output.out,
                "rank " + std::string(rank) + " of 3: the numbers from 1 to 3 add up to 6\n"));
    CHECK(holds(output.out, node));
  }
  const Json run = box.last();
  CHECK(run["jobs"].size() == 3);
  CHECK(run["workflows"][0]["artifacts"].size() == 1);
  CHECK(model_of(box, run, "model/line.json")["processes"] == 3);
}

TEST_CASE("torchrun: the arguments reach each process as they are") {
  if (!has_torch())
    SKIP(no_torch);
  const TorchBox box;
  box.file("src/show.py", "import os, sys\nprint(os.environ['RANK'], sys.argv[1:])\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: torchrun, file: src/show.py, working_dir: src, args: "
      "[\"two words\", \"--x=1\", \"$HOME\", \"it's\"]}\n");
  CHECK(box.ok({"run", "w"}) == "0 ['two words', '--x=1', '$HOME', \"it's\"]\n");
}

TEST_CASE("torchrun: a node that fails ends the others, which wait for it") {
  if (!has_torch())
    SKIP(no_torch);
  const TorchBox box;
  box.file("train.py", R"(import os, sys
import torch.distributed as dist
if os.environ["GROUP_RANK"] == "1":
    sys.exit(3)
dist.init_process_group("gloo")
)");
  box.workflows("workflows:\n  - {name: w, provider: torchrun, file: train.py, nodes: 3}\n");

  const auto output = box.long_run({"run", "w"});

  INFO(output.err);
  INFO(output.out);
  CHECK(Sandbox::code(output) == 1);  // torch's launcher says 1 for whatever failed
  const Json run = box.last();
  INFO(render_json_pretty(run));
  CHECK(run["jobs"][1]["status"] == "failed");
  CHECK(run["jobs"][0]["status"] == "stopped");
  CHECK(run["jobs"][2]["status"] == "stopped");
  CHECK(holds(box.ok({"show", run["run"].get<std::string>()}), "w[1] failed first"));
  check_nothing_left(run);
}

TEST_CASE("torchrun: a Python without torch is reported in one line") {
  const Sandbox box;
  box.file("train.py", "");
  box.file("requirements.txt", "");
  box.workflows(
      "workflows:\n  - {name: w, provider: torchrun, file: train.py, requirements: "
      "requirements.txt}\n");
  const auto output = box.run({"run", "w"});
  INFO(output.err);
  CHECK(Sandbox::code(output) == 1);
  CHECK(holds(output.out, "this Python has no torch"));
}

TEST_CASE(
    "torchrun: as many processes as GPUs, unless their number is given; they share the CPUs") {
  const Sandbox box;
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(
      box.home() / "config.yaml",
      "resources: {cpu: 8, gpus: [&card {name: T4, memory: 16GB}, *card, *card, *card]}\n",
      Durable::no));
  box.file("train.py", "");
  box.workflows("workflows:\n  - {name: w, provider: torchrun, file: train.py, nodes: 2}\n");
  CHECK(holds(box.ok({"run", "w", "--dry-run"}), "--nnodes 2 --node_rank 1 --nproc_per_node 1 "));
  CHECK(holds(box.ok({"run", "w", "--dry-run", "--gpu", "2"}), "--nproc_per_node 2 "));
  CHECK(holds(box.ok({"run", "w", "--dry-run", "--gpu", "2", "--nproc-per-node", "4"}),
              "--nproc_per_node 4 "));
  CHECK(holds(box.ok({"run", "w", "--dry-run", "--cpu", "4", "--nproc-per-node", "2"}),
              "OMP_NUM_THREADS=2"));
  CHECK(holds(box.ok({"run", "w", "--dry-run", "--nnodes", "3"}), "--nnodes 3 --node_rank 2 "));
  CHECK(holds(box.refused({"run", "w", "--dry-run", "--nnodes", "0"}, 2), "nnodes"));
}

TEST_CASE("torchrun: a module runs in each process") {
  if (!has_torch())
    SKIP(no_torch);
  const TorchBox box;
  box.file("pkg/__init__.py", "");
  box.file("pkg/show.py", "import os, sys\nprint(__package__, os.environ['RANK'], sys.argv[1:])\n");
  box.workflows("workflows:\n  - {name: w, provider: torchrun, module: pkg.show, args: [a]}\n");
  CHECK(box.ok({"run", "w"}) == "pkg 0 ['a']\n");
}
