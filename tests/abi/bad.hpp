// Libraries that are wrong on purpose, used through the program.
#pragma once

#include "support/sandbox.hpp"

#include <string>
#include <vector>

namespace dstack::test {

inline const Path bad_providers = DSTACK_BAD_PROVIDERS;

inline Path bad(const std::string& name) {
  return bad_providers / (name + ".so");
}

/// What a command says on standard error, with `path` as PATH, after it failed with `code`.
inline std::string refusal(const process::Output& output, int code, const Path& path) {
  CHECK(Sandbox::code(output) == code);
  CHECK(output.out.empty());
  std::string text = output.err;
  for (std::size_t at = 0; (at = text.find(path.string(), at)) != std::string::npos;)
    text.replace(at, path.string().size(), "PATH");
  return text;
}

/// The first line of it, and that there is one error alone.
inline std::string only_error(const std::string& text) {
  CHECK(text.substr(0, 7) == "error: ");
  CHECK(text.find("\nerror: ") == std::string::npos);
  return text.substr(0, text.find('\n'));
}

}  // namespace dstack::test
