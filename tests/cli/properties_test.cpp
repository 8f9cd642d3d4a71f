// Every property of every built-in provider, as its manifest declares it: a key of the file and an
// option mean the same, and each changes the plan. What the planned jobs then really do, the tests
// of each provider show (tests/providers).
#include "support/sandbox.hpp"

#include <map>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

/// A value as it stands in the file (empty: every one is refused), the same one on the command line
/// (none: there is no option for it), and one that is refused.
struct Sample {
  std::string yaml;
  std::vector<std::string> options;
  std::string wrong;
};

using Samples = std::multimap<std::string, Sample>;

const std::string digest(64, 'a');

/// By property; PROVIDER.PROPERTY where a provider means something of its own.
const Samples& samples() {
  static const Samples all = {
      {"environment", {"{A: b}", {"-e", "A=b"}, "5"}},
      {"environment", {"[A=b]", {"--env", "A=b"}, "[1A=b]"}},
      {"env_file", {"[vars]", {"--env-file", "vars"}, "{path: vars, mask: perhaps}"}},
      {"env_file", {"{path: vars}", {"--env-file", "vars"}, "none"}},
      {"inputs", {"[r.txt]", {}, "[none.txt]"}},
      {"inputs", {"{path: sub, at: there, link: true}", {}, "{path: sub, at: ../there}"}},
      {"working_dir", {"sub", {"--working-dir", "sub"}, "../outside"}},
      {"artifacts", {"[out]", {"-a", "out"}, "{model: big}"}},
      {"resources", {"{cpu: 1}", {"--cpu", "1"}, "{cpu: many}"}},
      {"resources", {"{memory: 1MB}", {"--memory", "1MB"}, "{memory: 1 parsec}"}},
      {"resources", {"{gpu: 1}", {"--gpu", "1"}, "{gpu: [1]}"}},
      {"resources",
       {"{gpu: {count: 1, name: V100, memory: 8GB}}",
        {"--gpu", "1", "--gpu-name", "V100", "--gpu-memory", "8GB"},
        "{gpu: {colour: red}}"}},
      {"resources", {"{shm_size: 1MB}", {"--shm-size", "1MB"}, "{shm_size: wide}"}},
      {"resources", {"{interruptible: true}", {}, "{interruptible: perhaps}"}},
      {"resources", {"{disk: 1GB}", {}, "{disk: wide}"}},
      {"sandbox", {"files", {"--sandbox", "files"}, "none"}},
      {"sandbox", {"{read: [/data], network: host}", {}, "{read: [data]}"}},
      {"docker.sandbox", {"", {}, "files"}},
      {"metrics", {"[log.csv]", {}, "[../log.csv]"}},
      {"metrics",
       {"{files: out, log: 'loss {loss}', best: {loss: min}}", {}, "{best: {loss: low}}"}},
      {"privileges", {"[NET_RAW, setuid]", {}, "[CAP_NET_RAW]"}},
      {"workspace", {"copy", {"--workspace", "copy"}, "elsewhere"}},
      {"setup", {"[echo begin]", {"--setup", "echo begin"}, "{a: b}"}},
      {"timeout", {"1m30s", {"--timeout", "90s"}, "soon"}},
      {"retry", {"2", {"--retry", "2"}, "-1"}},
      {"stop_signal", {"INT", {"--stop-signal", "SIGINT"}, "KILL"}},
      {"requirements", {"[r.txt]", {"-r", "r.txt"}, "[none.txt]"}},
      {"index",
       {"[https://example.org/simple]",
        {"--index", "https://example.org/simple"},
        "[example.org]"}},
      {"module", {"pkg.train", {"-m", "pkg.train"}, "train.py"}},
      {"args", {"[a, two words]", {"--", "a", "two words"}, "{a: b}"}},
      {"args", {"a 'two words'", {"--", "a", "two words"}, "\"a 'b\""}},
      {"public", {"true", {"--public"}, "perhaps"}},
      {"commands", {"[echo a, echo b]", {"-c", "echo a", "-c", "echo b"}, "{a: b}"}},
      {"ports", {"2", {"--ports", "2"}, "1000"}},
      {"file", {"other.py", {"other.py"}, "none.py"}},
      {"target", {"other.py", {"other.py"}, "none.py"}},
      {"target", {"https://example.org/app.py", {"https://example.org/app.py"}, "ftp://a/b.py"}},
      {"image", {"alpine:3", {"alpine:3"}, "x y"}},
      {"build", {"sub", {"--build", "sub"}, "../outside"}},
      {"build", {"{context: sub, target: last}", {}, "{context: sub, dockerfile: none}"}},
      {"platform", {"linux/arm64", {"--platform", "linux/arm64"}, "arm"}},
      {"entrypoint", {"[/bin/sh, -e]", {"--entrypoint", "/bin/sh -e"}, "{a: b}"}},
      {"registry_auth", {"{username: u, password: p}", {}, "{token: t}"}},
      {"nodes", {"2", {"--nnodes", "2"}, "0"}},
      {"nproc_per_node", {"2", {"--nproc-per-node", "2"}, "none"}},
      {"url", {"https://example.org/b", {"--url", "https://example.org/b"}, "file:///etc/passwd"}},
      {"output", {"data/b", {"--output", "data/b"}, "../b"}},
      {"sha256", {digest, {"--sha256", digest}, "abc"}},
      {"headers", {"{A: b}", {"--header", "A=b"}, "{\"A b\": c}"}},
      {"http_retries", {"2", {"--http-retries", "2"}, "2000"}},
      {"curl.setup", {"", {}, "[echo begin]"}},
      {"notebook.file", {"other.py", {}, "none.py"}},
      {"streamlit.version", {"1.40.2", {"--app-version", "1.40.2"}, ">>1"}},
      {"lab.version", {"4.2.0", {"--app-version", "4.2.0"}, ">>1"}},
      {"notebook.version", {"7.2.0", {"--app-version", "7.2.0"}, ">>1"}},
      {"code.version", {"4.100.0", {"--app-version", "4.100.0"}, ">>1"}},
  };
  return all;
}

