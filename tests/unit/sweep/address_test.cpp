#include "dstack/sweep/address.hpp"

#include "support/catch.hpp"

using namespace dstack::sweep;

TEST_CASE("a combination is written as it is typed") {
  const Combination combination = {{"lr", "0.1"}, {"seed", "2"}};
  CHECK(render(combination) == "lr=0.1,seed=2");
  CHECK(folder_of(combination) == "lr=0.1/seed=2");
  CHECK(name_of("train", combination) == "train/lr=0.1,seed=2");
  CHECK(name_of("train", {}) == "train");
  CHECK(workflow_of("train/lr=0.1,seed=2") == "train");
  CHECK(workflow_of("train") == "train");
  CHECK(combination_of("train/lr=0.1,seed=2") == "lr=0.1,seed=2");
  CHECK(combination_of("train").empty());
  CHECK(folder_of(std::string_view("lr=0.1,seed=2")) == "lr=0.1/seed=2");
}

TEST_CASE("no value leaves its folder, or looks like another") {
  CHECK(folder_of(Combination{{"d", "../etc"}}) == "d=..%2Fetc");
  CHECK(folder_of(Combination{{"d", "."}}) == "d=%2E");
  CHECK(folder_of(Combination{{"d", ".."}}) == "d=%2E%2E");
  CHECK(render({{"d", "a,b%\n\x7f"}}) == "d=a%2Cb%25%0A%7F");
  CHECK(render({{"d", "grün und a=b"}}) == "d=grün und a=b");
}

TEST_CASE("a long value is a digest") {
  const std::string longest(200 - 2, 'x');
  CHECK(render({{"d", longest}}) == "d=" + longest);
  const std::string digest = render({{"d", longest + "y"}});
  CHECK(digest.size() < 40);
  CHECK(digest.starts_with("d=sha256-"));
  CHECK(digest != render({{"d", longest + "z"}}));
  CHECK(is_meant("d=" + longest + "y", digest, 1));
}

TEST_CASE("a user may name all keys, some, or the number") {
  const std::string rendered = "lr=0.1,seed=2,path=a%2Fb";
  for (const char* written :
       {"7", "lr=0.1,seed=2,path=a%2Fb", "seed=2", "path=a/b,lr=0.1", "path=a%2Fb"}) {
    INFO(written);
    CHECK(is_meant(written, rendered, 7));
  }
  for (const char* written : {"8", "", "lr", "lr=0.10", "seed=2,lr=0.2", "seed=2,"}) {
    INFO(written);
    CHECK_FALSE(is_meant(written, rendered, 7));
  }
  CHECK_FALSE(is_meant("1", "", 1));
}
