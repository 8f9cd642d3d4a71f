// A provider whose jobs are functions of its own, which end in every way there is.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include <unistd.h>

#include <dstack/provider.hpp>

namespace {

using namespace std::chrono_literals;

int works(const dstack::Task& task) {
  const char* variable = std::getenv("A");
  std::puts(("variable " + std::string(variable == nullptr ? "none" : variable)).c_str());
  task.log("folder " + std::filesystem::current_path().filename().string());
  for (const std::string& text : task.texts("list"))
    task.log("list " + text);
  for (const auto& [name, value] : task.environment("map"))
    task.log("map " + name + "=" + value);
  task.log("integer " + std::to_string(task.integer("integer") + 1));
  task.log(task.boolean("yes") && !task.boolean("no") ? "booleans" : "no booleans");
  task.log("secret " + task.secrets().text("secret"));
  std::ofstream("made.txt") << "made\n";
  return 0;
}

int shows_progress(const dstack::Task& task) {
  task.progress("half of it is done");
  task.progress("all");
  task.log("a line");
  task.progress("more");
  return 0;
}

int waits(const dstack::Task& task) {
  std::ofstream("made.txt") << "half\n";
  task.log("ready");
  while (!task.cancelled())
    ::sleep(1000);  // ended by the signal
  task.log("cancelled");
  return 3;
}

int warns(const dstack::Task& task, int code) {
  task.warn("the well is half empty");
  task.warn("and the bucket leaks");
  return code;
}

int hangs(const dstack::Task& task) {
  task.log("ready");
  for (;;)
    std::this_thread::sleep_for(1000s);
}

const std::map<std::string, std::function<int(const dstack::Task&)>>& functions() {
  static const std::map<std::string, std::function<int(const dstack::Task&)>> all = {
      {"works", works},
      {"shows progress", shows_progress},
      {"waits", waits},
      {"hangs", hangs},
      {"fails", [](const dstack::Task&) { return 7; }},
      {"warns", [](const dstack::Task& task) { return warns(task, 0); }},
      {"warns, and fails", [](const dstack::Task& task) { return warns(task, 7); }},
      {"says why",
       [](const dstack::Task& task) {
         task.fail("the well is dry", "dig deeper");
         return 5;
       }},
      {"says why, and returns 0",
       [](const dstack::Task& task) {
         task.fail("the well is dry");
         return 0;
       }},
      {"throws an error",
       [](const dstack::Task&) -> int { throw dstack::Error("the well is dry", "dig deeper"); }},
      {"throws", [](const dstack::Task&) -> int { return std::string("abc").at(7); }},
      {"throws an int", [](const dstack::Task&) -> int { throw 5; }},
      {"returns 300", [](const dstack::Task&) { return 300; }},
      {"aborts", [](const dstack::Task&) -> int { std::abort(); }},
      {"crashes",
       [](const dstack::Task&) {
         std::raise(SIGSEGV);
         return 0;
       }},
      {"exits", [](const dstack::Task&) -> int { std::_Exit(9); }},
      {"leaves a thread",
       [](const dstack::Task& task) {
         std::thread([&task] {
           for (;;)
             (void)task.cancelled();
         }).detach();
         return 0;
       }},
  };
  return all;
}

class NativeTestProvider : public dstack::NativeProvider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    dstack::Job job;
    job.native = dstack::Native{{"what", workflow.text("what")},
                                {"list", std::vector<std::string>{"a", "b"}},
                                {"map", dstack::Environment{{"k", "v"}}},
                                {"integer", 41},
                                {"yes", true},
                                {"no", false}};
    if (workflow.has("secret"))
      job.native_secrets.emplace_back("secret", workflow.text("secret"));
    return {job};
  }

  int run(const dstack::Task& task) override { return functions().at(task.text("what"))(task); }
};

}  // namespace

DSTACK_PROVIDER(NativeTestProvider)