/// What a workflow of the provider cannot do without.
std::map<std::string, std::string> required(const std::string& provider) {
  static const std::map<std::string, std::map<std::string, std::string>> of = {
      {"bash", {{"commands", "[echo x]"}}},
      {"curl", {{"url", "https://example.org/a"}, {"output", "data/a"}}},
      {"docker", {{"image", "busybox"}}},
      {"python", {{"file", "x.py"}}},
      {"streamlit", {{"target", "x.py"}}},
      {"torchrun", {{"file", "x.py"}}},
  };
  const auto found = of.find(provider);
  return found == of.end() ? std::map<std::string, std::string>() : found->second;
}

class PropertiesBox : public Sandbox {
 public:
  explicit PropertiesBox(std::string provider) : provider_(std::move(provider)) {
    for (const char* path : {"x.py", "other.py", "sub/x.py", "sub/other.py"})
      file(path, "print(1)\n");
    file("vars", "FROM_FILE=x\n");
    file("sub/Dockerfile", "FROM scratch\n");
    for (const char* path : {"r.txt", "sub/r.txt"})
      file(path, "# nothing\n");
    REQUIRE(make_folders(home()));
    REQUIRE(write_file_atomically(
        home() / "config.yaml", "resources: {gpus: [{name: V100, memory: 16GB}]}\n", Durable::no));
    // A version that is here.
    process::Command ask = command({});
    ask.argv = {"python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2], end='')"};
    const auto answer = process::run(ask);
    REQUIRE(answer);
    python_ = answer->out;
  }

  Json properties() const { return json({"providers", "show", provider_, "--json"})["properties"]; }

  std::vector<Sample> samples_of(const std::string& property) const {
    const Samples& all = samples();
    auto [first, last] = all.equal_range(provider_ + "." + property);
    if (first == last)
      std::tie(first, last) = all.equal_range(property);
    std::vector<Sample> found;
    for (; first != last; ++first)
      found.push_back(first->second);
    if (found.empty() && (property == "python" || property == "version"))
      found.push_back({"\"" + python_ + "\"", {"--python", python_}, "three"});
    return found;
  }

