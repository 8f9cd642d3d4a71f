// Random secrets, and how the encodings of Python write them: Python is not the code that masks.
#pragma once

#include "dstack/base/text.hpp"
#include "dstack/secrets/vault.hpp"
#include "support/sandbox.hpp"

#include <map>
#include <random>
#include <string>
#include <vector>

namespace dstack::test {

inline constexpr std::size_t secret_count = 10'000;

/// `list`: prints each variable S_… of its environment in every encoding that people meet, each a
/// text that ends with a zero byte. `show`: prints them as they are, each also in pieces, and waits
/// until somebody opens the pipe that it is given.
inline constexpr const char* encodings =
    R"(import base64, hashlib, html, json, os, random, shlex, sys, urllib.parse

def forms(value):
    raw = value.encode()
    yield value
    for before in (b"", b"_", b"__"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(before + raw).decode()
            yield text[(0, 2, 3)[len(before)]:len(before + raw) * 8 // 6]
    yield raw.hex()
    yield raw.hex().upper()
    yield raw.hex(":")
    yield raw.hex(" ")
    yield urllib.parse.quote(value)
    yield urllib.parse.quote(value, safe="")
    yield urllib.parse.quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield json.dumps(value).replace("/", "\\/")[1:-1]
    yield shlex.quote(value)[1:-1] if shlex.quote(value) != value else value
    yield repr(value)[1:-1]
    yield ascii(value)[1:-1]
    yield repr(raw)[2:-1]
    yield html.escape(value)
    for line in value.split("\n"):
        if len(line) >= 8:
            yield line

values = {name: value for name, value in os.environb.items() if name.startswith(b"S_")}
values = {name.decode(): value.decode() for name, value in values.items()}
if sys.argv[1] == "list":
    for form in sorted({form for value in values.values() for form in forms(value)}):
        sys.stdout.buffer.write(form.encode() + b"\0")
    sys.exit()
out = sys.stdout.buffer
for name, value in sorted(values.items()):
    for form in forms(value):
        out.write(("<" + form + ">\n").encode())
    raw = value.encode()
    for cut in sorted(random.sample(range(1, len(raw)), 2)):
        out.write(b"<" + raw[:cut])
        out.flush()
        out.write(raw[cut:] + b">\n")
        out.flush()
    out.write((name + " " + hashlib.sha256(raw).hexdigest() + "\n").encode())
out.flush()
open(sys.argv[2]).read()
)";

using Secrets = std::map<std::string, std::string>;

/// Tokens, passwords with all marks there are, texts beyond ASCII, keys of several lines.
inline Secrets random_secrets(std::size_t count) {
  std::mt19937_64 random(std::random_device{}());
  const auto text = [&](std::size_t size, std::string_view alphabet) {
    std::string made;
    for (std::size_t i = 0; i < size; ++i)
      made += alphabet[random() % alphabet.size()];
    return made;
  };
  std::string printable_ascii;
  for (char c = ' '; c <= '~'; ++c)
    printable_ascii += c;
  const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  Secrets secrets;
  for (std::size_t i = 0; i < count; ++i) {
    std::string& value = secrets["S_" + std::to_string(100'000 + i)];
    switch (i % 10) {
      case 0:
        value = "x" + text(18 + random() % 8, printable_ascii) + "x";
        break;
      case 1:
        value = "pässwörd-" + text(16, letters) + "-\xF0\x9F\x94\x91";
        break;
      case 2:
        value = text(24, letters) + "\n" + text(24, letters) + "\nend";
        break;
      case 3:
        value = text(8, letters);  // the shortest that is masked
        break;
      default:
        value = text(20 + random() % 12, letters);
    }
  }
  return secrets;
}

/// The encodings of Python, which is not the code that masks.
inline std::vector<std::string> encoded(const Sandbox& box, const Secrets& secrets) {
  process::Command command;
  command.argv = {"python3", (box.project() / "encodings.py").string(), "list"};
  command.environment = {"PATH=" + std::string(std::getenv("PATH")), "PYTHONUTF8=1"};
  for (const auto& [name, value] : secrets)
    command.environment->push_back(name + "=" + value);
  const auto output = process::run(command, {}, std::chrono::seconds(100));
  REQUIRE(output);
  INFO(output->err);
  REQUIRE(process::succeeded(output->status));
  std::vector<std::string> forms;
  for (const std::string_view form : split(output->out, '\0'))
    if (!form.empty())
      forms.emplace_back(form);
  REQUIRE(forms.size() > secrets.size() * 8);
  return forms;
}

/// Into the vault of the project.
inline void add_secrets(const Sandbox& box, const Secrets& secrets) {
  std::vector<secrets::NewSecret> all;
  for (const auto& [name, value] : secrets)
    all.push_back({name, value});
  const std::string project = real_path(box.project()).string();
  REQUIRE(secrets::add(box.home() / "secrets", project, all, secrets::Replace::no));
}

inline bool has_python() {
  return std::system("python3 -c 'import html' 2>/dev/null >&2") == 0;
}

}  // namespace dstack::test
