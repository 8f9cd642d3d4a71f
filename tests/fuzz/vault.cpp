// The vault of secrets. Without its seal nothing of it is believed, so the seal is put behind the
// input: the worst that somebody with the key could have written. An input that has a line's end
// in it is the file itself.
#include "dstack/secrets/vault.hpp"

#include "dstack/secrets/key.hpp"
#include "fuzz.hpp"

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::fuzz;

namespace {

/// A folder of secrets with a key whose name is known.
struct Folder {
  Path path = scratch() / "secrets";
  secrets::Key key;

  Folder() {
    require(secrets::start_crypto() && make_folders(path) && ::chmod(path.c_str(), 0700) == 0,
            "a folder can be made");
    key = secrets::new_key();
    key.id = "0123456789abcdef";
    require(bool(secrets::write_key(path, key)), "a key can be written");
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  std::string text(text_of(data, size));
  if (text.find('\n') == std::string::npos)
    text += "\nseal " + secrets::sign(text, secrets::derive_key(folder.key.bytes, "seal")) + "\n";
  require(bool(write_file_atomically(folder.path / "vault", text, Durable::no, 0600)),
          "a file can be made");
  const auto vault = secrets::Vault::open(folder.path);
  if (!vault) {
    require(!vault.error().hint.empty(), "a refusal says what to do");
    return 0;
  }
  for (const secrets::SecretName& name : vault->names())
    (void)vault->find(name.project, name.name);
  for (const secrets::SecretName& name : vault->names_for("/project"))
    require(name.project.empty() || name.project == "/project", "secrets of others stay theirs");
  return 0;
}
