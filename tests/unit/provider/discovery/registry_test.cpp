#include "dstack/provider/discovery/registry.hpp"

#include "dstack/base/file.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <elf.h>
#include <sys/stat.h>

using namespace dstack;
using namespace dstack::provider;

namespace {

const Path built_in = DSTACK_PLUGINS;

struct Folder {
  TemporaryFolder folder =
      TemporaryFolder::make(fs::temp_directory_path(), "dstack-registry-").value();

  Path write(const std::string& name, const std::string& content) const {
    const Path path = folder.path() / name;
    REQUIRE(write_file_atomically(path, content, Durable::no));
    return path;
  }
};

Registry discover(const Path& home, const Path& ours = Path()) {
  return Registry::discover({{{home, "home"}, {ours, "built in", TrustLevel::ours}}, Path()});
}

std::string library() {
  return read_file(built_in / "bash.so").value();
}

std::string refusal(const std::string& content) {
  const Folder folder;
  const auto manifest = read_manifest(folder.write("x.so", content));
  return manifest ? "no error" : manifest.error().message;
}

Elf64_Ehdr& header_of(std::string& content) {
  return *reinterpret_cast<Elf64_Ehdr*>(content.data());
}

Elf64_Shdr& section_of(std::string& content, std::size_t index) {
  return reinterpret_cast<Elf64_Shdr*>(content.data() + header_of(content).e_shoff)[index];
}

/// The section `.dstack`, known by its content.
Elf64_Shdr& manifest_section_of(std::string& content) {
  for (std::size_t i = 1; i < header_of(content).e_shnum; ++i) {
    Elf64_Shdr& section = section_of(content, i);
    if (section.sh_type == SHT_PROGBITS &&
        content.compare(section.sh_offset, 9, "{\n  \"abi\"") == 0)
      return section;
  }
  throw std::runtime_error("no section .dstack");
}

}  // namespace

TEST_CASE("the manifest of a built-in provider is read without loading it",
          "[provider][registry]") {
  const auto manifest = read_manifest(built_in / "python.so");

  REQUIRE(manifest);
  CHECK(manifest->name == "python");
  CHECK(manifest->group_of("file") != nullptr);
  CHECK(manifest->find("script") == manifest->find("file"));
  CHECK(manifest->find("artifacts")->common);
}

