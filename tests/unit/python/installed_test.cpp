#include "dstack/python/installed.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/python/compiled.hpp"
#include "dstack/python/progress.hpp"
#include "support/environment_folder.hpp"

#include <fcntl.h>

using namespace dstack;
using namespace dstack::python;

TEST_CASE("the packages of somebody else's environment are read from its folders") {
  const EnvironmentFolder at;
  const std::string packages = "env/lib/python3.11/site-packages/";
  at.write(packages + "ruamel_yaml-0.18.6.dist-info/METADATA",
           "Metadata-Version: 2.1\nName: ruamel.yaml\nVersion: 0.18.6\n\nName: other\n");
  at.write(packages + "numpy-2.1.0.dist-info/RECORD", "");
  at.write(packages + "old_one-1.0-py3.11.egg-info/PKG-INFO", "");
  at.write(packages + "mine-0.1.dist-info/direct_url.json", R"({"url": "file:///src/mine"})");
  at.write(packages + "numpy/__init__.py", "");
  at.write("env/conda-meta/python-3.11.9-h955ad1f_0.json", "{}");
  at.write("env/conda-meta/history", "");
  CHECK(installed_packages(at.root / "env/bin/python") ==
        "mine @ file:///src/mine\nnumpy==2.1.0\nold_one==1.0\npython=3.11.9=h955ad1f_0\n"
        "ruamel.yaml==0.18.6\n");
  CHECK(installed_packages("/usr/nothing/bin/python").empty());
}

TEST_CASE("what an installer prints becomes one line") {
  const EnvironmentFolder at;
  const auto log = open_file((at.root / "log").string(), O_WRONLY | O_CREAT | O_APPEND);
  REQUIRE(log);
  InstallProgress progress("making it", log->get());
  for (const char* line : {"Resolved 3 packages in 10ms",
                           "Downloading torch (821.1MiB)",
                           " Downloaded torch",
                           "Prepared 3 packages in 1s",
                           "Installed 3 packages in 30ms",
                           " + six==1.17.0"})
    progress.take(line);
  progress.finish(true);
  const std::string text = *read_file(at.root / "log");
  CHECK(text.starts_with("making it"));
  CHECK(text.find("\rmaking it: 3 packages, 0 s") != std::string::npos);
  CHECK(text.find('\n') == text.size() - 1);
}

TEST_CASE("folders with sources get a link into the layer of compiled files, others none") {
  const EnvironmentFolder at;
  at.write("env/lib/python3/site-packages/a/x.py", "");
  at.write("env/lib/python3/site-packages/data/y.txt", "");
  at.write("env/lib/python3/site-packages/own/z.py", "");
  at.write("env/lib/python3/site-packages/own/__pycache__/z.pyc", "");
  REQUIRE(link_compiled(at.root / "env"));
  const Path packages = at.root / "env/lib/python3/site-packages";
  CHECK(fs::read_symlink(packages / "a/__pycache__") ==
        at.root / "env.compiled/lib/python3/site-packages/a/__pycache__");
  CHECK(fs::symlink_status(packages / "data/__pycache__").type() == fs::file_not_found);
  CHECK(fs::is_directory(packages / "own/__pycache__"));
}
