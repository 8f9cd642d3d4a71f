// Where providers come from: the order of the places, which libraries of a project are trusted, and
// which files are too easily replaced to be taken.
#include "bad.hpp"
#include "dstack/base/text.hpp"
#include "support/catch.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::bad;
using dstack::test::Sandbox;

namespace {

/// The good library under another version, so that it is known which one was taken.
void put(const Path& folder, const std::string& version, const std::string& file = "x.so") {
  std::string library = read_file(bad("good")).value();
  const std::size_t at = library.find("\"1.0\"");
  REQUIRE(at != std::string::npos);
  REQUIRE(version.size() == 3);
  library.replace(at + 1, 3, version);
  REQUIRE(make_folders(folder));
  REQUIRE(write_file_atomically(folder / file, library, Durable::no));
}

/// "1.0 ok home", one for each candidate that is called 'bad', in order.
std::vector<std::string> candidates(const Sandbox& box, std::vector<std::string> options = {}) {
  options.insert(options.end(), {"providers", "list", "--json"});
  std::vector<std::string> list;
  for (const Json& candidate : box.json(options))
    if (candidate["name"] == "bad")
      list.push_back(json_string(candidate, "version") + " " + json_string(candidate, "status") +
                     " " + json_string(candidate, "source"));
  return list;
}

/// Why the only candidate called 'bad' was refused; empty when it was taken.
std::string reason(const Sandbox& box) {
  const Json list = box.json({"providers", "list", "--json"});
  for (const Json& candidate : list)
    if (candidate["name"] == "bad")
      return json_string(candidate, "reason");
  return "no candidate";
}

void change_mode(const Path& path, mode_t mode) {
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

/// The project's own library, which is called 'bad'.
struct Project {
  Project() {
    box.workflows("workflows:\n  - {name: w, provider: bad}\n");
    put(folder, "1.0");
  }

  Sandbox box;
  Path folder = box.project() / ".dstack" / "plugins";
};

const std::string untrusted =
    "it belongs to the project, and you have not trusted it; 'dstack providers trust bad' lets it "
    "run";
const std::string changed =
    "it has changed since you trusted it; 'dstack providers trust bad' trusts it as it is now";

}  // namespace

TEST_CASE("the first place that has a provider wins", "[abi][places]") {
  Sandbox box;
  box.workflows("workflows: []\n");
  const Path named = box.root() / "named";
  const Path variable = box.root() / "variable";
  put(named, "0.1");
  put(variable, "0.2");
  put(box.project() / ".dstack" / "plugins", "0.3");
  put(box.home() / "plugins", "0.4");
  box.set("DSTACK_PROVIDER_PATH=" + variable.string());
  box.ok({"providers", "trust"});

  CHECK(candidates(box, {"--provider-path", named.string()}) ==
        std::vector<std::string>{"0.1 ok --provider-path",
                                 "0.2 shadowed DSTACK_PROVIDER_PATH",
                                 "0.3 shadowed project",
                                 "0.4 shadowed home"});
  CHECK(candidates(box)[0] == "0.2 ok DSTACK_PROVIDER_PATH");
  CHECK(fs::remove_all(variable) > 0);
  CHECK(candidates(box)[0] == "0.3 ok project");
  CHECK(fs::remove_all(box.project() / ".dstack" / "plugins") > 0);
  CHECK(candidates(box)[0] == "0.4 ok home");
}

TEST_CASE("a path may name a folder or a library, and may be repeated", "[abi][places]") {
  const Sandbox box;
  put(box.project() / "built", "0.1", "one.so");
  put(box.project() / "other", "0.2");

  CHECK(candidates(box, {"--provider-path", "built/one.so"}) ==
        std::vector<std::string>{"0.1 ok --provider-path"});
  CHECK(candidates(box, {"--provider-path=other", "--provider-path", "built"}) ==
        std::vector<std::string>{"0.2 ok --provider-path", "0.1 shadowed --provider-path"});
  CHECK(box.ok({"run", "bad", "--provider-path", "built/one.so"}) == "well\n");
  const auto missing = box.run({"run", "bad", "--provider-path", "bilt"});
  CHECK(Sandbox::code(missing) == 2);
  CHECK(missing.err.find("error: '--provider-path' names 'bilt', which does not exist\n") == 0);
}

TEST_CASE("relative paths of the variable are skipped, and the doctor says so", "[abi][places]") {
  Sandbox box;
  put(box.project() / "plugins", "0.1");
  box.set("DSTACK_PROVIDER_PATH=plugins::/nowhere/at/all");

  CHECK(candidates(box).empty());
  CHECK(
      box.run({"doctor"}).out.find("plugins (DSTACK_PROVIDER_PATH): it is not an absolute path") !=
      std::string::npos);
}

TEST_CASE("a program with raised privileges ignores the variable", "[abi][places]") {
  Sandbox box;

  struct statvfs disk {};

  REQUIRE(::statvfs(box.root().c_str(), &disk) == 0);
  if (::geteuid() != 0 || (disk.f_flag & ST_NOSUID) != 0)
    SKIP("only root, on a disk that allows it, can make a program that raises privileges");
  put(box.root() / "variable", "0.1");
  box.set("DSTACK_PROVIDER_PATH=" + (box.root() / "variable").string());
  change_mode(box.root(), 0755);
  const Path program = box.root() / "dstack";
  fs::copy_file(DSTACK_BINARY, program);
  change_mode(program, 04755);
  const auto listed = [&](const std::string& user) {
    auto command = box.command({"--reuid",
                                user,
                                "--regid",
                                user,
                                "--clear-groups",
                                "--",
                                program.string(),
                                "providers",
                                "list",
                                "--json"});
    command.argv[0] = "setpriv";
    const auto output = process::run(command, {}, std::chrono::seconds(60));
    REQUIRE(output);
    INFO(output->err);
    REQUIRE(process::succeeded(output->status));
    return output->out.find("\"bad\"") != std::string::npos;
  };

  CHECK(listed("0"));
  CHECK_FALSE(listed("65534"));
}

TEST_CASE("a project's library runs after its user has trusted it, not before", "[abi][places]") {
  const Project project;
  const Sandbox& box = project.box;

  const auto before = box.run({"run", "w"});
  CHECK(Sandbox::code(before) == 2);
  CHECK(before.err.find("error: provider 'bad' cannot be used: " + untrusted + "\n") == 0);
  CHECK(reason(box) == untrusted);
  const auto trusted = box.run({"providers", "trust", "bad"});
  CHECK(Sandbox::code(trusted) == 0);
  CHECK(trusted.err.find("trusted bad 1.0 (" + (project.folder / "x.so").string() + ", SHA-256 ") ==
        0);
  CHECK(box.ok({"run", "w"}) == "well\n");
}

TEST_CASE("a trusted library that changes is refused again", "[abi][places]") {
  const Project project;
  const Sandbox& box = project.box;
  box.ok({"providers", "trust", ".dstack/plugins/x.so"});
  CHECK(reason(box).empty());
  put(project.folder, "1.1");

  CHECK(reason(box) == changed);
  CHECK(box.refused({"run", "w"}, 2).find(changed) != std::string::npos);
  box.ok({"providers", "trust"});
  CHECK(reason(box).empty());
  put(project.folder, "1.0");
  CHECK(reason(box) == changed);
}

TEST_CASE("trust applies to one file, and can be revoked", "[abi][places]") {
  const Project project;
  const Sandbox& box = project.box;
  box.ok({"providers", "trust"});
  put(project.folder, "1.0", "y.so");  // the same bytes
  CHECK(candidates(box) == std::vector<std::string>{"1.0 ok project", "1.0 refused project"});
  fs::rename(project.folder / "y.so", project.folder / "x.so");
  CHECK(candidates(box) == std::vector<std::string>{"1.0 ok project"});
  box.ok({"providers", "trust", "--revoke", "bad"});
  CHECK(reason(box) == untrusted);
}

TEST_CASE("there is nothing to trust where a project has no providers", "[abi][places]") {
  const Sandbox box;
  CHECK(box.refused({"providers", "trust"}, 2).find("no project") != std::string::npos);
  box.workflows("workflows: []\n");
  CHECK(box.run({"providers", "trust"}).err.find("error: this project has no providers: ") == 0);
  put(box.project() / ".dstack" / "plugins", "1.0");
  const auto unknown = box.run({"providers", "trust", "bed"});
  CHECK(Sandbox::code(unknown) == 2);
  CHECK(unknown.err.find("error: this project has no provider 'bed'\n") == 0);
}

TEST_CASE("a run says when another provider than the one put there is used", "[abi][places]") {
  const Project project;
  const Sandbox& box = project.box;
  put(box.home() / "plugins", "2.0");

  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.err.find("note: provider 'bad' is taken from " +
                        (box.home() / "plugins" / "x.so").string() + ", because " +
                        (project.folder / "x.so").string() + " was refused: " + untrusted + "\n") !=
        std::string::npos);
}

