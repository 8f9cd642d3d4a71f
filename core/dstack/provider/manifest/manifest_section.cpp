// The section `.dstack` of a library. Every number of the file is compared with the file's size
// before it is used. <elf.h> alone: a library that reads ELF trusts the numbers, so all of
// them would have to be checked before it is called, and nothing would be left for it to do.
#include "dstack/base/fd.hpp"
#include "dstack/provider/manifest/manifest.hpp"

#include <cstring>

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::provider {

namespace {

constexpr std::uint64_t largest_manifest = 256u << 10;
constexpr std::uint64_t largest_name_table = 4u << 20;
constexpr std::size_t most_sections = 16'384;

Failure no_library() {
  return fail(ErrorCode::configuration, "it is not a shared library")
      .with_hint("remove it, or move it to another folder");
}

Failure damaged() {
  return fail(ErrorCode::configuration, "it is truncated or damaged").with_hint("install it again");
}

Failure without_manifest() {
  return fail(ErrorCode::configuration, "it has no provider manifest (section '.dstack')")
      .with_hint(
          "build it with dstack_add_provider() of the SDK, or name the manifest with "
          "DSTACK_MANIFEST()");
}

/// The first bytes of a file, laid out as an ELF file of this machine's class has them.
Result<Elf64_Ehdr> read_header(int fd) {
  Elf64_Ehdr header{};
  const ssize_t count = ::pread(fd, &header, sizeof header, 0);
  if (count < 0)
    return fail_errno("it cannot be read");
  if (count < SELFMAG || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return no_library();
  if (static_cast<std::size_t>(count) < sizeof header)
    return damaged();
  return header;
}

Result<Elf64_Ehdr> read_own_header() {
  DSTACK_TRY(const Fd self, open_file("/proc/self/exe", O_RDONLY));
  return read_header(self.get());
}

/// Whether a header is that of a library which this very program could load.
Result<void> check_machine(const Elf64_Ehdr& header) {
  static const Result<Elf64_Ehdr> read = read_own_header();
  DSTACK_TRY(const Elf64_Ehdr own, read);
  if (header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
      header.e_ident[EI_DATA] != own.e_ident[EI_DATA] || header.e_machine != own.e_machine)
    return fail(ErrorCode::configuration, "it is built for another kind of machine")
        .with_hint("build it on this one");
  if (header.e_type != ET_DYN)
    return no_library();
  return {};
}

Result<void> check_section_table(const Elf64_Ehdr& header, std::uint64_t file_size) {
  if (header.e_shoff == 0 || header.e_shnum == 0)
    return without_manifest();
  const std::uint64_t table_size = std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr);
  if (header.e_version != EV_CURRENT || header.e_shentsize != sizeof(Elf64_Shdr) ||
      header.e_shnum > most_sections || header.e_shstrndx >= header.e_shnum ||
      header.e_shoff > file_size || file_size - header.e_shoff < table_size)
    return damaged();
  return {};
}

bool inside(const Elf64_Shdr& section, std::uint64_t file_size) {
  return section.sh_offset <= file_size && section.sh_size <= file_size - section.sh_offset;
}

Result<void> read_at(int fd, std::uint64_t offset, char* bytes, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = ::pread(fd, bytes + done, size - done, static_cast<off_t>(offset + done));
    if (count <= 0)
      return damaged();
    done += static_cast<std::size_t>(count);
  }
  return {};
}

Result<std::vector<Elf64_Shdr>> read_section_table(int fd, const Elf64_Ehdr& header) {
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  DSTACK_CHECK(read_at(fd,
                       header.e_shoff,
                       reinterpret_cast<char*>(sections.data()),
                       sections.size() * sizeof(Elf64_Shdr)));
  return sections;
}

Result<std::string> read_section(int fd, const Elf64_Shdr& section) {
  std::string content(section.sh_size, '\0');
  DSTACK_CHECK(read_at(fd, section.sh_offset, content.data(), content.size()));
  return content;
}

/// `names`: the names of the sections, each of which may be anything: a name is looked for only
/// inside this text.
Result<Elf64_Shdr> find_manifest(const std::vector<Elf64_Shdr>& sections,
                                 const std::string& names,
                                 std::uint64_t file_size) {
  std::optional<Elf64_Shdr> found;
  for (std::size_t i = 1; i < sections.size(); ++i) {  // the first is no section
    const Elf64_Shdr& section = sections[i];
    if (section.sh_name >= names.size() ||
        std::strcmp(names.c_str() + section.sh_name, ".dstack") != 0)
      continue;
    if (found)
      return fail(ErrorCode::configuration, "it has two sections '.dstack'")
          .with_hint("keep one of the two manifests");
    if (section.sh_type != SHT_PROGBITS || (section.sh_flags & SHF_COMPRESSED) != 0 ||
        !inside(section, file_size))
      return damaged();
    if (section.sh_size > largest_manifest)
      return fail(ErrorCode::configuration, "its manifest is larger than 256 KiB")
          .with_hint("shorten its manifest.json and build it again");
    found = section;
  }
  return found ? Result<Elf64_Shdr>(*found) : without_manifest();
}

Result<std::string> read_manifest_section(int fd, std::uint64_t file_size) {
  DSTACK_TRY(const Elf64_Ehdr header, read_header(fd));
  DSTACK_CHECK(check_machine(header));
  DSTACK_CHECK(check_section_table(header, file_size));
  DSTACK_TRY(const std::vector<Elf64_Shdr> sections, read_section_table(fd, header));
  const Elf64_Shdr& names = sections[header.e_shstrndx];
  if (names.sh_type != SHT_STRTAB || names.sh_size > largest_name_table ||
      !inside(names, file_size))
    return damaged();
  DSTACK_TRY(const std::string text, read_section(fd, names));
  DSTACK_TRY(const Elf64_Shdr section, find_manifest(sections, text, file_size));
  return read_section(fd, section);
}

}  // namespace

Result<Manifest> read_manifest(const Path& library) {
  // Not blocking: a named pipe in the folder must not stop everything.
  Fd file(::open(library.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));

  struct stat status {};

  if (!file || ::fstat(file.get(), &status) != 0)
    return fail_errno("it cannot be read");
  if (!is_source(file.get()))
    return fail(ErrorCode::configuration, "it is not a regular file")
        .with_hint("remove it, or move it to another folder");
  DSTACK_TRY(std::string text,
             read_manifest_section(file.get(), static_cast<std::uint64_t>(status.st_size)));
  while (!text.empty() && text.back() == '\0')
    text.pop_back();
  auto manifest = parse_manifest(text);
  if (manifest || !manifest.error().hint.empty())
    return manifest;
  Error error = std::move(manifest).error();
  error.hint = "fix its manifest.json and build it again";
  return fail(std::move(error));
}

}  // namespace dstack::provider