TEST_CASE("what is not a library, and a library without a manifest, are distinguished",
          "[provider][registry]") {
  CHECK(refusal("") == "it is not a shared library");
  CHECK(refusal("#!/bin/sh\n") == "it is not a shared library");
  CHECK(refusal("\x7f"
                "ELF") == "it is truncated or damaged");
  CHECK(refusal(library().substr(0, 2'000)) == "it is truncated or damaged");
  CHECK(read_manifest("/proc/self/exe").error().message.find("it has no provider manifest") == 0);
  CHECK(read_manifest("/nowhere/x.so").error().message ==
        "it cannot be read: No such file or directory");
  CHECK(read_manifest("/").error().message == "it is not a regular file");
}

TEST_CASE("a library for another machine is refused", "[provider][registry]") {
  std::string content = library();
  header_of(content).e_machine = EM_S390;

  CHECK(refusal(content) == "it is built for another kind of machine");
}

TEST_CASE("forged numbers in a library cost nothing and are refused", "[provider][registry]") {
  std::string content = library();

  SECTION("a section table beyond the file") {
    header_of(content).e_shoff = content.size() - 10;
    CHECK(refusal(content) == "it is truncated or damaged");
  }
  SECTION("more sections than the file holds") {
    header_of(content).e_shnum = 0xfe00;
    CHECK(refusal(content) == "it is truncated or damaged");
  }
  SECTION("sections counted elsewhere") {
    header_of(content).e_shnum = 0;
    section_of(content, 0).sh_size = ~0ull;
    CHECK(refusal(content).find("it has no provider manifest") == 0);
  }
  SECTION("names of sections in a section that does not exist") {
    header_of(content).e_shstrndx = header_of(content).e_shnum;
    CHECK(refusal(content) == "it is truncated or damaged");
  }
  SECTION("names of sections of impossible size") {
    section_of(content, header_of(content).e_shstrndx).sh_size = 1ull << 62;
    CHECK(refusal(content) == "it is truncated or damaged");
  }
  SECTION("a manifest that reaches beyond the file") {
    manifest_section_of(content).sh_size = content.size();
    CHECK(refusal(content) == "it is truncated or damaged");
  }
  SECTION("a manifest at an impossible place") {
    manifest_section_of(content).sh_offset = ~0ull - 10;
    CHECK(refusal(content) == "it is truncated or damaged");
  }
  SECTION("a manifest that is too large") {
    content.append(300'000, ' ');
    Elf64_Shdr& section = manifest_section_of(content);
    section.sh_offset = 64;
    section.sh_size = 290'000;
    CHECK(refusal(content) == "its manifest is larger than 256 KiB");
  }
  SECTION("a manifest cut short") {
    manifest_section_of(content).sh_size = 40;
    CHECK(refusal(content).find("cannot read its manifest") == 0);
  }
}

TEST_CASE(
    "a library cut off anywhere, or with any byte of its header changed, is read or refused, never "
    "more",
    "[provider][registry]") {
  const Folder folder;
  const std::string whole = library();
  for (std::size_t size = 0; size < whole.size(); size += whole.size() / 40 + 1)
    CHECK(test::failure_of(read_manifest(folder.write("cut.so", whole.substr(0, size)))).code ==
          ErrorCode::configuration);
  for (std::size_t at = 0; at < sizeof(Elf64_Ehdr); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ '\x5a');
    (void)read_manifest(folder.write("changed.so", changed));
  }
}

TEST_CASE("the registry lists candidates by file name, the home's before the built-in",
          "[provider][registry]") {
  const Folder home;
  home.write("zsh.so", library());  // its manifest says bash
  home.write("libnotes.so", "not a library");
  home.write("README.txt", "read me");
  home.write(".hidden.so", library());
  fs::create_directory(home.folder.path() / "folder.so");

  const Registry registry = discover(home.folder.path(), built_in);

  std::vector<std::string> names;
  for (const Candidate& candidate : registry.candidates())
    if (candidate.source == "home" || candidate.name == "bash" || candidate.name == "python")
      names.push_back(candidate.source + " " + candidate.name);
  CHECK(names ==
        std::vector<std::string>{
            "home README.txt", "home notes", "home bash", "built in bash", "built in python"});
  CHECK(registry.find("bash")->source == "home");
  CHECK(registry.find("notes")->status == CandidateStatus::refused);
  CHECK(registry.find("notes")->reason ==
        "it is not a shared library; remove it, or move it to another folder");
  CHECK(registry.find("python")->status == CandidateStatus::ok);
  CHECK(registry.find("nothing") == nullptr);
}

TEST_CASE("a second candidate of a name is shadowed by the first that can be used",
          "[provider][registry]") {
  const Folder home;
  home.write("a.so", library());
  home.write("b.so", library());
  home.write("bash.so", "broken");

  const Registry registry = discover(home.folder.path());

  REQUIRE(registry.candidates().size() == 3);
  CHECK(registry.candidates()[0].status == CandidateStatus::ok);
  CHECK(registry.candidates()[1].status == CandidateStatus::shadowed);
  CHECK(registry.candidates()[1].reason == "'" + (home.folder.path() / "a.so").string() +
                                               "' comes first; remove or rename one of the two");
  CHECK(registry.candidates()[2].status == CandidateStatus::refused);
  CHECK(registry.find("bash") == &registry.candidates()[0]);
  CHECK(registry.names() == std::vector<std::string>{"bash"});
}

TEST_CASE("a library of another interface is refused under its own name", "[provider][registry]") {
  const Folder home;
  std::string content = library();
  const std::size_t at = content.find("\"abi\": \"0.0\"");
  REQUIRE(at != std::string::npos);
  content.replace(at, 12, "\"abi\": \"7.0\"");
  home.write("renamed.so", content);

  const Registry registry = discover(home.folder.path());

  REQUIRE(registry.candidates().size() == 1);
  CHECK(registry.candidates()[0].name == "bash");
  CHECK(registry.candidates()[0].status == CandidateStatus::refused);
  CHECK(
      registry.candidates()[0].reason ==
      "it is built for version 7.0 of the provider interface, this dstack supports 0.0; rebuild it "
      "with the SDK of "
      "this dstack");
}

TEST_CASE("a named pipe among the plugins stops nothing", "[provider][registry]") {
  const Folder home;
  REQUIRE(::mkfifo((home.folder.path() / "pipe.so").c_str(), 0600) == 0);

  const Registry registry = discover(home.folder.path());

  REQUIRE(registry.candidates().size() == 1);
  CHECK(registry.candidates()[0].reason ==
        "it is not a regular file; remove it, or move it to another folder");
}

TEST_CASE("folders that are not there hold no candidates", "[provider][registry]") {
  CHECK(discover("/nowhere/at/all").candidates().empty());
}
