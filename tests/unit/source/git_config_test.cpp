#include "dstack/source/git_config.hpp"

#include "dstack/base/text.hpp"
#include "unit/source/fixture.hpp"

using namespace dstack;
using namespace dstack::source;

namespace {

/// KEY=VALUE, as `git config --list` prints it.
Names settings_of(std::string_view text) {
  Names lines;
  for (const GitSetting& setting : value_of(parse_git_config(text, "config")))
    lines.push_back(setting.key + "=" + setting.value);
  return lines;
}

constexpr std::string_view sample =
    "# comment\n"
    "[core]\n"
    "\tFileMode = false ; not here\n"
    "\tbare\n"
    "[Remote \"My \\\"Fork\\\"\"] URL = https://example.com/x#y\n"
    "  fetch = \"a # b\"  \\\n"
    "  c \t\n"
    "[branch.Main]\n"
    "  remote = tab\\there\r\n";

}  // namespace

TEST_CASE("the configuration of a repository is read as Git reads it") {
  const Names expected = {"core.filemode=false",
                          "core.bare=true",
                          "remote.My \"Fork\".url=https://example.com/x",
                          "remote.My \"Fork\".fetch=a # b    c",
                          "branch.main.remote=tab\there"};
  CHECK(settings_of(sample) == expected);
  CHECK(settings_of("").empty());
  CHECK(settings_of("\xef\xbb\xbf[a]\nb = 1") == Names{"a.b=1"});
  if (!has_git())
    return;
  TestProject project;
  project.write("config", sample);
  std::string listed = project.git({"config", "--file", "config", "--list", "-z"});
  Names by_git;
  for (const std::string_view line : split(listed, '\0'))
    if (!line.empty()) {
      std::string text(line);
      const std::size_t end = text.find('\n');
      by_git.push_back(end == std::string::npos ? text + "=true" : text.replace(end, 1, "="));
    }
  CHECK(by_git == expected);
}

TEST_CASE("a configuration that Git would not read is refused with its line") {
  for (const char* text : {"[core\nbare = true",
                           "bare = true",
                           "[a]\nb = \"open",
                           "[a]\n1b = 2",
                           "[a]\nb = \\x",
                           "[a]\nb c",
                           "[a \"x\ny\"]"}) {
    INFO(text);
    CHECK(failure_of(parse_git_config(text, "/p/config")).message.find("in file /p/config") !=
          std::string::npos);
  }
  CHECK(failure_of(parse_git_config("[a]\nb = 1\nc = \\x", "config")).message ==
        "bad config line 3 in file config");
}

TEST_CASE("a setting is written so that it is read back") {
  for (const GitSetting& setting :
       {GitSetting{"core.eol", "lf"},
        GitSetting{"remote.a.b \"c\".url", " blanks # \\ and\nlines "}}) {
    const auto again = value_of(parse_git_config(render_git_setting(setting), "config"));
    REQUIRE(again.size() == 1);
    CHECK(again[0].key == setting.key);
    CHECK(again[0].value == setting.value);
  }
}

TEST_CASE("words that Git takes for true are true") {
  for (const std::string word : {"true", "Yes", "ON", "1", "-1"})
    CHECK(is_true(&word));
  for (const std::string word : {"false", "no", "off", "0", "", "nonsense"})
    CHECK_FALSE(is_true(&word));
  CHECK_FALSE(is_true(nullptr));
}
