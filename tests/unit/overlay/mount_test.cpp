// Overlays of as many folders as a kernel takes, told of in both ways (dstack/overlay/mount.hpp).
#include "dstack/overlay/mount.hpp"

#include "support/catch.hpp"
#include "support/overlays.hpp"

#include <sys/wait.h>
#include <unistd.h>

using namespace dstack;
using overlay::Options;

namespace {

/// Lower folders that each hold a file of their own number, the first also "first".
class Bench {
 public:
  explicit Bench(std::size_t layers) {
    for (std::size_t i = 0; i < layers; ++i) {
      overlay_.lower.push_back(fmt::format("{:016}", i));  // as long as the names of layers
      const Path lower = overlay_.lower_in / overlay_.lower.back();
      REQUIRE(make_folders(lower));
      REQUIRE(write_file_atomically(lower / std::to_string(i), "", Durable::no));
      REQUIRE(write_file_atomically(lower / "one", std::to_string(i), Durable::no));
    }
    for (const Path& folder : {overlay_.written, overlay_.work, overlay_.at})
      REQUIRE(make_folders(folder));
  }

  /// In a process of its own: "FILES FIRST" as it sees them there, or the error.
  std::string mount(Options options) const {
    Pipe answer = *make_pipe();
    const pid_t child = ::fork();
    if (child == 0) {
      (void)write_all(answer.write_end.get(), mount_here(options));
      ::_exit(0);
    }
    answer.write_end.reset();
    const auto text = read_all(answer.read_end.get());
    ::waitpid(child, nullptr, 0);
    return text.value_or("");
  }

 private:
  std::string mount_here(Options options) const {
    const auto in = overlay::Namespace::enter(overlay::usual_access());
    if (!in)
      return render(in.error());
    if (const auto mounted = overlay::mount(overlay_, *in, options); !mounted)
      return render(mounted.error());
    const auto files = std::distance(fs::directory_iterator(overlay_.at), fs::directory_iterator());
    return fmt::format("{} {}", files, read_file(overlay_.at / "one").value_or(""));
  }

  TemporaryFolder folder_ = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  overlay::Overlay overlay_{folder_.path() / "lower",
                            {},
                            folder_.path() / "written",
                            folder_.path() / "work",
                            folder_.path() / "seen"};
};

}  // namespace

TEST_CASE("an overlay shows all of its layers, the first over the others") {
  NEEDS_OVERLAYS();
  for (const Options options : {Options::one_by_one, Options::text})
    for (const std::size_t layers : {1U, 2U, 100U})
      CHECK(Bench(layers).mount(options) == fmt::format("{} 0", layers + 1));
}

TEST_CASE("a kernel that is told by one text takes as many layers as fit into a page") {
  NEEDS_OVERLAYS();
  CHECK(Bench(220).mount(Options::text) == "221 0");
  CHECK(Bench(300).mount(Options::text).find("300 layers are more than this kernel can overlay") !=
        std::string::npos);
}

TEST_CASE("no kernel is asked for more layers than any takes") {
  NEEDS_OVERLAYS();
  CHECK(Bench(501).mount(Options::one_by_one).find("501 layers are more") != std::string::npos);
  CHECK(Bench(501).mount(Options::text).find("501 layers are more") != std::string::npos);
}

TEST_CASE("as many layers as a newer kernel takes are mounted, or refused with their number") {
  NEEDS_OVERLAYS();
  const std::string seen = Bench(overlay::most_layers).mount(Options::one_by_one);
  INFO(seen);
  CHECK((seen == "501 0" ||
         seen.find("500 layers are more than this kernel can overlay") != std::string::npos));
}
