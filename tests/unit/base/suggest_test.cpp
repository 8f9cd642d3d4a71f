#include "dstack/base/suggest.hpp"

#include "support/catch.hpp"

using namespace dstack;

TEST_CASE("a misspelt word finds the one that was meant") {
  const std::vector<std::string> keys = {"artifacts", "args", "file", "requirements", "resources"};
  CHECK(did_you_mean("artifcats", keys) == "did you mean 'artifacts'?");
  CHECK(did_you_mean("requirement", keys) == "did you mean 'requirements'?");
  CHECK(did_you_mean("fiel", keys) == "did you mean 'file'?");
  CHECK(did_you_mean("FILE", keys) == "did you mean 'file'?");
}

TEST_CASE("a word that is like none gets no suggestion") {
  CHECK(did_you_mean("banana", {"artifacts", "args", "file"}).empty());
  CHECK(did_you_mean("x", {"a", "b"}).empty());
  CHECK(did_you_mean("", {"a"}).empty());
}

TEST_CASE("of several close words the closest comes first") {
  CHECK(closest("train", {"trains", "brain", "rain", "grain"}) ==
        std::vector<std::string>{"trains", "brain", "rain"});
}