TEST_CASE("a library that others could replace is refused with the command that fixes it",
          "[abi][places]") {
  const Sandbox box;
  const Path folder = box.home() / "plugins";
  const Path library = folder / "x.so";
  put(folder, "1.0");
  CHECK(reason(box).empty());
  const auto refused = [&](const std::string& paths, const std::string& command) {
    CHECK(reason(box) == "others could replace it, because they can write to " + paths +
                             "; chmod go-w " + command);
  };

  SECTION("the file") {
    change_mode(library, 0666);
    refused("'" + library.string() + "'", library.string());
  }
  SECTION("its folder") {
    change_mode(folder, 0777);
    refused("'" + folder.string() + "'", folder.string());
  }
  SECTION("a folder above, and the file") {
    change_mode(folder, 0707);
    change_mode(library, 0646);
    refused("'" + folder.string() + "' and '" + library.string() + "'",
            folder.string() + " " + library.string());
  }
  const std::string why = reason(box);
  const std::string command = why.substr(why.find("chmod"));
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(reason(box).empty());
}

TEST_CASE("in a sticky folder nobody can replace the files of another user", "[abi][places]") {
  const Sandbox box;
  put(box.home() / "plugins", "1.0");
  change_mode(box.home() / "plugins", 01777);
  CHECK(reason(box).empty());
}

