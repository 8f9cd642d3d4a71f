// Every reason that the system has to refuse a start, brought about for real.
#include "dstack/base/file.hpp"
#include "dstack/process/spawn.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/text.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::process;
using dstack::test::holds;

namespace {

Command command_of(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  return command;
}

Error why_not(const Command& command) {
  const auto child = spawn(command);
  REQUIRE_FALSE(child);
  return child.error();
}

class Folder {
 public:
  std::string file(const std::string& name, const std::string& bytes, unsigned mode) const {
    const Path path = folder_.path() / name;
    REQUIRE(write_file_atomically(path, bytes, Durable::no, mode));
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    return path.string();
  }

  std::string path() const { return folder_.path().string(); }

 private:
  TemporaryFolder folder_ = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
};

/// The head of a program for a machine that nobody has.
std::string foreign_program() {
  Elf64_Ehdr head{};
  std::copy_n(ELFMAG, SELFMAG, head.e_ident);
  head.e_ident[EI_CLASS] = ELFCLASS64;
  head.e_ident[EI_DATA] = ELFDATA2LSB;
  head.e_ident[EI_VERSION] = EV_CURRENT;
  head.e_type = ET_EXEC;
  head.e_machine = EM_CRIS;
  return {reinterpret_cast<const char*>(&head), sizeof head};
}

std::size_t open_descriptors() {
  const auto folder = fs::directory_iterator("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(folder), end(folder)));
}

}  // namespace

TEST_CASE("a program that is not there is not found") {
  const Error error = why_not(command_of({"/no/such/program"}));
  CHECK(error.code == ErrorCode::not_found);
  CHECK(error.message == "cannot start '/no/such/program': No such file or directory");
  CHECK(holds(error.hint, "install it"));
}

TEST_CASE("a script whose interpreter is not there names the interpreter") {
  const Folder folder;
  const std::string script = folder.file("script", "#! /no/such/interpreter -x\n", 0755);
  const Error error = why_not(command_of({script}));
  CHECK(error.message == "cannot start '" + script + "': No such file or directory");
  CHECK(holds(error.hint, "its first line asks for '/no/such/interpreter'"));
}

TEST_CASE("a program of the folder to start in is looked at there") {
  const Folder folder;
  folder.file("script", "#!/no/such/interpreter\n", 0755);
  Command command = command_of({"./script"});
  command.working_dir = folder.path();
  CHECK(holds(why_not(command).hint, "'/no/such/interpreter'"));
}

TEST_CASE("a program for another machine, and a script without an interpreter, are reported") {
  const Folder folder;
  for (const std::string& bytes : {foreign_program(), std::string("echo hello\n")}) {
    const std::string file = folder.file("program", bytes, 0755);
    const Error error = why_not(command_of({file}));
    CHECK(error.message == "cannot start '" + file + "': Exec format error");
    CHECK(holds(error.hint, "'#!/bin/sh'"));
  }
}

TEST_CASE("a program without the x bit is reported, with the way to give it") {
  const Folder folder;
  const std::string file = folder.file("script", "#!/bin/sh\n", 0644);
  const Error error = why_not(command_of({file}));
  CHECK(error.code == ErrorCode::unavailable);
  CHECK(error.message == "cannot start '" + file + "': Permission denied");
  CHECK(holds(error.hint, "chmod +x"));
}

TEST_CASE("a program that is still being written is reported, with the way to find the writer") {
  const Folder folder;
  const std::string file = folder.file("script", "#!/bin/sh\n", 0755);
  const std::ofstream writer(file, std::ios::app);
  const Error error = why_not(command_of({file}));
  CHECK(error.message == "cannot start '" + file + "': Text file busy");
  CHECK(holds(error.hint, "'fuser -v " + file + "'"));
}

TEST_CASE(
    "arguments and variables that are too long are reported with their length and the limits") {
  Command command = command_of({"true", std::string(longest_argument, 'x')});
  const Error error = why_not(command);
  CHECK(error.message == "cannot start 'true': Argument list too long");
  CHECK(holds(error.hint, "the longest of them 131072"));
  CHECK(holds(error.hint, "131072 in one"));

  command.argv = {"true", std::string(longest_argument - 1, 'x')};
  auto child = spawn(command);
  REQUIRE(child);
  CHECK(succeeded(child->wait()));

  command.argv = {"true"};
  command.environment = {"LONG=" + std::string(longest_argument, 'x')};
  CHECK(holds(why_not(command).hint, "the longest of them 131077"));
}

TEST_CASE("a folder to start in that does not exist is reported, and not the program") {
  Command command = command_of({"true"});
  command.working_dir = "/no/such/folder";
  const Error error = why_not(command);
  CHECK(error.message == "cannot start 'true' in '/no/such/folder': No such file or directory");
  CHECK(holds(error.hint, "the folder"));
}

TEST_CASE("starts that fail leave no descriptor and no child") {
  const Folder folder;
  const std::string script = folder.file("script", "#!/no/such/interpreter\n", 0755);
  const auto pipe = make_pipe();
  REQUIRE(pipe);
  Command command = command_of({script});
  command.descriptors = {{1, pipe->write_end.get()}, {9, pipe->write_end.get()}};
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 100; ++i) {
    why_not(command);
    CHECK(holds(render(test::failure_of(run(command))), "/no/such/interpreter"));
  }
  CHECK(open_descriptors() == before);
}
