// Where a secret may be, and where it never is: a run with many of them, looked through while it
// runs and after.
#include "support/secrets.hpp"

#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

#include <map>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::add_secret;
using dstack::test::Sandbox;

namespace {

/// Prints each variable S… of its environment in every encoding that people meet, one a line, as
/// JSON texts: what to look for. As a job (`show`) it prints them as they are, some in two writes.
constexpr const char* encodings =
    R"(import base64, binascii, html, json, os, shlex, sys, urllib.parse

def forms(value):
    raw = value.encode()
    yield value
    for before in (b"", b"_", b"__"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(before + raw).decode()
            yield text[(0, 2, 3)[len(before)]:len(before + raw) * 8 // 6]
    yield raw.hex()
    yield raw.hex().upper()
    yield urllib.parse.quote(value)
    yield urllib.parse.quote(value, safe="")
    yield urllib.parse.quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield shlex.quote(value)[1:-1] if shlex.quote(value) != value else value
    yield repr(value)[1:-1]
    yield html.escape(value)
    for line in value.split("\n"):
        if len(line) >= 8:
            yield line

values = {name: value for name, value in os.environ.items() if name.startswith("S_")}
if sys.argv[1] == "list":
    for value in values.values():
        for form in forms(value):
            print(json.dumps(form))
    sys.exit()
for name, value in sorted(values.items()):
    for form in forms(value):
        print("<" + form + ">")
    for cut in range(0, len(value), 3):
        sys.stdout.write("<" + value[:cut])
        sys.stdout.flush()
        sys.stdout.write(value[cut:] + ">\n")
        sys.stdout.flush()
    import hashlib
    print(name, hashlib.sha256(value.encode()).hexdigest())
sys.stdout.flush()
with open(sys.argv[2]) as pipe:
    pipe.read()
)";

std::map<std::string, std::string> random_secrets() {
  std::map<std::string, std::string> secrets;
  for (int i = 0; i < 8; ++i)
    secrets["S_PLAIN_" + std::to_string(i)] = random_hex(4) + "Zz-" + random_hex(8);
  secrets["S_QUOTES"] = "it's \"" + random_hex(8) + "\" & <" + random_hex(4) + ">\\/ +$x";
  secrets["S_UNICODE"] = "pässwörd-" + random_hex(8) + "-\xF0\x9F\x94\x91";
  secrets["S_LINES"] = "-----BEGIN KEY-----\n" + random_hex(32) + "\n" + random_hex(32) + "\nend";
  secrets["S_EIGHT"] = random_hex(4);
  return secrets;
}

std::vector<std::string> all_forms(const Sandbox& box,
                                   const std::map<std::string, std::string>& secrets) {
  process::Command command;
  command.argv = {"python3", (box.project() / "encodings.py").string(), "list"};
  command.environment = {"PATH=" + std::string(std::getenv("PATH")), "PYTHONUTF8=1"};
  for (const auto& [name, value] : secrets)
    command.environment->push_back(name + "=" + value);
  const auto output = process::run(command, {}, std::chrono::seconds(100));
  REQUIRE(output);
  INFO(output->err);
  REQUIRE(process::succeeded(output->status));
  std::vector<std::string> forms;
  for (const std::string_view line : split(output->out, '\n'))
    if (!line.empty())
      forms.push_back(parse_json(line, "a form")->get<std::string>());
  REQUIRE(forms.size() > secrets.size() * 10);
  return forms;
}

/// The first form that stands in a text; "" when none does.
std::string leak(const std::vector<std::string>& forms, const std::string& text) {
  for (const std::string& form : forms)
    if (text.find(form) != std::string::npos)
      return form;
  return {};
}

void check_no_leak_below(const Path& folder, const std::vector<std::string>& forms) {
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    boost::system::error_code error;
    if (entry.symlink_status(error).type() != fs::regular_file)
      continue;
    const auto text = read_file(entry.path());
    REQUIRE(text);
    ++files;
    INFO(entry.path().string());
    CHECK(leak(forms, *text) == "");
  }
  CHECK(files > 5);
}

/// The command lines of all processes, and the environments of those that are dstack's.
void check_processes(const std::vector<std::string>& forms) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    if (!parse_number<int>(entry.path().filename().string()))
      continue;
    const std::string words = read_file(entry.path() / "cmdline").value_or("");
    INFO(words);
    CHECK(leak(forms, words) == "");
    if (words.starts_with(std::string("dstack") + '\0'))
      CHECK(leak(forms, read_file(entry.path() / "environ").value_or("")) == "");
  }
}

