#include "dstack/python/settings.hpp"

#include "dstack/python/index_origin.hpp"
#include "dstack/python/passwords.hpp"
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

TEST_CASE("a job's own settings of the installers override the caller's, and nothing else does") {
  EnvironmentFolder at;
  at.variables = {{"PATH", "/bin"},
                  {"HOME", at.root.string()},
                  {"PIP_INDEX_URL", "https://caller.example.org"},
                  {"HTTPS_PROXY", "http://caller"}};
  const JobInput job{{{"PATH", "/job/bin"},
                      {"HOME", "/job"},
                      {"CC", "/job/cc"},
                      {"PIP_INDEX_URL", "https://job.example.org"},
                      {"PIP_TARGET", "/x"},
                      {"UV_INDEX_PRIVATE_PASSWORD", "hush-hush-1"},
                      {"HTTPS_PROXY", "http://job"}},
                     {},
                     {}};
  const auto list = installer_environment(at.lookup(), job);
  CHECK(has(list, "PATH=/bin"));
  CHECK(has(list, "HOME=" + at.root.string()));
  CHECK(has(list, "PIP_INDEX_URL=https://job.example.org"));
  CHECK(has(list, "UV_DEFAULT_INDEX=https://job.example.org"));
  CHECK(has(list, "UV_INDEX_PRIVATE_PASSWORD=hush-hush-1"));
  CHECK(has(list, "HTTPS_PROXY=http://job"));
  CHECK_FALSE(names(list, "PIP_TARGET"));
  CHECK_FALSE(names(list, "CC"));
}

TEST_CASE("the first index of a workflow takes the place of PyPI, and the others are beside it") {
  EnvironmentFolder at;
  at.variables = {{"HOME", at.root.string()},
                  {"UV_INDEX_URL", "https://caller.example.org"},
                  {"PIP_EXTRA_INDEX_URL", "https://extra.example.org"}};
  const auto one = installer_environment(at.lookup(), {{}, {"https://one"}, {}});
  CHECK(has(one, "PIP_INDEX_URL=https://one"));
  CHECK(has(one, "UV_DEFAULT_INDEX=https://one"));
  CHECK_FALSE(names(one, "UV_INDEX_URL"));
  CHECK(has(one, "PIP_EXTRA_INDEX_URL=https://extra.example.org"));
  const auto three =
      installer_environment(at.lookup(), {{}, {"https://one", "https://two", "https://three"}, {}});
  CHECK(has(three, "PIP_EXTRA_INDEX_URL=https://two https://three"));
  CHECK(has(three, "UV_EXTRA_INDEX_URL=https://two https://three"));
}

TEST_CASE("what must not be shown of the installers' settings is known") {
  CHECK(passwords_in({"PIP_INDEX_URL=https://ci:pass-word-1@host/simple",
                      "UV_EXTRA_INDEX_URL=https://a/x https://token-2@b/x https://u:@c",
                      "PIP_FIND_LINKS=/a,https://u:pass-word-3@d/",
                      "HTTPS_PROXY=http://u:pass-word-4@proxy:8080",
                      "UV_INDEX_PRIVATE_PASSWORD=pass-word-5",
                      "OTHER=https://u:pass-word-6@host"}) ==
        std::vector<std::string>{
            "pass-word-1", "token-2", "u", "pass-word-3", "pass-word-4", "pass-word-5"});
  CHECK(hidden_part("INDEX_PW", "hush") == "hush");
  CHECK(hidden_part("WHEELS", "/srv/wheels").empty());
  CHECK(hidden_part("USER", "ann").empty());
  CHECK(hidden_part("INDEX", "https://ann:hush@host/simple") == "hush");
  CHECK(hidden_part("INDEX", "https://host/simple").empty());
}

TEST_CASE("what says in which index packages are looked for is known by its place") {
  using List = std::vector<std::string>;
  EnvironmentFolder at;
  at.variables = {{"HOME", at.root.string()}, {"XDG_CONFIG_DIRS", (at.root / "none").string()}};
  const Requirements none;
  CHECK(index_origins(none, at.lookup(), {}).empty());

  const Path pip = at.write(".config/pip/pip.conf", "[global]\nindex-url = https://a\n");
  const Path uv = at.write(".config/uv/uv.toml", "[[index]]\nurl = \"https://b\"\n");
  at.variables["PIP_EXTRA_INDEX_URL"] = "https://c";
  const JobInput job{{{"UV_INDEX_URL", "https://d"}}, {}, {}, {}};
  CHECK(index_origins(none, at.lookup(), job) ==
        List{"UV_INDEX_URL of the job's environment",
             "PIP_EXTRA_INDEX_URL where the run is started",
             "'index-url' in " + pip.string(),
             "'index' in " + uv.string()});
  at.variables["PIP_CONFIG_FILE"] = "/dev/null";
  CHECK(index_origins(none, at.lookup(), {}).size() == 2);

  Requirements files;
  files.files.push_back({"r.txt", "six\n--index-url https://e\n# -i https://f\n", {}});
  JobInput own;
  own.index = {"https://g"};
  own.index_where = ".dstack/workflows.yaml:5:12";
  CHECK(index_origins(files, at.lookup(), own) ==
        List{"'index' at .dstack/workflows.yaml:5:12",
             "'--index-url' at r.txt:2",
             "PIP_EXTRA_INDEX_URL where the run is started"});
  own.index.emplace_back("https://h");
  CHECK(index_origins(files, at.lookup(), own).size() == 2);
  CHECK(proxy_variables({"https_proxy=http://x", "HTTP_PROXY=", "NO_PROXY=y", "PATH=/"}) ==
        List{"https_proxy"});
}
