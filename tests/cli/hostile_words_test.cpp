// Strings that a shell would make something else of, through arguments, variables and the
// environment of a job: each arrives as it was, byte for byte, and none of them runs.
#include "dstack/base/text.hpp"
#include "hostile.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

using namespace dstack;
using dstack::test::in_yaml;
using dstack::test::Sandbox;

namespace {

/// All bytes that a text may hold, one by one between others, and the usual tricks.
std::vector<std::string> nasty_strings() {
  std::vector<std::string> all;
  for (int byte = 1; byte < 128; ++byte)
    all.push_back(std::string("a") + static_cast<char>(byte) + "b");
  for (const char* text : {
           "",
           " ",
           "\n",
           "\t",
           "'",
           "\"",
           "\\",
           "\\\\",
           "\\'",
           "'\\''",
           "\"'\"'\"",
           "$",
           "$$",
           "$0",
           "$HOME",
           "${HOME}",
           "${PATH:-x}",
           "$(touch touched)",
           "`touch touched`",
           "$((1+1))",
           "$'\\x41'",
           "$\"x\"",
           "; touch touched",
           "& touch touched",
           "&& touch touched",
           "| touch touched",
           "|| touch touched",
           "> touched",
           ">> touched",
           "< /etc/passwd",
           "<(touch touched)",
           "\ntouch touched\n",
           "\r\ntouch touched\r\n",
           "'; touch touched; '",
           "\"; touch touched; \"",
           "'$(touch touched)'",
           "\"$(touch touched)\"",
           "#",
           "# not a comment",
           "!",
           "!!",
           "*",
           "?",
           "[a-z]*",
           "~",
           "~root",
           "{a,b}",
           "{1..3}",
           "-",
           "--",
           "-rf",
           "-n",
           "-e",
           "--help",
           "--version",
           "--project=/",
           "@file",
           "a=b",
           "=",
           "A=B C=D",
           "() { :; }; touch touched",
           "%s",
           "%n",
           "%00",
           "\\0",
           "\\n",
           "{{ x }}",
           "$${{ x }}",
           "${ x }",
           "}}",
           "null",
           "~",
           "true",
           "0x10",
           "1e5",
           "[a, b]",
           "{a: b}",
           "- a",
           "a: b",
           "&a",
           "*a",
           "!!str a",
           "|",
           ">",
           "gr\xc3\xbcn",
           "\xe6\x97\xa5\xe6\x9c\xac",
           "\xf0\x9f\x9a\x80",
           "\xe2\x80\xae"
           "evil",
           "e\xcc\x81",
           "\x1b[31mred",
           "\x1b]52;c;aGk=\x07",
           "\xef\xbb\xbf"
           "a",
       })
    all.emplace_back(text);
  all.push_back(std::string(20'000, 'x'));
  return all;
}

/// Those that mean something else in an argument or a variable: `$${{` is how a literal `${{` is
/// written.
std::string as_written(std::string text) {
  for (std::size_t at = text.find("$${{"); at != std::string::npos; at = text.find("$${{", at + 4))
    text.replace(at, 4, "$$${{");
  return text;
}

std::vector<std::string> parts(const std::string& bytes) {
  std::vector<std::string> all;
  for (const std::string_view part : split(bytes, '\0'))
    all.emplace_back(part);
  if (!all.empty())
    all.pop_back();  // behind the last of them
  return all;
}

std::string output_of(const Sandbox& box, const std::string& path) {
  const auto text = read_file(box.root() / "to" / path);
  REQUIRE(text);
  return *text;
}

void download(const Sandbox& box) {
  box.ok({"artifacts", "download", box.last_run(), "-o", (box.root() / "to").string()});
  CHECK_FALSE(fs::exists(box.project() / "touched"));
}

/// A list in YAML, each string in double quotes as JSON writes it.
std::string list_of(const std::vector<std::string>& strings) {
  Json list = Json::array();
  for (const std::string& text : strings)
    list.push_back(as_written(text));
  return in_yaml(list);
}

constexpr const char* script =
    "import os, sys\n"
    "os.makedirs('out')\n"
    "with open('out/args', 'wb') as file:\n"
    "    for word in sys.argv[1:]:\n"
    "        file.write(os.fsencode(word) + b'\\0')\n"
    "open('out/files', 'w').write(' '.join(sorted(os.listdir('.'))))\n";

}  // namespace

TEST_CASE("arguments after -- reach a script byte for byte") {
  const Sandbox box;
  box.file("args.py", script);
  const std::vector<std::string> strings = nasty_strings();
  std::vector<std::string> words = {"run", "-q", "python", "args.py", "-a", "out", "--"};
  words.insert(words.end(), strings.begin(), strings.end());
  box.ok(words);
  download(box);
  CHECK(parts(output_of(box, "out/args")) == strings);
  CHECK(output_of(box, "out/files") == "args.py out");
}

TEST_CASE("arguments of a workflow reach a script byte for byte") {
  const Sandbox box;
  box.file("args.py", script);
  const std::vector<std::string> strings = nasty_strings();
  box.workflows(
      "workflows:\n  - name: w\n    provider: python\n    file: args.py\n"
      "    artifacts: [out]\n    args: " +
      list_of(strings) + "\n");
  box.ok({"run", "-q", "w"});
  download(box);
  CHECK(parts(output_of(box, "out/args")) == strings);
}

TEST_CASE("variables of a workflow reach a script byte for byte, and its environment") {
  const Sandbox box;
  box.file("args.py",
           std::string(script) +
               "with open('out/variables', 'wb') as file:\n"
               "    for index in range(len(sys.argv) - 1):\n"
               "        file.write(os.environb[b'V%d' % index] + b'\\0')\n");
  const std::vector<std::string> strings = nasty_strings();
  Json variables = Json::object();
  Json references = Json::array();
  for (std::size_t i = 0; i < strings.size(); ++i) {
    variables["v" + std::to_string(i)] = as_written(strings[i]);
    references.push_back("${{ v" + std::to_string(i) + " }}");
  }
  box.file(".dstack/variables.yaml", "variables: " + in_yaml(Json{{"w", variables}}) + "\n");
  box.workflows(
      "workflows:\n  - name: w\n    provider: python\n    file: args.py\n"
      "    artifacts: [out]\n    args: " +
      in_yaml(references) + "\n");
  box.ok({"run", "-q", "w"});
  download(box);
  CHECK(parts(output_of(box, "out/args")) == strings);
  CHECK(parts(output_of(box, "out/variables")) == strings);
}

TEST_CASE("the environment of a shell's commands arrives byte for byte, and none of it runs") {
  const Sandbox box;
  const std::vector<std::string> strings = nasty_strings();
  Json environment = Json::object();
  for (std::size_t i = 0; i < strings.size(); ++i)
    environment["E" + std::to_string(i)] = as_written(strings[i]);
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    artifacts: [out]\n"
      "    commands: ['mkdir out', 'env -0 > out/environment', 'ls > out/files']\n"
      "    environment: " +
      in_yaml(environment) + "\n");
  box.ok({"run", "-q", "w"});
  download(box);
  std::vector<std::string> found(strings.size());
  for (const std::string& variable : parts(output_of(box, "out/environment"))) {
    const std::size_t sign = variable.find('=');
    const auto index = variable.front() == 'E'
                           ? parse_number<std::size_t>(variable.substr(1, sign - 1))
                           : std::nullopt;
    if (index && *index < found.size())
      found[*index] = variable.substr(sign + 1);
  }
  CHECK(found == strings);
  CHECK(output_of(box, "out/files") == "out\n");
}

TEST_CASE("the arguments and the environment of a container are planned byte for byte") {
  const Sandbox box;
  const std::vector<std::string> strings = nasty_strings();
  Json environment = Json::object();
  for (std::size_t i = 0; i < strings.size(); ++i)
    environment["E" + std::to_string(i)] = as_written(strings[i]);
  box.workflows("workflows:\n  - name: w\n    provider: docker\n    image: none\n    args: " +
                list_of(strings) + "\n    environment: " + in_yaml(environment) + "\n");
  const Json plan = box.json({"run", "w", "--dry-run", "--json"});
  const Json& job = plan["jobs"][0];
  CHECK(job["spec"]["argv"].get<std::vector<std::string>>() == strings);
  CHECK_FALSE(fs::exists(box.project() / "touched"));
  std::vector<std::string> found(strings.size());
  for (const Json& variable : job["environment"])
    if (const std::string name = variable[0]; name.front() == 'E')
      if (const auto index = parse_number<std::size_t>(name.substr(1)); index)
        found.at(*index) = variable[1];
  CHECK(found == strings);
}