void need_python() {
  if (std::system("python3 -c 'import html' 2>/dev/null >&2") != 0)
    SKIP("python3 is not installed");
}

}  // namespace

TEST_CASE("a secret is in the job's environment, and in no file, no process and no answer") {
  need_python();
  Sandbox box;
  const auto secrets = random_secrets();
  box.file("encodings.py", encodings);
  const Path pipe = box.root() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  box.workflows(
      "workflows:\n"
      "  - name: w\n"
      "    provider: bash\n"
      "    environment: {PYTHONUTF8: 1, S_URL: \"https://me:${{ secrets.S_EIGHT }}@host\"}\n"
      "    artifacts: [out]\n"
      "    commands:\n"
      "      - python3 encodings.py show " +
      pipe.string() +
      "\n"
      "      - mkdir out; echo kept > out/x\n");
  for (const auto& [name, value] : secrets)
    add_secret(box, {name}, value);
  const auto forms = all_forms(box, secrets);

  const std::string run = box.start({"w"});
  {
    // Opens when the job has printed everything and waits.
    const Fd end(::open(pipe.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(end);
    check_processes(forms);
    check_no_leak_below(box.home(), forms);
  }
  const Json shown = box.wait(run);

  CHECK(shown["status"] == "done");
  const std::string log = box.ok({"logs", run});
  for (const auto& [name, value] : secrets)
    CHECK(log.find(name + " " + sha256(value).render()) != std::string::npos);
  CHECK(log.find("<***>") != std::string::npos);
  const std::vector<std::vector<std::string>> questions = {{"logs", run},
                                                           {"show", run},
                                                           {"show", run, "--json"},
                                                           {"ps", "-a", "--json"},
                                                           {"secrets", "list", "--json"},
                                                           {"run", "w", "--dry-run"},
                                                           {"run", "w", "--dry-run", "--json"}};
  for (const auto& question : questions)
    CHECK(leak(forms, box.ok(question)) == "");
  check_no_leak_below(box.home(), forms);
  check_no_leak_below(box.project() / "..", forms);
}

TEST_CASE("the plan says that a value is a secret, and which") {
  Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - name: w\n"
      "    provider: bash\n"
      "    environment: [\"URL=https://${{ secrets.api-token }}@host\"]\n"
      "    commands: [\"test \\\"$URL\\\" = https://s3cret-value@host\", \"test $API_TOKEN = "
      "s3cret-value\"]\n");
  add_secret(box, {"api-token"}, "s3cret-value\n");
  const std::string plan = box.ok({"run", "w", "--dry-run"});
  CHECK(plan.find("API_TOKEN=***") != std::string::npos);
  CHECK(plan.find("URL=***") != std::string::npos);
  const Json shown = box.wait(box.start({"w"}));
  CHECK(shown["status"] == "done");
  const Json& environment = shown["workflows"][0]["environment"];
  CHECK(environment["API_TOKEN"].is_null());
  CHECK(environment["URL"].is_null());
}

TEST_CASE(
    "secrets stand above variables and below the command line; the project's hide the user's") {
  Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - name: w\n"
      "    provider: bash\n"
      "    environment: {A: file, B: file, C: file}\n"
      "    commands: [\"for v in $A $B $C; do echo -n $v | md5sum; done\"]\n");
  box.file(".dstack/variables.yaml", "variables:\n  global: {b: variable}\n");
  const auto digest = [&](const std::string& text) {
    process::Command command;
    command.argv = {"md5sum"};
    return process::run(command, text, std::chrono::seconds(100))->out;
  };
  add_secret(box, {"A"}, "secret-of-the-project");
  add_secret(box, {"--user", "A"}, "secret-of-the-user");
  add_secret(box, {"B"}, "secret-b-b-b");
  add_secret(box, {"C"}, "secret-c-c-c");
  CHECK(box.ok({"run", "w", "-e", "C=said"}) ==
        digest("secret-of-the-project") + digest("secret-b-b-b") + digest("said"));
}

