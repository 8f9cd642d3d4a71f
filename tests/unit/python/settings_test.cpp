#include "dstack/python/settings.hpp"

#include "support/environment_folder.hpp"

#include <algorithm>

using namespace dstack;
using namespace dstack::python;

namespace {

bool has(const std::vector<std::string>& list, const std::string& entry) {
  return std::find(list.begin(), list.end(), entry) != list.end();
}

bool names(const std::vector<std::string>& list, const std::string& name) {
  return std::any_of(
      list.begin(), list.end(), [&](const auto& entry) { return entry.starts_with(name + "="); });
}

}  // namespace

TEST_CASE("installers see the base, their own settings, and nothing else of the caller's") {
  EnvironmentFolder at;
  at.variables = {{"PATH", "/bin"},
                  {"HTTPS_PROXY", "http://proxy"},
                  {"PIP_INDEX_URL", "https://example.org"},
                  {"UV_HTTP_TIMEOUT", "9"},
                  {"PYTHONPATH", "/x"},
                  {"AWS_SECRET", "s"},
                  {"PIP_TARGET", "/x"}};
  const auto list = installer_environment(at.lookup());
  CHECK(has(list, "PATH=/bin"));
  CHECK(has(list, "HTTPS_PROXY=http://proxy"));
  CHECK(has(list, "UV_HTTP_TIMEOUT=9"));
  for (const char* name : {"PYTHONPATH", "AWS_SECRET", "PIP_TARGET"})
    CHECK_FALSE(names(list, name));
}

TEST_CASE("uv gets what was set for pip") {
  EnvironmentFolder at;
  at.variables["HOME"] = at.root.string();
  at.write(".config/pip/pip.conf",
           "[global]\nindex-url = https://example.org/simple\ntrusted-host: "
           "example.org\n[list]\nformat = json\n"
           "[install]\nfind-links =\n    /a\n    /b\n; no\n");
  at.variables["PIP_EXTRA_INDEX_URL"] = "https://extra.example.org";

  const auto list = installer_environment(at.lookup());

  CHECK(has(list, "UV_DEFAULT_INDEX=https://example.org/simple"));
  CHECK(has(list, "UV_EXTRA_INDEX_URL=https://extra.example.org"));
  CHECK(has(list, "UV_INSECURE_HOST=example.org"));
  CHECK(has(list, "UV_FIND_LINKS=/a,/b"));
}

TEST_CASE("a setting of uv overrides pip's, and a variable overrides a file") {
  EnvironmentFolder at;
  at.variables["HOME"] = at.root.string();
  at.write(".pip/pip.conf",
           "[global]\nindex-url = https://file.example.org\nextra-index-url = https://one\n");
  at.variables["PIP_EXTRA_INDEX_URL"] = "https://two";
  at.variables["UV_INDEX_URL"] = "https://uv.example.org";

  const auto list = installer_environment(at.lookup());

  CHECK_FALSE(names(list, "UV_DEFAULT_INDEX"));
  CHECK(has(list, "UV_INDEX_URL=https://uv.example.org"));
  CHECK(has(list, "UV_EXTRA_INDEX_URL=https://two"));
}