TEST_CASE("links are followed, and every folder on their way is looked at", "[abi][places]") {
  const Sandbox box;
  const Path open = box.root() / "open";
  put(open / "inner", "1.0");
  REQUIRE(make_folders(box.home() / "plugins"));
  fs::create_symlink("../../open/inner", box.home() / "way");
  fs::create_symlink(box.home() / "way" / "x.so", box.home() / "plugins" / "x.so");
  CHECK(reason(box) != "");  // 'way' leads elsewhere: home/../../open is outside
  fs::remove(box.home() / "way");
  fs::create_symlink("../open/inner", box.home() / "way");
  CHECK(reason(box).empty());

  change_mode(open, 0777);
  CHECK(reason(box) == "others could replace it, because they can write to '" + open.string() +
                           "'; chmod go-w " + open.string());
}

TEST_CASE("what belongs to another user is refused", "[abi][places]") {
  if (::geteuid() != 0)
    SKIP("only root can give files away");
  const Sandbox box;
  const Path library = box.home() / "plugins" / "x.so";
  put(box.home() / "plugins", "1.0");
  REQUIRE(::chown(library.c_str(), 65534, 65534) == 0);
  CHECK(reason(box) == "others could replace it, because '" + library.string() +
                           "' belongs to user 'nobody'; copy it to a folder that belongs to you or "
                           "to root");
}

TEST_CASE("trust that others could have given counts for nothing", "[abi][places]") {
  const Project project;
  const Sandbox& box = project.box;
  box.ok({"providers", "trust"});
  change_mode(box.home() / "trusted-providers.json", 0666);
  CHECK(reason(box).find("others could replace it, because they can write to '") == 0);
  change_mode(box.home() / "trusted-providers.json", 0600);
  REQUIRE(write_file_atomically(
      box.home() / "trusted-providers.json", "{\"half\": ", Durable::no, 0600));
  CHECK(reason(box).find("trusted-providers.json' is damaged; remove it, ") != std::string::npos);
}
