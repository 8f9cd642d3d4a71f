// providers new: a project that builds and runs, from the templates of the SDK.
#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "commands/templates.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <array>

#include <unistd.h>

namespace dstack::cli {

namespace {

/// One file of a project, and its template.
struct PlannedFile {
  std::string path;
  std::string_view source;
};

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// "my-provider.2" is `MyProvider2`.
std::string class_name(std::string_view name) {
  std::string text;
  bool begins = true;
  for (const char c : name) {
    if (!is_letter_or_digit(c)) {
      begins = true;
      continue;
    }
    text += begins ? to_upper(std::string_view(&c, 1)) : std::string(1, c);
    begins = false;
  }
  return text.front() >= '0' && text.front() <= '9' ? "Provider" + text : text;
}

/// "my-provider.2" is `my_provider_2`.
std::string crate_name(std::string_view name) {
  std::string text(name);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return !is_letter_or_digit(c); }, '_');
  return text.front() >= '0' && text.front() <= '9' ? "provider_" + text : text;
}

std::string replace_all(std::string text, std::string_view word, const std::string& by) {
  for (std::size_t at = text.find(word); at != std::string::npos;
       at = text.find(word, at + by.size()))
    text.replace(at, word.size(), by);
  return text;
}

/// The prefix of the installation, when the SDK is in it and compilers do not search it by default.
std::string sdk_prefix() {
  boost::system::error_code error;
  const Path program = fs::read_symlink("/proc/self/exe", error);
  const Path prefix = program.parent_path().parent_path();
  if (prefix == "/usr" || prefix == "/usr/local" ||
      !fs::exists(prefix / "include" / "dstack" / "provider.h", error))
    return {};
  return prefix.string();
}

class ProvidersNew final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("NAME", name_, Need::required, "the value of 'provider:' in workflows")
        .option("--lang", "cpp|c|rust", language_, "the language; default: cpp")
        .note(
            "Creates a folder NAME with an example provider, and prints how to build and try it. "
            "The\n"
            "guide for authors is docs/providers/writing.md.")
        .example("dstack providers new hello", "in C++, built with CMake")
        .example("dstack providers new hello --lang c", "in C, built with one command");
  }

  Result<int> run(Context& context) override {
    if (!is_name(name_))
      return fail(ErrorCode::usage, "'{}' is not a valid provider name", name_)
          .with_hint("letters, digits, '.', '_' and '-', beginning with a letter or digit");
    DSTACK_TRY(const auto files, planned_files());
    boost::system::error_code error;
    const Path folder = fs::current_path(error) / name_;
    if (fs::exists(folder, error) &&
        !(fs::is_directory(folder, error) && fs::is_empty(folder, error)))
      return fail(ErrorCode::conflict, "'{}' already exists", folder.string())
          .with_hint("choose another name, or go to another folder");
    for (const PlannedFile& file : files) {
      DSTACK_CHECK(make_folders((folder / file.path).parent_path()));
      DSTACK_CHECK(write_file_atomically(folder / file.path, fill(file.source), Durable::no, 0666));
    }
    for (const PlannedFile& file : files)
      context.messages.note(fmt::format("wrote {}/{}", name_, file.path));
    context.messages.note("build and try it:");
    for (const std::string& line : next_steps())
      context.out.line(fmt::format("  {}", line));
    return exit_code::success;
  }

 private:
  Result<std::vector<PlannedFile>> planned_files() const {
    if (language_ == "cpp")
      return std::vector<PlannedFile>{{name_ + ".cpp", "templates/cpp/provider.cpp"},
                                      {"manifest.json", "templates/manifest.json"},
                                      {"CMakeLists.txt", "templates/cpp/CMakeLists.txt"}};
    if (language_ == "c")
      return std::vector<PlannedFile>{{name_ + ".c", "templates/c/provider.c"},
                                      {"manifest.json", "templates/manifest.json"}};
    if (language_ == "rust")
      return std::vector<PlannedFile>{{"src/lib.rs", "templates/rust/src/lib.rs"},
                                      {"src/dstack.rs", "include/dstack/provider.rs"},
                                      {"manifest.json", "templates/manifest.json"},
                                      {"Cargo.toml", "templates/rust/Cargo.toml"}};
    return fail(ErrorCode::usage, "'--lang' takes cpp, c or rust, not '{}'", language_)
        .with_hint(
            "any other language that can build C libraries works as well: see "
            "docs/providers/writing.md");
  }

  std::string fill(std::string_view source) const {
    const auto& all = all_templates();
    const auto found = std::find_if(
        all.begin(), all.end(), [&](const Template& one) { return one.path == source; });
    std::string text(found->text);
    text = replace_all(std::move(text), "@name@", name_);
    text = replace_all(std::move(text), "@Class@", class_name(name_));
    return replace_all(std::move(text), "@crate@", crate_name(name_));
  }

  std::vector<std::string> next_steps() const {
    const std::string prefix = sdk_prefix();
    std::string build;
    std::string library = name_ + ".so";
    if (language_ == "cpp") {
      build = fmt::format(
          "cmake -B build{} && cmake --build build",
          prefix.empty() ? "" : fmt::format(" -DCMAKE_PREFIX_PATH={}", shell_quote(prefix)));
      library = "build/" + library;
    } else if (language_ == "c") {
      build =
          fmt::format("cc -shared -fPIC -fvisibility=hidden{} -o {} {}.c",
                      prefix.empty() ? "" : fmt::format(" -I{}", shell_quote(prefix + "/include")),
                      library,
                      name_);
    } else {
      build = "cargo build --release";
      library = fmt::format("target/release/lib{}.so", crate_name(name_));
    }
    return {fmt::format("cd {}", name_),
            build,
            fmt::format("dstack providers check {}", library),
            fmt::format("dstack run {} --provider-path {} --who Ada", name_, library),
            fmt::format("install -Dt {} {}", "\"${DSTACK_HOME:-$HOME/.dstack}/plugins\"", library)};
  }

  std::string name_;
  std::string language_ = "cpp";
};

}  // namespace

std::unique_ptr<Action> make_providers_new() {
  return std::make_unique<ProvidersNew>();
}

}  // namespace dstack::cli
