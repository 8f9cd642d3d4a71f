#include "dstack/job/requirements_source.hpp"

#include "support/catch.hpp"

using namespace dstack::job;

TEST_CASE("an entry of requirements is a file, and which of its parts are meant", "[job]") {
  const RequirementsSource all =
      parse_requirements_source("sub/pyproject.toml[gpu, viz]:dev+project");
  CHECK(all.file == "sub/pyproject.toml");
  CHECK(all.extras == std::vector<std::string>{"gpu", "viz"});
  CHECK(all.groups == std::vector<std::string>{"dev"});
  CHECK(all.project);
  CHECK(render(all) == "sub/pyproject.toml[gpu,viz]:dev+project");
  for (const char* text : {"uv.lock", "uv.lock:a,b", "uv.lock+project", "uv.lock[x]"}) {
    CHECK(render(parse_requirements_source(text)) == text);
    CHECK(format_of(parse_requirements_source(text)) == RequirementsFormat::uv_lock);
  }
  CHECK_FALSE(parse_requirements_source("uv.lock").has_parts());
}

TEST_CASE("any other name of a file is taken as it is", "[job]") {
  for (const char* text : {"requirements.txt",
                           "a[1].txt",
                           "a:b+project",
                           "pyproject.toml.bak",
                           "uv.lock[x",
                           "x/",
                           ""}) {
    const RequirementsSource source = parse_requirements_source(text);
    CHECK(source.file == text);
    CHECK_FALSE(source.has_parts());
    CHECK(format_of(source) == RequirementsFormat::pip);
  }
  for (const char* text :
       {"env/environment.yml", "conda.yaml", "envs/gpu.yml", "environment-dev.yaml"})
    CHECK(format_of(parse_requirements_source(text)) == RequirementsFormat::conda);
  CHECK(format_of(parse_requirements_source("pyproject.toml[a]")) == RequirementsFormat::project);
}
