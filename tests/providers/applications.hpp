// A sandbox for tests with real applications: a home of its own for the jobs too, the installers'
// shared cache, and the programs that cmake/scripts/applications.sh brings.
#pragma once

#include "support/documentation.hpp"
#include "support/variables.hpp"

namespace dstack::test {

class Applications : public Sandbox {
 public:
  Applications() {
    const Path user = root() / "user";
    REQUIRE(make_folders(user));
    // Interpreters are looked for in the user's home.
    if (const auto home = own_variable("HOME"); home && fs::exists(Path(*home) / ".pyenv"))
      fs::create_symlink(Path(*home) / ".pyenv", user / ".pyenv");
    set("HOME=" + user.string());
    set("UV_CACHE_DIR=" + (cache() / "uv").string());
  }

  /// What applications.sh fills.
  static Path cache() {
    const std::string set = own_variable("XDG_CACHE_HOME").value_or("");
    return (set.empty() ? Path(own_variable("HOME").value_or("/")) / ".cache" : Path(set)) /
           "dstack-tests";
  }

  /// The jobs' home, where nothing may appear.
  Path user_home() const { return root() / "user"; }

  std::vector<std::string> files_in_user_home() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(user_home()))
      if (entry.path().filename() != ".pyenv")
        files.push_back(entry.path().filename().string());
    return files;
  }

  /// Runs a script of tests/providers/drive to its end.
  process::Output drive(const std::string& script, std::vector<std::string> arguments) const {
    process::Command command;
    command.argv = {(cache() / "driver/environment/bin/python").string(),
                    "-B",
                    std::string(DSTACK_SOURCE_DIR) + "/tests/providers/drive/" + script};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    auto output = process::run(command, {}, std::chrono::minutes(4));
    if (!output)
      FAIL(render(output.error()));
    return *std::move(output);
  }

  /// Waits until the application of a run answers; its address.
  std::string address(const std::string& run) const {
    const auto output = this->run({"app", run, "--print"}, std::chrono::minutes(5));
    INFO(output.err);
    REQUIRE(process::succeeded(output.status));
    return output.out.substr(0, output.out.find('\n'));
  }

  void stop(const std::string& run) const { ok({"stop", run, "-y"}); }

  /// The body of a page; "" when there is none. Any certificate will do.
  std::string page(const std::string& address) const {
    process::Command command;
    command.argv = {"python3",
                    "-c",
                    "import ssl, sys, urllib.request as u\n"
                    "print(u.urlopen(sys.argv[1], context=ssl._create_unverified_context()).read()"
                    ".decode())",
                    address};
    if (!address.starts_with("https"))
      command.argv[2] =
          "import sys, urllib.request as u\n"
          "print(u.urlopen(sys.argv[1]).read().decode())";
    const auto output = process::run(command, {}, std::chrono::minutes(1));
    REQUIRE(output);
    INFO(output->err);
    CHECK(process::succeeded(output->status));
    return output->out;
  }
};

/// A certificate for nobody and its key: cert.pem and key.pem of the folder. False: no openssl.
inline bool make_certificate(const Path& folder) {
  process::Command openssl;
  openssl.argv = {"openssl",
                  "req",
                  "-x509",
                  "-newkey",
                  "rsa:2048",
                  "-nodes",
                  "-days",
                  "2",
                  "-subj",
                  "/CN=nobody.invalid",
                  "-keyout",
                  (folder / "key.pem").string(),
                  "-out",
                  (folder / "cert.pem").string()};
  const auto made = process::run(openssl);
  return made && process::succeeded(made->status);
}

/// Processes that carry this in their environment or on their command line.
inline std::vector<std::string> processes_with(const std::string& file, const std::string& text) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos)
      continue;
    const auto content = read_kernel_file(entry.path() / file);
    if (content && content->find(text) != std::string::npos)
      found.push_back(pid);
  }
  return found;
}

inline std::string why_no_driver() {
  boost::system::error_code error;
  return fs::exists(Applications::cache() / "driver/complete", error)
             ? ""
             : "sh cmake/scripts/applications.sh apps has not been run";
}

inline std::string why_no_browser() {
  boost::system::error_code error;
  return fs::exists("/usr/bin/chromedriver", error)
             ? why_no_driver()
             : "sh cmake/scripts/applications.sh browser has not been run";
}

inline std::string why_no_firefox() {
  boost::system::error_code error;
  return fs::exists("/usr/bin/firefox-esr", error)
             ? why_no_driver()
             : "sh cmake/scripts/applications.sh firefox has not been run";
}

}  // namespace dstack::test
