#include "dstack/base/sha256.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/file_digest.hpp"
#include "support/catch.hpp"

#include <fcntl.h>

using namespace dstack;

TEST_CASE("digests are those of FIPS 180-4") {
  CHECK(sha256("abc").render() ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("").render() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("a stream hashes like the whole, and the hasher begins anew") {
  Sha256 hasher;
  hasher.update("a");
  hasher.update("bc");
  CHECK(hasher.finish() == sha256("abc"));
  hasher.update("abc");
  CHECK(hasher.finish() == sha256("abc"));
}

TEST_CASE("a digest survives rendering and parsing, and nothing else parses") {
  CHECK(Digest::parse(sha256("x").render()) == sha256("x"));
  CHECK_FALSE(Digest::parse("abc").has_value());
  CHECK_FALSE(Digest::parse(std::string(64, 'G')).has_value());
}

TEST_CASE("a file's digest is that of what is left to read of it") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  const std::string text(700'000, 'x');
  REQUIRE(write_file_atomically(folder.path() / "f", text, Durable::no));
  const Fd file = *open_file((folder.path() / "f").string(), O_RDONLY);
  CHECK(hash_file(file.get()).value() == sha256(text));
  CHECK(hash_file(file.get()).value() == sha256(""));
  CHECK_FALSE(hash_file(-1));
}
