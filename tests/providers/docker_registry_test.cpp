// The provider `docker` and registries: one that is real but for its size,
// tests/providers/registry.py.
#include "dstack/base/text.hpp"
#include "engines.hpp"

using namespace dstack;
using dstack::test::holds;
using dstack::test::Sandbox;

namespace {

/// The two that were started with the engines: one for everybody, one for user 'ada'.
struct Registries {
  std::string open;
  std::string closed;

  Registries() {
    const auto text = read_file(Path(DSTACK_ENGINES) / "registry");
    REQUIRE(text);
    const auto ports = split(trim(*text), ' ');
    REQUIRE(ports.size() == 2);
    open = "127.0.0.1:" + std::string(ports[0]);
    closed = "127.0.0.1:" + std::string(ports[1]);
  }
};

/// An image that no engine has yet: any tag will do.
std::string fresh_tool(const std::string& registry) {
  return registry + "/tool:" + random_hex(6);
}

/// A project with a workflow that pulls privately.
void write_workflow(const Sandbox& box, const std::string& image, const std::string& password) {
  box.workflows("workflows:\n  - name: w\n    provider: docker\n    image: " + image +
                "\n    registry_auth: {username: ada, password: " + password + "}\n");
}

}  // namespace

TEST_CASE("docker: an image that the engine does not have is pulled, with progress in the log") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const Registries registries;
    Sandbox box;
    box.set("DOCKER_HOST=unix://" + engine.socket);
    const std::string image = fresh_tool(registries.open);
    const std::string out = box.ok({"run", "docker", image});
    CHECK(holds(out, "dstack: pulling image '" + image + "'\n"));
    CHECK(holds(out, "dstack: pulled image '" + image + "' in "));
    CHECK(out.substr(out.size() - 18) == "from the registry\n");
    // Now it is here, and nobody is asked.
    CHECK(box.ok({"run", "docker", image}) == "from the registry\n");
  }
}

TEST_CASE("docker: an image that does not exist is reported with its registry") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const Registries registries;
    Sandbox box;
    box.set("DOCKER_HOST=unix://" + engine.socket);
    const auto output = box.run({"run", "docker", registries.open + "/none:1"});
    CHECK(Sandbox::code(output) == 125);
    CHECK(holds(output.err, "there is no image '" + registries.open + "/none:1'"));
    CHECK(holds(output.err, "check its name and its tag"));
  }
}

TEST_CASE("docker: a registry that denies access is distinguished from one without the image") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const Registries registries;
    Sandbox box;
    box.set("DOCKER_HOST=unix://" + engine.socket);
    auto output = box.run({"run", "docker", fresh_tool(registries.closed)});
    CHECK(Sandbox::code(output) == 125);
    CHECK(holds(output.err, "denies access to image"));
    CHECK(holds(output.err, "set 'registry_auth'"));
    write_workflow(box, fresh_tool(registries.closed), "wr0ng");
    output = box.run({"run", "w"});
    CHECK(Sandbox::code(output) == 125);
    CHECK(holds(output.err, "denies access to image"));
    CHECK(holds(output.err, "to user 'ada'"));
  }
}

TEST_CASE("docker: registry_auth opens a private registry, and its password is never shown") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const Registries registries;
    Sandbox box;
    box.set("DOCKER_HOST=unix://" + engine.socket);
    write_workflow(box, fresh_tool(registries.closed), "s3cret pass");
    const auto output = box.run({"run", "w"});
    INFO(output.err);
    CHECK(Sandbox::code(output) == 0);
    CHECK(holds(output.out, "from the registry\n"));
    CHECK_FALSE(holds(output.out + output.err, "s3cret"));
    const std::string run = box.last_run();
    CHECK_FALSE(holds(box.ok({"show", run}) + box.ok({"show", run, "--json"}), "s3cret"));
    CHECK_FALSE(holds(box.ok({"run", "w", "--dry-run"}), "s3cret"));
    CHECK_FALSE(holds(box.ok({"run", "w", "--dry-run", "--json"}), "s3cret"));
  }
}

TEST_CASE("docker: a secret opens a private registry, and is nowhere on disk") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const Registries registries;
    Sandbox box;
    box.set("DOCKER_HOST=unix://" + engine.socket);
    write_workflow(box, fresh_tool(registries.closed), "\"${{ secrets.REGISTRY }}\"");
    REQUIRE(process::run(box.command({"secrets", "add", "REGISTRY"}),
                         std::string("s3cret pass"),
                         std::chrono::seconds(100)));
    const auto output = box.run({"run", "w"});
    INFO(output.err);
    CHECK(Sandbox::code(output) == 0);
    CHECK(holds(output.out, "from the registry\n"));
    for (const auto& entry : fs::recursive_directory_iterator(box.home())) {
      boost::system::error_code error;
      if (entry.symlink_status(error).type() == fs::regular_file)
        CHECK_FALSE(holds(*read_file(entry.path()), "s3cret"));
    }
  }
}

TEST_CASE("docker: a registry that cannot be reached is reported") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    Sandbox box;
    box.set("DOCKER_HOST=unix://" + engine.socket);
    const auto output = box.run({"run", "docker", "127.0.0.1:1/some/image:1"});
    CHECK(Sandbox::code(output) == 125);
    CHECK(holds(output.err,
                "cannot pull image '127.0.0.1:1/some/image:1' from registry '127.0.0.1:1'"));
  }
}