TEST_CASE("a missing secret is told with its place and the next step, before anything starts") {
  Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - name: w\n"
      "    provider: bash\n"
      "    environment:\n"
      "      TOKEN: ${{ secrets.API_TOKEN }}\n"
      "    commands: [\"true\"]\n");
  add_secret(box, {"API_TOKENS"}, "another value");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.err.find("there is no secret 'API_TOKEN'") != std::string::npos);
  CHECK(output.err.find("workflows.yaml:5:18") != std::string::npos);
  CHECK(output.err.find("^^^^^^^^^^^^^^^^^") != std::string::npos);
  CHECK(output.err.find("did you mean 'API_TOKENS'?") != std::string::npos);
  CHECK(output.err.find("'dstack secrets add API_TOKEN' adds it") != std::string::npos);
  CHECK(box.json({"ps", "-a", "--json"}).empty());
}

TEST_CASE("a secret elsewhere than in environment, registry_auth and headers is an error") {
  Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - {name: w, provider: bash, commands: [\"echo ${{ secrets.TOKEN }}\"]}\n");
  add_secret(box, {"TOKEN"}, "some value");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.err.find("the secret 'TOKEN' cannot be used here") != std::string::npos);
  CHECK(output.err.find("every job has this one as the variable TOKEN") != std::string::npos);
}

TEST_CASE("each attempt of a job has the value that the vault has then") {
  Sandbox box;
  const std::string pipe = (box.root() / "pipe").string();
  const std::string seen = (box.root() / "seen").string();
  box.workflows(
      "workflows:\n"
      "  - name: w\n"
      "    provider: bash\n"
      "    retry: 1\n"
      "    commands:\n"
      "      - if mkdir " +
      seen + " 2> /dev/null; then cat " + pipe +
      "; fi\n"
      "      - test $TOKEN = second-value\n");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  add_secret(box, {"TOKEN"}, "first-value");
  const std::string run = box.start({"w"});
  {
    const Fd end(::open(pipe.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(end);
    add_secret(box, {"-f", "TOKEN"}, "second-value");
    box.ok({"secrets", "rotate"});
  }
  const Json shown = box.wait(run);
  CHECK(shown["status"] == "done");
  CHECK(shown["jobs"][0]["attempts"] == 2);
}

TEST_CASE("a secret that is deleted under way fails the job that names it, and no other") {
  Sandbox box;
  const std::string pipe = (box.root() / "pipe").string();
  box.workflows(
      "workflows:\n"
      "  - {name: first, provider: bash, commands: [\"cat " +
      pipe +
      "\"]}\n"
      "  - name: second\n"
      "    provider: bash\n"
      "    depends-on: [first]\n"
      "    commands: [\"test -z \\\"$OTHER\\\"\"]\n"
      "  - name: third\n"
      "    provider: bash\n"
      "    depends-on: [second]\n"
      "    environment: {X: \"${{ secrets.TOKEN }}\"}\n"
      "    commands: [\"true\"]\n");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  add_secret(box, {"TOKEN"}, "some value");
  add_secret(box, {"OTHER"}, "another value");
  const std::string run = box.start({"third"});
  {
    const Fd end(::open(pipe.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(end);
    box.ok({"secrets", "delete", "TOKEN"});
    box.ok({"secrets", "delete", "OTHER"});
  }
  box.run({"logs", "-f", run});
  const std::string shown = box.ok({"show", run});
  CHECK(shown.find("secret 'TOKEN' has been deleted since the run began") != std::string::npos);
  CHECK(box.json({"show", run, "--json"})["jobs"][1]["status"] == "done");
  CHECK(box.json({"show", run, "--json"})["jobs"][2]["status"] == "failed");
}

TEST_CASE("nobody may look into the wrapper of a job with secrets") {
  if (::geteuid() == 0)
    SKIP("root may look into everything");
  Sandbox box;
  const std::string pipe = (box.root() / "pipe").string();
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"cat " + pipe + "\"]}\n");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  add_secret(box, {"TOKEN"}, "some value");
  const std::string run = box.start({"w"});
  const Fd end(::open(pipe.c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(end);
  std::size_t seen = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string words = read_file(entry.path() / "cmdline").value_or("");
    if (words != std::string("dstack\0exec\0", 12) + run + "/0" + '\0')
      continue;
    ++seen;
    CHECK_FALSE(read_file(entry.path() / "environ"));
    CHECK(::access((entry.path() / "mem").c_str(), R_OK) != 0);
  }
  CHECK(seen == 1);
}
