#include "scenarios.hpp"

#include "dstack/base/text.hpp"
#include "invariants.hpp"
#include "support/earlier_schema.hpp"
#include "support/wait.hpp"

#include <algorithm>
#include <set>
#include <thread>
#include <variant>

namespace dstack::test {

namespace {

constexpr const char* project = R"(workflows:
  - name: first
    provider: bash
    artifacts: [out]
    commands: ["mkdir out; echo complete > out/result; echo two > out/b; echo ran first"]
  - name: second
    provider: bash
    depends-on: [first]
    artifacts: [res]
    commands: ["cat out/result; mkdir res; cp out/result res/x; echo line >> notes.txt; echo new > added.txt"]
  - {name: long, provider: bash, artifacts: [part], commands: ["mkdir part; echo p > part/f; echo started; sleep 1000"]}
)";

void git(const Sandbox& box, std::vector<std::string> words) {
  process::Command command;
  command.argv = {"git", "-C", box.project().string(), "-c", "user.name=a", "-c", "user.email=a@b"};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  const auto output = process::run(std::move(command));
  REQUIRE(output);
  REQUIRE(process::succeeded(output->status));
}

void make_project(const Sandbox& box) {
  box.workflows(project);
  box.file("notes.txt", "note\n");
  git(box, {"init", "-q"});
  git(box, {"add", "-A"});
  git(box, {"commit", "-qm", "1"});
}

Json json_of(const Sandbox& box, const std::vector<std::string>& words) {
  const std::string text = succeed(box, words);
  auto json = parse_json(text, join(words, " "));
  if (!json)
    broken(text);
  return *std::move(json);
}

std::set<std::string> runs_on_record(const Sandbox& box) {
  std::set<std::string> names;
  for (const Json& run : json_of(box, {"ps", "-a", "--json"}))
    names.insert(run["run"].get<std::string>());
  return names;
}

std::string newest_run(const Sandbox& box) {
  const Json runs = json_of(box, {"ps", "-a", "--json"});
  return runs.empty() ? std::string() : runs[0]["run"].get<std::string>();
}

void expect(bool holds, const std::string& what) {
  if (!holds)
    broken(what);
}

void expect_contains(const std::string& text, const std::string& part, const std::string& what) {
  expect(text.find(part) != std::string::npos, fmt::format("{} lacks '{}': {}", what, part, text));
}

Path keep_file(const Sandbox& box) {
  return box.root() / "kept-run";
}

/// A finished run, for commands about one.
void make_finished_run(const Sandbox& box) {
  make_project(box);
  succeed(box, {"run", "-q", "second"});
  REQUIRE(write_file_atomically(keep_file(box), newest_run(box), Durable::no));
}

std::string finished_run(const Sandbox& box) {
  return read_file(keep_file(box)).value();
}

/// What a run that is done has: its output, its artifacts, its changes.
void check_whole(const Sandbox& box, const std::string& run) {
  const Json all = json_of(box, {"show", run, "--json"});
  expect(all["status"] == "done", fmt::format("run {} is {}", run, all["status"].dump()));
  expect_contains(succeed(box, {"logs", run, "second"}), "complete", "the log");
  expect_contains(succeed(box, {"artifacts", "cat", run, "res/x"}), "complete", "the artifact");
  // What could not be kept is said; the job is done all the same.
  if (succeed(box, {"show", run}).find("could not be kept") == std::string::npos)
    expect_contains(succeed(box, {"code", run, "--changes"}), "added.txt", "the changes");
}

void check_new_run(const Sandbox& box) {
  succeed(box, {"run", "-q", "second"});
  check_whole(box, newest_run(box));
}

/// A run is on record only if its user knows of it: also a command that failed, and was not killed,
/// has said its name. `known`: the runs that were there before.
void check_runs_are_known(const Sandbox& box,
                          const process::Output& output,
                          const std::set<std::string>& known) {
  for (const std::string& run : runs_on_record(box))
    if (!known.contains(run))
      expect_contains(output.out + output.err, run, "what the command said");
}

bool is_on_record(const Sandbox& box, const std::string& run) {
  return runs_on_record(box).contains(run);
}

Scenario about_finished_run(std::string name, std::vector<std::string> roles) {
  Scenario scenario;
  scenario.name = std::move(name);
  scenario.roles = std::move(roles);
  scenario.prepare = make_finished_run;
  return scenario;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// Until its job has printed; false: it will not.
bool has_started(const Sandbox& box, const std::string& run, const Faulty& faulty) {
  for (int tries = 0; tries < 2000; ++tries) {
    const auto log = answer(box, {"logs", run});
    if (log.out.find("started") != std::string::npos)
      return true;
    const auto shown = answer(box, {"show", run, "--json"});
    const auto json = parse_json(shown.out, "show");
    if (json && is_final(*json))
      return false;
    // Its output may not be recorded, which is said.
    if (json && render_json(*json).find("its output is not recorded") != std::string::npos)
      return true;
    if (tries == 400)
      faulty.give_room();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  broken("run " + run + " neither starts nor ends");
}

Scenario ending(std::string name, std::vector<std::string> words, const std::string& status) {
  Scenario scenario;
  scenario.name = std::move(name);
  scenario.roles = {"stop", "supervise", "exec"};
  scenario.quick_kills = 300;
  scenario.prepare = make_project;
  scenario.act = [words](const Sandbox& box, const Faulty& faulty) {
    auto started = faulty.run({"run", "-d", "long"});
    if (!process::succeeded(started.status) || !has_started(box, first_line(started.out), faulty))
      return started;
    std::vector<std::string> all = words;
    all.push_back(first_line(started.out));
    auto output = faulty.run(all);
    output.out = started.out;
    // Whatever became of the command: the same one ends the run.
    const auto again = answer(box, all);
    if (!process::succeeded(again.status))
      expect_contains(again.err, "is over", "the second stop");
    return output;
  };
  scenario.check = [status](const Sandbox& box, const process::Output& output) {
    const std::string run = first_line(output.out);
    if (run.empty())
      return;
    const Json shown = json_of(box, {"show", run, "--json"});
    const auto now = shown["status"].get<std::string>();
    expect(now == status || now == "failed",
           fmt::format("run {} is {} and not {}", run, now, status));
    succeed(box, {"rm", "-y", run});
  };
  return scenario;
}

}  // namespace

Scenario run_with_dependency() {
  Scenario scenario;
  scenario.name = "run";
  scenario.quick_kills = 360;
  scenario.roles = {"run", "supervise", "exec", "provider-host"};
  scenario.prepare = make_project;
  scenario.act = [](const Sandbox& box, const Faulty& faulty) {
    const auto known = runs_on_record(box);
    auto output = faulty.run({"run", "second"});
    if (std::holds_alternative<process::Exited>(output.status))
      check_runs_are_known(box, output, known);
    return output;
  };
  scenario.check = [](const Sandbox& box, const process::Output& output) {
    if (process::succeeded(output.status)) {
      expect_contains(output.out, "complete", "what 'run' printed");
      check_whole(box, newest_run(box));
    }
    check_new_run(box);
  };
  return scenario;
}

Scenario first_run() {
  Scenario scenario = run_with_dependency();
  scenario.name = "first run of a home";
  scenario.fresh = true;
  return scenario;
}

Scenario run_many_jobs() {
  Scenario scenario;
  scenario.name = "run of 30 jobs";
  scenario.roles = {"supervise", "exec"};
  scenario.prepare = [](const Sandbox& box) {
    std::string text = "workflows:\n";
    std::string names;
    for (int i = 0; i < 30; ++i) {
      text += fmt::format("  - {{name: w{}, provider: bash, commands: [echo text {}]}}\n", i, i);
      names += fmt::format("{}w{}", i == 0 ? "" : ", ", i);
    }
    text += fmt::format(
        "  - {{name: all, provider: bash, depends-on: [{}], commands: [echo over]}}\n", names);
    box.workflows(text);
  };
  scenario.act = [](const Sandbox& /*box*/, const Faulty& faulty) {
    return faulty.run({"run", "-j", "1", "all"});
  };
  scenario.check = [](const Sandbox& box, const process::Output& output) {
    if (process::succeeded(output.status))
      for (int i = 0; i < 30; ++i)
        if (output.err.find(fmt::format("w{}: the disk is full", i)) == std::string::npos)
          expect_contains(output.out, fmt::format("text {}\n", i), "what 'run' printed");
    const std::string run = newest_run(box);
    if (run.empty())
      return;
    // A job that is done has its output, and one that is not is lost or failed by name.
    const Json shown = json_of(box, {"show", run, "--json"});
    for (const Json& job : shown["jobs"]) {
      const auto name = job["workflow"].get<std::string>();
      if (job["status"] == "done" && name != "all" &&
          output.err.find(name + ": the disk is full") == std::string::npos)
        expect_contains(succeed(box, {"logs", run, name}), "text", "the log of " + name);
      else if (job["status"] == "failed")
        expect(job["cause"] == "lost" || job["cause"] == "start",
               fmt::format("{} failed by {}", name, job["cause"].dump()));
    }
    succeed(box, {"rm", "-y", run});
  };
  return scenario;
}

Scenario stop_run() {
  return ending("stop", {"stop", "-y"}, "stopped");
}

Scenario abort_run() {
  return ending("stop -x", {"stop", "-x", "-y"}, "aborted");
}

Scenario add_tag() {
  Scenario scenario = about_finished_run("tags add", {"tags"});
  scenario.act = [](const Sandbox& box, const Faulty& faulty) {
    return faulty.run({"tags", "add", "kept", finished_run(box)});
  };
  scenario.check = [](const Sandbox& box, const process::Output& output) {
    const Json tags = json_of(box, {"tags", "list", "--json"});
    expect(tags.size() == 0 || tags.size() == 2, "half of the tags: " + tags.dump());
    if (process::succeeded(output.status))
      expect(tags.size() == 2, "the tag was acknowledged and is not there");
    succeed(box, {"tags", "add", "--force", "kept", finished_run(box)});
    for (const char* workflow : {"first:kept", "second:kept"})
      succeed(box, {"tags", "delete", workflow});
  };
  return scenario;
}

Scenario delete_tag() {
  Scenario scenario = about_finished_run("tags delete", {"tags"});
  scenario.act = [](const Sandbox& box, const Faulty& faulty) {
    succeed(box, {"tags", "add", "--force", "kept", finished_run(box)});
    return faulty.run({"tags", "delete", "second:kept"});
  };
  scenario.check = [](const Sandbox& box, const process::Output& output) {
    const Json tags = json_of(box, {"tags", "list", "--json"});
    const bool is_there = std::any_of(
        tags.begin(), tags.end(), [](const Json& tag) { return tag["workflow"] == "second"; });
    if (process::succeeded(output.status))
      expect(!is_there, "the tag was deleted and is there");
    if (is_there)
      succeed(box, {"tags", "delete", "second:kept"});
    succeed(box, {"tags", "delete", "first:kept"});
    check_whole(box, finished_run(box));
  };
  return scenario;
}

Scenario download_artifacts() {
  Scenario scenario = about_finished_run("artifacts download", {"artifacts"});
  scenario.act = [](const Sandbox& box, const Faulty& faulty) {
    return faulty.run(
        {"artifacts", "download", finished_run(box), "-o", (box.project() / "down").string()});
  };
  scenario.check = [](const Sandbox& box, const process::Output& output) {
    const Path folder = box.project() / "down";
    const auto is_whole = [&] {
      return read_file(folder / "first/out/result").value_or("") == "complete\n" &&
             read_file(folder / "first/out/b").value_or("") == "two\n" &&
             read_file(folder / "second/res/x").value_or("") == "complete\n";
    };
    if (process::succeeded(output.status))
      expect(is_whole(), "the download succeeded and is not whole");
    succeed(box, {"artifacts", "download", finished_run(box), "-o", folder.string()});
    expect(is_whole(), "the second download is not whole");
    std::size_t entries = 0;
    for (fs::recursive_directory_iterator next(folder), end; next != end; ++next)
      ++entries;
    expect(entries == 7, fmt::format("the download has {} entries", entries));
    expect(remove_tree(folder).has_value(), "the download cannot be removed");
  };
  return scenario;
}

Scenario remove_run() {
  Scenario scenario;
  scenario.name = "rm";
  scenario.roles = {"rm"};
  scenario.prepare = make_finished_run;
  scenario.act = [](const Sandbox& box, const Faulty& faulty) {
    succeed(box, {"run", "-q", "second"});
    const std::string run = newest_run(box);
    auto output = faulty.run({"rm", "-y", run});
    output.out = run;
    return output;
  };
  scenario.check = [](const Sandbox& box, const process::Output& output) {
    const bool is_there = is_on_record(box, output.out);
    if (process::succeeded(output.status))
      expect(!is_there, "the run was removed and is there");
    if (is_there) {
      // Where nothing can be written its folder goes first, and that is said.
      if (output.err.find("have gone already") == std::string::npos)
        check_whole(box, output.out);
      succeed(box, {"rm", "-y", output.out});
    }
    check_whole(box, finished_run(box));
  };
  return scenario;
}

Scenario upgrade_home() {
  Scenario scenario = about_finished_run("ps in a home of an earlier version", {"ps"});
  scenario.act = [](const Sandbox& box, const Faulty& faulty) {
    {
      auto database =
          store::Database::open(box.home() / "database.sqlite", store::Database::Open::read_write);
      REQUIRE(database);
      make_schema_8(*database);
    }
    return faulty.run({"ps", "-a"});
  };
  scenario.check = [](const Sandbox& box, const process::Output& output) {
    if (process::succeeded(output.status))
      expect_contains(output.out, finished_run(box), "what 'ps' printed");
    check_whole(box, finished_run(box));
  };
  return scenario;
}

Scenario add_secret() {
  Scenario scenario;
  scenario.name = "secrets add";
  scenario.roles = {"secrets"};
  scenario.prepare = [](const Sandbox& box) {
    box.workflows(project);
    succeed(box, {"secrets", "add", "OTHER"}, "other-value");
  };
  scenario.act = [](const Sandbox& /*box*/, const Faulty& faulty) {
    return faulty.run({"secrets", "add", "TOKEN"}, "the-token-value");
  };
  scenario.check = [](const Sandbox& box, const process::Output& output) {
    const std::string names = succeed(box, {"secrets", "list"});
    expect_contains(names, "OTHER", "the vault");
    if (process::succeeded(output.status))
      expect_contains(names, "TOKEN", "the vault");
    succeed(box, {"secrets", "add", "--force", "TOKEN"}, "the-token-value");
    succeed(box, {"secrets", "delete", "-y", "TOKEN"});
  };
  return scenario;
}

Scenario delete_secret() {
  Scenario scenario = add_secret();
  scenario.name = "secrets delete";
  scenario.act = [](const Sandbox& box, const Faulty& faulty) {
    succeed(box, {"secrets", "add", "TOKEN"}, "the-token-value");
    return faulty.run({"secrets", "delete", "-y", "TOKEN"});
  };
  scenario.check = [](const Sandbox& box, const process::Output& output) {
    const std::string names = succeed(box, {"secrets", "list"});
    expect_contains(names, "OTHER", "the vault");
    const bool is_there = names.find("TOKEN") != std::string::npos;
    if (process::succeeded(output.status))
      expect(!is_there, "the secret was deleted and is there");
    if (is_there)
      succeed(box, {"secrets", "delete", "-y", "TOKEN"});
  };
  return scenario;
}

Scenario apply_changes() {
  Scenario scenario = about_finished_run("code --changes --apply", {"code"});
  scenario.act = [](const Sandbox& box, const Faulty& faulty) {
    return faulty.run({"code", finished_run(box), "--changes", "--apply"});
  };
  scenario.check = [](const Sandbox& box, const process::Output& output) {
    const auto content = [&](const char* name) {
      return read_file(box.project() / name).value_or("");
    };
    expect(content("notes.txt") == "note\n" || content("notes.txt") == "note\nline\n",
           "notes.txt is torn: " + content("notes.txt"));
    const auto is_applied = [&] {
      return content("notes.txt") == "note\nline\n" && content("added.txt") == "new\n";
    };
    if (process::succeeded(output.status))
      expect(is_applied(), "the changes were applied and are not there");
    succeed(box, {"code", finished_run(box), "--changes", "--apply"});
    expect(is_applied(), "the changes are not there after a second try");
    git(box, {"checkout", "-q", "--", "notes.txt"});
    fs::remove(box.project() / "added.txt");
  };
  return scenario;
}

Scenario write_code() {
  Scenario scenario = about_finished_run("code -o", {"code"});
  scenario.act = [](const Sandbox& box, const Faulty& faulty) {
    return faulty.run({"code", finished_run(box), "-o", (box.project() / "copy").string()});
  };
  scenario.check = [](const Sandbox& box, const process::Output& output) {
    const Path folder = box.project() / "copy";
    const auto is_whole = [&] { return read_file(folder / "notes.txt").value_or("") == "note\n"; };
    if (process::succeeded(output.status))
      expect(is_whole(), "the code was written and is not whole");
    const auto again = answer(box, {"code", finished_run(box), "-o", folder.string()});
    if (!process::succeeded(again.status))
      expect_contains(again.err, "copy", "what it says of a folder that is not empty");
    expect(remove_tree(folder).has_value(), "the copy cannot be removed");
  };
  return scenario;
}

}  // namespace dstack::test
