#include "dstack/job/application_host.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::job;

TEST_CASE("each application of a run has a name of its own below localhost") {
  CHECK(browser_host("quiet-otter-3", 0, 0, "JupyterLab") == "jupyterlab.quiet-otter-3.localhost");
  CHECK(browser_host("quiet-otter-3", 0, 0, "VS Code") == "vs-code.quiet-otter-3.localhost");
  CHECK(browser_host("quiet-otter-3", 0, 1, "port 1") == "port-1--0-1.quiet-otter-3.localhost");
  CHECK(browser_host("quiet-otter-3", 2, 0, "JupyterLab") ==
        "jupyterlab--2-0.quiet-otter-3.localhost");
}

TEST_CASE("whatever an application or a run is called, its name is one of DNS") {
  CHECK(browser_host("My_Run!", 0, 0, "--é--") == "app.my-run.localhost");
  CHECK(browser_host("..", 0, 0, "a..b//c ") == "a-b-c.run.localhost");
  const std::string host = browser_host(std::string(300, 'r'), 4000, 4000, std::string(300, 'a'));
  CHECK(host.find('.') <= 63);
  CHECK(host.size() <= 253);
}

TEST_CASE("only an address of this machine becomes one for browsers") {
  const auto url_of = [](const std::string& url) {
    Application app;
    app.name = "JupyterLab";
    app.url = url;
    return browser_url("otter-1", app);
  };
  CHECK(url_of("http://127.0.0.1:20418/lab?token=ab") ==
        "http://jupyterlab.otter-1.localhost:20418/lab?token=ab");
  CHECK(url_of("https://127.0.0.1:20418/") == "https://jupyterlab.otter-1.localhost:20418/");
  for (const char* url : {"",
                          "file:///etc/passwd",
                          "javascript:alert(1)",
                          "http://evil.invalid/",
                          "http://127.0.0.1/",
                          "http://127.0.0.1:/",
                          "http://127.0.0.1:1@evil.invalid/",
                          "http://127.0.0.1:1.evil.invalid/",
                          "http://127.0.0.1.evil.invalid:1/"})
    CHECK_FALSE(url_of(url));
}
