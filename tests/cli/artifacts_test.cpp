// Getting at what runs saved: parts of a download, and single files.
#include "support/catch.hpp"
#include "support/sandbox.hpp"
#include "words.hpp"

#include <set>

using namespace dstack;
using dstack::test::named;
using dstack::test::Sandbox;

namespace {

/// A run of two workflows; its name.
std::string make_run(const Sandbox& box) {
  box.workflows(R"(workflows:
  - name: prepare
    provider: bash
    commands:
      - mkdir -p data/deep/er data/empty
      - printf 'a,b\n' > data/table.csv
      - printf 'c\n' > data/deep/er/table.csv
      - printf 'x' > 'data/odd [1] name '
      - printf 'p' > same; cp same data/notes.txt; printf 'same' > both
      - ln -s deep/er/table.csv data/link; ln -s /etc/hosts data/out; ln -s loop data/loop
    artifacts: [data, same, both]
  - name: train
    provider: bash
    depends-on: [prepare]
    commands: ["mkdir model", "printf '\\000\\377\\n' > model/weights.bin", "chmod +x model/weights.bin", "printf t > same"]
    artifacts: [model, same, both]
)");
  box.ok({"run", "-q", "train"});
  return box.last_run();
}

/// Every file below a folder, from there.
std::set<std::string> files_below(const Path& folder) {
  std::set<std::string> files;
  for (fs::recursive_directory_iterator entry(folder), end; entry != end; ++entry)
    if (fs::is_symlink(entry->path()) || !fs::is_directory(entry->path()) ||
        fs::is_empty(entry->path()))
      files.insert(entry->path().lexically_relative(folder).string());
  return files;
}

using Files = std::set<std::string>;

}  // namespace

TEST_CASE("a download may be of some files only") {
  const Sandbox box;
  const std::string name = make_run(box);
  const auto download = [&](std::vector<std::string> words) {
    const Path to = box.root() / "to";
    REQUIRE(remove_tree(to));
    words.insert(words.begin(), {"artifacts", "download", name, "-o", to.string()});
    box.ok(words);
    return files_below(to);
  };
  CHECK(download({"*.csv"}) == Files{"prepare/data/table.csv", "prepare/data/deep/er/table.csv"});
  CHECK(download({"data/*.csv"}) == Files{"prepare/data/table.csv"});
  CHECK(download({"data/**/table.csv"}) ==
        Files{"prepare/data/table.csv", "prepare/data/deep/er/table.csv"});
  CHECK(download({"./data/deep/"}) == Files{"prepare/data/deep/er/table.csv"});
  CHECK(download({"data/empty"}) == Files{"prepare/data/empty"});
  CHECK(download({"model", "data/table.csv"}) ==
        Files{"train/model/weights.bin", "prepare/data/table.csv"});
  CHECK(download({"data/odd [1] name "}) == Files{"prepare/data/odd [1] name "});
  CHECK(download({"."}) == download({}));
  CHECK(download({"-w", "train"}) == Files{"model/weights.bin", "same", "both"});
  CHECK(download({"-w", "train", "s*"}) == Files{"same"});
  CHECK(download({"data", "!*.csv", "!data/empty", "!l*", "!out"}) ==
        Files{"prepare/data/odd [1] name ", "prepare/data/notes.txt", "prepare/data/deep/er"});
}

TEST_CASE(
    "a pattern that takes nothing is an error with the nearest name, and nothing is written") {
  const Sandbox box;
  const std::string name = make_run(box);
  const std::string to = (box.root() / "to").string();
  const auto refused = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"artifacts", "download", name, "-o", to});
    return named(box.refused(words, 2));
  };
  CHECK(refused({"*.csv", "modle/weights.bin"}) ==
        "error: 'RUN' has no file 'modle/weights.bin'\nhint: there is 'model/weights.bin'\n");
  CHECK_THAT(refused({"data/tabel.csv"}), Catch::Contains("did you mean 'data/table.csv'?"));
  CHECK_THAT(refused({"*.parquet"}),
             Catch::Contains("'dstack artifacts list RUN' lists the files"));
  CHECK_THAT(refused({"-w", "tran"}), Catch::Contains("did you mean 'train'?"));
  CHECK_FALSE(fs::exists(to));
  box.ok({"tags", "add", "v1", name});
  CHECK_THAT(box.refused({"artifacts", "download", "train:v1", "-w", "prepare", "-o", to}, 2),
             Catch::Contains("'train:v1' is of workflow 'train', and '-w' asks for 'prepare'"));
}

