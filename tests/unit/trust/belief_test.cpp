#include "dstack/trust/belief.hpp"

#include "support/results.hpp"
#include "support/variables.hpp"
#include "unit/trust/tree.hpp"

using namespace dstack;
using namespace dstack::trust;
using dstack::test::SetVariable;
using dstack::test::Tree;

namespace {

/// A file in a folder that everybody can write to, and no list of trusted folders.
struct Exposed {
  Tree tree;
  SetVariable list{"XDG_CONFIG_HOME", (tree.root() / "config").string()};
  Path file = tree.file("open/inner/file");
  Path open = tree.root() / "open";

  Exposed() { Tree::change_mode(open, 0777); }
};

Result<void> believe_it(const Exposed& exposed) {
  return believe("the thing 'x'", exposed.file, Kind::file, exposed.file.parent_path());
}

}  // namespace

TEST_CASE("what is not believed says why, and what lifts it") {
  const Exposed exposed;

  const auto believed = believe_it(exposed);

  REQUIRE_FALSE(believed);
  const std::string inner = exposed.file.parent_path().string();
  CHECK(believed.error().code == ErrorCode::configuration);
  CHECK(believed.error().message ==
        "the thing 'x' is not used: others can write to '" + exposed.open.string() + "'");
  CHECK(believed.error().hint ==
        "'chmod go-w " + exposed.open.string() + "' closes it; 'dstack trust " + inner +
            "' uses it all the same; in containers and CI, DSTACK_TRUST=" + inner);
}

TEST_CASE("what is in a trusted folder is believed, and so is the way to it") {
  const Exposed exposed;

  {
    const SetVariable set("DSTACK_TRUST", exposed.file.parent_path().string());
    CHECK(believe_it(exposed));
    CHECK(believe_library(exposed.file));
    CHECK(why_not_believed(exposed.file, Kind::file).empty());
  }
  CHECK_FALSE(believe_it(exposed));
}

TEST_CASE("a trusted folder does not vouch for what is beside it") {
  const Exposed exposed;
  const Path other = exposed.tree.file("open/other/file");
  const SetVariable set("DSTACK_TRUST", exposed.file.parent_path().string());

  CHECK_FALSE(believe("the thing 'x'", other, Kind::file, other.parent_path()));
}

TEST_CASE("a link out of a trusted folder leads to what has to be believed itself") {
  const Exposed exposed;
  const Path outside = exposed.tree.file("outside/file", 0666);
  Tree::change_mode(outside, 0666);
  const Path folder = exposed.file.parent_path();
  fs::create_symlink(outside, folder / "link");
  const SetVariable set("DSTACK_TRUST", folder.string());

  const auto believed = believe("the thing 'x'", folder / "link", Kind::file, folder);

  REQUIRE_FALSE(believed);
  CHECK_THAT(believed.error().hint,
             Catch::Contains("'dstack trust " + outside.parent_path().string() + "'"));
  Tree::change_mode(outside, 0644);
  CHECK(believe("the thing 'x'", folder / "link", Kind::file, folder));
}