  /// The file's only workflow, with this property added or changed; none with an empty value.
  void write(const std::string& property, const std::string& yaml) const {
    auto keys = required(provider_);
    if (property == "index")
      keys.emplace("requirements", "[r.txt]");
    if (property == "module" && !yaml.empty())
      keys.erase("file");
    keys[property] = yaml;
    if (property == "build" && !yaml.empty())
      keys.erase("image");  // one excludes the other
    std::string text = "workflows:\n  - name: w\n    provider: " + provider_ + "\n";
    for (const auto& [key, value] : keys)
      if (!value.empty())
        text.append("    ").append(key).append(": ").append(value).append("\n");
    workflows(text);
  }

  /// The jobs of a plan, and what they are given; where something was set does not count.
  Json jobs(std::vector<std::string> words) const {
    const auto place = std::find(words.begin(), words.end(), "--");
    words.insert(place, {"--dry-run", "--json"});
    const Json plan = json(words);
    Json jobs = plan["jobs"];
    for (Json& job : jobs) {
      for (Json& variable : job["environment"])
        variable.erase(2);
      if (job["spec"].contains("python"))
        job["spec"]["python"].erase("index_where");
    }
    for (const Json& workflow : plan["workflows"])
      jobs.back()["inputs"] = workflow.value("input_files", Json());
    return jobs;
  }

  /// With the option in place of the key: for the workflow, or where the property is one that a
  /// workflow cannot lack, for the provider.
  Json jobs_by_option(const std::string& property, const Sample& sample) const {
    const auto needed = required(provider_);
    std::vector<std::string> words = {"run", "w"};
    if (needed.contains(property)) {
      words[1] = provider_;
      for (const auto& [key, value] : needed)
        if (key != property)
          words.insert(words.end(), {"--" + key, value});
    }
    words.insert(words.end(), sample.options.begin(), sample.options.end());
    return jobs(words);
  }

  const std::string& provider() const { return provider_; }

 private:
  std::string provider_;
  std::string python_;
};

void check_meaning(const PropertiesBox& box, const std::string& property, const Sample& sample) {
  box.write(property, required(box.provider())[property]);
  const Json without = box.jobs({"run", "w"});
  const Json by_option = sample.options.empty() ? Json() : box.jobs_by_option(property, sample);
  box.write(property, sample.yaml);
  const Json by_key = box.jobs({"run", "w"});
  CHECK(render_json_pretty(by_key) != render_json_pretty(without));
  if (!sample.options.empty())
    CHECK(render_json_pretty(by_key) == render_json_pretty(by_option));
}

void check_refusal(const PropertiesBox& box, const std::string& property, const Sample& sample) {
  box.write(property, sample.wrong);
  const auto refused = box.run({"run", "w", "--dry-run"});
  INFO(refused.err);
  CHECK(Sandbox::code(refused) == 2);
  CHECK(refused.err.find("--> .dstack/workflows.yaml:") != std::string::npos);
  CHECK(refused.err.find("^") != std::string::npos);
}

void check_every_property(const std::string& provider) {
  const PropertiesBox box(provider);
  for (const Json& property : box.properties()) {
    const auto name = property["name"].get<std::string>();
    const auto all = box.samples_of(name);
    CAPTURE(provider, name);
    REQUIRE_FALSE(all.empty());
    for (const Sample& sample : all) {
      CAPTURE(sample.yaml, sample.wrong);
      if (!sample.yaml.empty())
        check_meaning(box, name, sample);
      check_refusal(box, name, sample);
    }
  }
}

}  // namespace

TEST_CASE("every property of bash is a key and an option") {
  check_every_property("bash");
}

TEST_CASE("every property of code is a key and an option") {
  check_every_property("code");
}

TEST_CASE("every property of curl is a key and an option") {
  check_every_property("curl");
}

TEST_CASE("every property of docker is a key and an option") {
  check_every_property("docker");
}

TEST_CASE("every property of lab is a key and an option") {
  check_every_property("lab");
}

TEST_CASE("every property of notebook is a key and an option") {
  check_every_property("notebook");
}

TEST_CASE("every property of python is a key and an option") {
  check_every_property("python");
}

TEST_CASE("every property of streamlit is a key and an option") {
  check_every_property("streamlit");
}

TEST_CASE("every property of torchrun is a key and an option") {
  check_every_property("torchrun");
}
