// Every file of tests/cli/wrong is a test case: wrong input, and the exact words that it gets.
#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"
#include "golden.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>

namespace {

using namespace dstack;
using dstack::test::Golden;
using dstack::test::GoldenSection;

const Path wrong_folder = Path(DSTACK_SOURCE_DIR) / "tests" / "cli" / "wrong";

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

/// What the program said, with the places that differ from test to test by name.
struct Answer {
  std::string exit;
  std::string out;
  std::string err;
};

class Stage {
 public:
  Stage() : folder_(*TemporaryFolder::make(fs::temp_directory_path(), "dstack-wrong-")) {
    REQUIRE(make_folders(project()));
    REQUIRE(make_folders(home()));
  }

  void set_up(const Golden& golden) const {
    for (const GoldenSection* file : golden.files()) {
      const Path path = place_of(file->name);
      REQUIRE(make_folders(path.parent_path()));
      REQUIRE(write_file_atomically(path, file->bytes(), Durable::no));
    }
    const std::string modes = golden.find("modes").value_or("");
    for (const std::string_view line : split(modes, '\n')) {
      const auto words = split(line, ' ');
      if (words.size() == 2)
        fs::permissions(place_of(words[1]),
                        static_cast<fs::perms>(std::stoi(std::string(words[0]), nullptr, 8)));
    }
  }

  Answer run(const std::string& line) const {
    const auto words = shell_split(line);
    REQUIRE(words);
    REQUIRE(words->front() == "dstack");
    process::Command command;
    command.argv = *words;
    command.argv.front() = DSTACK_BINARY;
    command.working_dir = project().string();
    command.environment = {"PATH=/usr/local/bin:/usr/bin:/bin",
                           "HOME=" + folder_.path().string(),
                           "LANG=C.UTF-8",
                           "DSTACK_HOME=" + home().string()};
    for (const char* sanitizer : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"})
      if (const char* options = std::getenv(sanitizer))
        command.environment->push_back(std::string(sanitizer) + "=" + options);
    const auto output = process::run(command, {}, std::chrono::seconds(100));
    REQUIRE(output);
    const auto* exited = std::get_if<process::Exited>(&output->status);
    return {exited != nullptr ? std::to_string(exited->code) : process::render(output->status),
            named(output->out),
            named(output->err)};
  }

 private:
  Path place_of(std::string_view name) const {
    constexpr std::string_view in_home = "$DSTACK_HOME/";
    return name.starts_with(in_home) ? home() / std::string(name.substr(in_home.size()))
                                     : project() / std::string(name);
  }

  Path project() const { return folder_.path() / "project"; }

  Path home() const { return folder_.path() / "home"; }

  std::string named(std::string text) const {
    const Path real = fs::canonical(folder_.path());
    for (const Path& folder : {real, folder_.path()}) {
      text = replaced(std::move(text), (folder / "project").string(), "<project>");
      text = replaced(std::move(text), (folder / "home").string(), "<home>");
    }
    return text;
  }

  TemporaryFolder folder_;
};

void accept(Golden golden, const Path& file, const Answer& answer) {
  golden.set("exit", answer.exit + "\n");
  if (!answer.out.empty() || golden.find("stdout"))
    golden.set("stdout", answer.out);
  golden.set("stderr", answer.err);
  REQUIRE(write_file_atomically(file, golden.render(), Durable::no));
  WARN("accepted what " << file.filename().string() << " gets now");
}

void check(const Path& file) {
  const auto text = read_file(file);
  REQUIRE(text);
  const Golden golden = Golden::parse(*text);
  const Stage stage;
  stage.set_up(golden);
  const Answer answer = stage.run(golden.find("command").value_or("dstack validate"));
  const char* accepting = std::getenv("DSTACK_ACCEPT");
  if (accepting != nullptr && std::string_view(accepting) == "1") {
    accept(golden, file, answer);
    return;
  }
  CHECK(answer.err == golden.find("stderr").value_or(""));
  CHECK(answer.out == golden.find("stdout").value_or(""));
  CHECK(answer.exit == std::string(trim(golden.find("exit").value_or("2"))));
}

class WrongFile : public Catch::ITestInvoker {
 public:
  explicit WrongFile(Path file) : file_(std::move(file)) {}

  void invoke() const override { check(file_); }

 private:
  Path file_;
};

std::string name_of(const Path& file) {
  std::string name = file.stem().string();
  std::replace(name.begin(), name.end(), '-', ' ');
  return name;
}

/// Registers a test case for each file; Catch2 takes them before main().
const bool registered = [] {
  std::vector<Path> files;
  boost::system::error_code error;
  for (fs::directory_iterator entry(wrong_folder, error), end; !error && entry != end;
       entry.increment(error))
    if (entry->path().extension() == ".txt")
      files.push_back(entry->path());
  std::sort(files.begin(), files.end());
  for (const Path& file : files) {
    const std::string name = name_of(file);
    const Catch::AutoReg registration(
        new WrongFile(file), CATCH_INTERNAL_LINEINFO, "", Catch::NameAndTags(name, "[wrong]"));
  }
  return !files.empty();
}();

}  // namespace

TEST_CASE("wrong files are found") {
  CHECK(registered);
}

TEST_CASE("escapes of golden files mean what their description says") {
  CHECK(dstack::test::unescape("a\\x41\\t\\r\\n\\\\b\\\nc") == "aA\t\r\n\\bc");
  CHECK(dstack::test::unescape("<\\{- *3}>") == "<- - - >");
  CHECK(dstack::test::unescape("\\{\\xFF*2}") == "\xFF\xFF");
  CHECK(dstack::test::unescape("\\{*x, *2}") == "*x, *x, ");
}
