#include "dstack/python/link_folder.hpp"

#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"
#include "dstack/python/search.hpp"
#include "dstack/python/version.hpp"

#include <cerrno>

#include <unistd.h>

namespace dstack::python {

namespace {

Result<void> place_link(const Path& link, const Path& target) {
  boost::system::error_code error;
  if (fs::read_symlink(link, error) == target)
    return {};
  const std::string temporary = fmt::format("{}.tmp-{}", link.string(), random_hex(4));
  if (::symlink(target.c_str(), temporary.c_str()) != 0)
    return fail_errno("cannot make the link '{}'", temporary);
  if (::rename(temporary.c_str(), link.c_str()) != 0) {
    const int number = errno;
    ::unlink(temporary.c_str());
    return fail_errno_of(number, "cannot make the link '{}'", link.string());
  }
  return {};
}

}  // namespace

Result<Path> bin_folder(const Interpreter& interpreter, const files::Home& home) {
  const Path own = interpreter.program.parent_path();
  const bool is_its_own =
      in_virtual_environment(interpreter.program) || interpreter.source != source_path;
  if (is_its_own && ::access((own / "python").c_str(), X_OK) == 0)
    return own;
  const Version version = parse_version(interpreter.version).value_or(Version{3});
  const std::string name = sha256(interpreter.program.string()).render().substr(0, 16);
  const Path folder = home.environments() / "links" / name;
  DSTACK_CHECK(make_folders(folder));
  DSTACK_CHECK(place_link(folder / "python", interpreter.program));
  for (std::size_t numbers = 1; numbers <= 2 && numbers <= version.size(); ++numbers) {
    const Version beginning(version.begin(),
                            version.begin() + static_cast<std::ptrdiff_t>(numbers));
    DSTACK_CHECK(place_link(folder / ("python" + render_version(beginning)), interpreter.program));
  }
  return folder;
}

}  // namespace dstack::python
