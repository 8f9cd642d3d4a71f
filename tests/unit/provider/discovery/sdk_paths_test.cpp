#include "support/catch.hpp"

#include <dstack/provider.hpp>

TEST_CASE("a path is seen from a folder", "[sdk]") {
  using dstack::path_from;
  CHECK(path_from("", "train.py") == "train.py");
  CHECK(path_from("", "src/train.py") == "src/train.py");
  CHECK(path_from("src", "src/train.py") == "train.py");
  CHECK(path_from("src/app", "src/train.py") == "../train.py");
  CHECK(path_from("src/app", "train.py") == "../../train.py");
  CHECK(path_from("src/app", "src/apple/x.py") == "../apple/x.py");
  CHECK(path_from("a/b/c", "a/x/c/y") == "../../x/c/y");
  CHECK(path_from("src", "src") == "../src");
}