TEST_CASE("a file of an artifact is written to standard output byte for byte") {
  const Sandbox box;
  const std::string name = make_run(box);
  box.ok({"tags", "add", "v1", name});
  CHECK(box.ok({"artifacts", "cat", name, "model/weights.bin"}) == std::string("\0\xff\n", 3));
  CHECK(box.ok({"artifacts", "cat", "train:v1", "./model//weights.bin"}) ==
        std::string("\0\xff\n", 3));
  CHECK(box.ok({"artifacts", "cat", "prepare:v1", "data/link"}) == "c\n");
  // The same in both workflows, or in the one that is named.
  CHECK(box.ok({"artifacts", "cat", name, "both"}) == "same");
  CHECK(box.ok({"artifacts", "cat", name, "same", "-w", "train"}) == "t");
  CHECK(box.ok({"artifacts", "cat", "prepare:v1", "same"}) == "p");
}

TEST_CASE("a file that cannot be written to standard output is an error that names it") {
  const Sandbox box;
  const std::string name = make_run(box);
  const auto refused = [&](const std::string& path) {
    return named(box.refused({"artifacts", "cat", name, path}, 2));
  };
  CHECK(refused("model/weight.bin") ==
        "error: 'RUN' has no file 'model/weight.bin'\nhint: did you mean 'model/weights.bin'?\n");
  CHECK_THAT(refused("weights.bin"), Catch::Contains("there is 'model/weights.bin'"));
  CHECK(refused("model/") == "error: 'model/' is a folder\nhint: it has 'model/weights.bin'\n");
  CHECK_THAT(refused("same"),
             Catch::Contains("several workflows of 'RUN' saved 'same', each another content") &&
                 Catch::Contains("name one of 'prepare' and 'train' with '-w'"));
  CHECK_THAT(refused("data/out"), Catch::Contains("'data/out' is a link to '/etc/hosts'"));
  CHECK_THAT(refused("data/loop"), Catch::Contains("'data/loop' is a link to 'loop'"));
  CHECK_THAT(box.refused({"artifacts", "cat", "no-such-1", "x"}, 2), Catch::Contains("no-such-1"));
  CHECK_THAT(box.refused({"artifacts", "cat", name}, 2), Catch::Contains("needs PATH"));
}

TEST_CASE("a download into a file is refused, with the command for one file") {
  const Sandbox box;
  const std::string name = make_run(box);
  const Path file = box.root() / "weights.bin";
  REQUIRE(write_file_atomically(file, "mine", Durable::no));
  const std::string said =
      box.refused({"artifacts", "download", name, "model/weights.bin", "-o", file.string()}, 2);
  CHECK_THAT(said, Catch::Contains("is not a folder") && Catch::Contains("artifacts cat RUN PATH"));
  CHECK(read_file(file).value() == "mine");
}

TEST_CASE("where the code begins above the project, artifacts are also named from the project") {
  const Sandbox box;
  box.file("app/.dstack/workflows.yaml",
           "root: ..\nworkflows:\n  - {name: w, provider: bash, artifacts: [model], commands: "
           "[\"mkdir model; printf m > model/m\"]}\n");
  const std::string project = (box.project() / "app").string();
  box.ok({"--project", project, "run", "w", "-t", "v"});
  const auto cat = [&](const std::string& path) {
    return box.ok({"--project", project, "artifacts", "cat", "w:v", path});
  };
  CHECK(cat("app/model/m") == "m");
  CHECK(cat("model/m") == "m");
  // What is beside the project is named from the root of the code.
  box.file("app/.dstack/workflows.yaml",
           "root: ..\nworkflows:\n  - {name: w, provider: bash, artifacts: [top], commands: "
           "[\"echo t > ../top\"]}\n  - {name: wrong, provider: bash, artifacts: [../top], "
           "commands: [ls]}\n");
  box.ok({"--project", project, "run", "w", "-t", "v2"});
  CHECK(box.ok({"--project", project, "artifacts", "cat", "w:v2", "top"}) == "t\n");
  CHECK_THAT(box.refused({"--project", project, "run", "wrong"}, 2),
             Catch::Contains("write 'top': artifacts are looked for from the root of the code"));
  const std::string to = (box.root() / "to").string();
  box.ok({"--project", project, "artifacts", "download", "w:v", "model/*", "-o", to});
  CHECK(fs::exists(Path(to) / "app/model/m"));
}
