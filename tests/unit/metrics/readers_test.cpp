// What is read of files in which programs write metrics, as they are written piece by piece.
#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"
#include "dstack/metrics/followed_file.hpp"
#include "dstack/metrics/json_rows.hpp"
#include "dstack/metrics/log_template.hpp"
#include "dstack/metrics/tensorboard.hpp"
#include "support/catch.hpp"

#include <cmath>

#include <fcntl.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::metrics;
using Found = FollowedFile::Found;

namespace {

/// "loss=0.5 acc=1 @3 | …": the rows in one line.
std::string render(const std::vector<Row>& rows) {
  std::vector<std::string> texts;
  for (const Row& row : rows) {
    std::vector<std::string> parts;
    for (const auto& [name, value] : row.values)
      parts.push_back(fmt::format("{}={}", name, value));
    if (row.step)
      parts.push_back(fmt::format("@{}", *row.step));
    texts.push_back(join(parts, " "));
  }
  return join(texts, " | ");
}

class Written {
 public:
  explicit Written(const std::string& name, Found found = Found::by_name)
      : path_(folder_.path() / "file"), followed_(name, found) {}

  void append(const std::string& text) const {
    const auto file = open_file(path_.string(), O_WRONLY | O_CREAT | O_APPEND);
    REQUIRE(file);
    REQUIRE(write_all(file->get(), text));
  }

  /// The same file with another content.
  void overwrite(const std::string& text) const {
    REQUIRE(::truncate(path_.c_str(), 0) == 0);
    append(text);
  }

  /// Another file of the name.
  void replace(const std::string& text) const {
    REQUIRE(write_file_atomically(path_, text, Durable::no));
  }

  std::string look(bool ended = false) {
    const auto file = open_file(path_.string(), O_RDONLY);
    REQUIRE(file);
    std::vector<Row> rows;
    warnings.clear();
    for (;;) {
      auto found = followed_.look(file->get(), ended);
      rows.insert(rows.end(), found.rows.begin(), found.rows.end());
      warnings.insert(warnings.end(), found.warnings.begin(), found.warnings.end());
      if (!found.has_more)
        return render(rows);
    }
  }

  std::vector<std::string> warnings;

 private:
  TemporaryFolder folder_ = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-metrics-");
  Path path_;
  FollowedFile followed_;
};

using Warnings = std::vector<std::string>;

}  // namespace

TEST_CASE("JSON lines are read as they come, an unfinished one later") {
  Written file("log.jsonl");
  file.append("{\"step\": 1, \"loss\": 0.5, \"name\": \"x\", \"ok\": true}\n{\"step\": 2, \"lo");
  CHECK(file.look() == "loss=0.5 @1");
  CHECK(file.look().empty());
  file.append("ss\": NaN, \"eval\": {\"acc\": -Infinity, \"n\": [1, 2]}}\n\n[3]\noops\n");
  CHECK(file.look() == "loss=nan eval.acc=-inf eval.n=2 @2");
  CHECK(file.warnings == Warnings{"log.jsonl:4: the line is no JSON object",
                                  "log.jsonl:5: the line is no JSON object"});
  file.append("{\"epoch\": 3, \"loss\": \"NaN\"}");
  CHECK(file.look().empty());
  CHECK(file.look(true) == "loss=nan @3");
}

TEST_CASE("a file of JSON lines that is written anew is read from its beginning") {
  Written file("log.jsonl");
  file.append("{\"loss\": 1}\n{\"loss\": 2}\n");
  CHECK(file.look() == "loss=1 | loss=2");
  SECTION("shorter") {
    file.overwrite("{\"loss\": 3}\n");
    CHECK(file.look() == "loss=3");
  }
  SECTION("longer") {
    file.replace("{\"loss\": 4}\n{\"loss\": 5}\n{\"loss\": 6}\n");
    CHECK(file.look() == "loss=4 | loss=5 | loss=6");
  }
  SECTION("another file that goes on") {
    file.replace("{\"loss\": 1}\n{\"loss\": 2}\n{\"loss\": 3}\n");
    CHECK(file.look() == "loss=3");
  }
}

TEST_CASE("one value of JSON is read each time it changes") {
  Written file("metrics.json");
  file.append("{\n  \"acc\": 0.5,\n  \"by_class\": {\"a\": 1");
  CHECK(file.look().empty());
  CHECK(file.warnings.empty());
  file.replace("{\n  \"acc\": 0.5,\n  \"by_class\": {\"a\": 1}\n}\n");
  CHECK(file.look() == "acc=0.5 by_class.a=1");
  file.replace("{\n  \"acc\": 0.5,\n  \"by_class\": {\"a\": 1}\n}\n\n");
  CHECK(file.look().empty());
  file.replace("{\n  \"acc\": 0.75\n}");
  CHECK(file.look() == "acc=0.75");
  file.replace("{\n  \"acc\": 0.75");
  CHECK(file.look(true).empty());
  REQUIRE(file.warnings.size() == 1);
  CHECK(file.warnings[0].starts_with("metrics.json: it is not JSON"));
}

TEST_CASE("the state of a transformers trainer has its history") {
  Written file("out/checkpoint-2/trainer_state.json", Found::in_folder);
  file.append(
      "{\n \"global_step\": 2, \"epoch\": 1.0, \"best_metric\": 7,\n \"log_history\": [\n"
      "  {\"epoch\": 0.5, \"loss\": 3.5, \"step\": 1},\n  {\"epoch\": 1.0, \"loss\": 2.5, "
      "\"step\": 2},\n"
      "  {\"epoch\": 1.0, \"eval_loss\": 2.0, \"step\": 2}\n ]\n}\n");
  CHECK(file.look() == "epoch=0.5 loss=3.5 @1 | epoch=1 loss=2.5 @2 | epoch=1 eval_loss=2 @2");
  CHECK(file.look().empty());
}

TEST_CASE("CSV with a header is read, whoever writes it") {
  Written file("log.csv");
  SECTION("Lightning, which writes all anew when a column is added") {
    file.append("epoch,step,train_loss\n0,9,0.5\n0,19,0.25\n");
    CHECK(file.look() == "epoch=0 train_loss=0.5 @9 | epoch=0 train_loss=0.25 @19");
    file.overwrite(
        "epoch,step,train_loss,val_acc\n0,9,0.5,\n0,19,0.25,\n0,19,,0.75\n1,29,0.125,\n");
    CHECK(file.look() == "epoch=0 val_acc=0.75 @19 | epoch=1 train_loss=0.125 @29");
  }
  SECTION("Keras, which appends a second header, and NA for what is missing") {
    file.append("epoch,accuracy,loss\n0,0.5,nan\n1,NA,0.25\nepoch,accuracy,loss\n2,1,\"[1, 2]\"\n");
    CHECK(file.look() == "accuracy=0.5 loss=nan @0 | loss=0.25 @1 | accuracy=1 @2");
  }
  SECTION("Ultralytics, with blanks around names and numbers") {
    file.append(
        "                  epoch,         train/box_loss,   metrics/mAP50(B)\r\n"
        "                      1,                 1.5e-1,               0.25\r\n");
    CHECK(file.look() == "train/box_loss=0.15 metrics/mAP50(B)=0.25 @1");
  }
  SECTION("lines that are wrong") {
    file.append("epoch,loss\n1,2,3\n2,\"5\n3,0.5\n");
    CHECK(file.look() == "loss=0.5 @3");
    CHECK(file.warnings == Warnings{"log.csv:2: 3 fields, but its header has 2",
                                    "log.csv:3: a quote is not closed"});
  }
}

TEST_CASE("what holds no metrics is said of a named file, and left alone in a folder") {
  const std::string text = "learning rate 0.1\nnothing else\n";
  Written named("notes.txt");
  named.append(text);
  CHECK(named.look().empty());
  REQUIRE(named.warnings.size() == 1);
  CHECK(named.warnings[0].starts_with("notes.txt: no metrics are found in it"));
  Written found("data/table.csv", Found::in_folder);
  found.append("price,weight\n1,2\n");
  CHECK(found.look(true).empty());
  CHECK(found.warnings.empty());
  CHECK(may_hold_metrics("logs/version_0/metrics.csv"));
  CHECK(may_hold_metrics("events.out.tfevents.1700000000.host.1.0"));
  CHECK(may_hold_metrics("mlruns/0/0123/metrics/loss"));
  CHECK_FALSE(may_hold_metrics("model/config.json"));
}

TEST_CASE("a line without end is left out, and said once") {
  Written file("log.jsonl", Found::reported);
  file.append(std::string((5 << 20) + 3, 'x') + "\n{\"loss\": 1}\n");
  CHECK(file.look() == "loss=1");
  REQUIRE(file.warnings.size() == 1);
  CHECK(file.warnings[0].starts_with("log.jsonl:1: a line of more than"));
}

TEST_CASE("a metric of MLflow's folder has its name from its path") {
  Written file("mlruns/0/0123/metrics/eval/loss", Found::in_folder);
  file.append("1700000000000 0.5 1\n1700000001000 nan 2\n1700000002000 0.25\nbad\n");
  CHECK(file.look() == "eval/loss=0.5 @1 | eval/loss=nan @2 | eval/loss=0.25");
  CHECK(file.warnings ==
        Warnings{"mlruns/0/0123/metrics/eval/loss:4: it is not a point of MLflow: a time, a value "
                 "and a step"});
}

TEST_CASE("a template finds the numbers in a line of output") {
  const LogTemplate loss("epoch {epoch} loss {loss}");
  const auto found = [&](std::string_view line) {
    const auto row = loss.match(line);
    return row ? render({*row}) : "nothing";
  };
  CHECK(found("epoch 3 loss 0.25") == "loss=0.25 @3");
  CHECK(found("[12:00]  epoch   3   loss  1e-3, more") == "loss=0.001 @3");
  CHECK(found("epoch x epoch 4 loss nan") == "loss=nan @4");
  CHECK(found("epoch 4 loss -inf") == "loss=-inf @4");
  CHECK(found("epoch 4 loss information") == "nothing");
  CHECK(found("epoch 4") == "nothing");
  const auto percent = LogTemplate("{it}/100 acc={acc}%").match("7/100 acc=93.5%");
  REQUIRE(percent);
  CHECK(render({*percent}) == "it=7 acc=93.5");
  CHECK_FALSE(LogTemplate("acc={acc}%").match("acc=93.5"));
}

TEST_CASE("a time that was reported is taken from what can be one") {
  const auto row =
      row_of(*parse_with_nan(R"({"_step": 4, "_timestamp": 1700000000.5, "time": 3})"));
  REQUIRE(row.time);
  CHECK(row.time->time_since_epoch().count() == 1'700'000'000'500);
  CHECK(render({row}) == "time=3 @4");
}

namespace {

std::string written_by(const std::string& library) {
  return read_file(Path(DSTACK_SOURCE_DIR) / "tests/unit/metrics/written" / (library + ".tfevents"))
      .value();
}

/// As written/make.py says.
std::string written_rows() {
  std::string text;
  for (int i = 0; i < 5; ++i)
    text += fmt::format("{}train/loss={} @{} | acc={} @{}",
                        i == 0 ? "" : " | ",
                        static_cast<double>(1.0F / static_cast<float>(i + 1)),
                        10 * i,
                        i == 1 ? "nan" : fmt::format("{}", i / 4.0),
                        10 * i);
  return text;
}

}  // namespace

TEST_CASE("TensorBoard's events are read, as its libraries write them") {
  for (const char* library : {"tensorboard", "tensorboardx"}) {
    INFO(library);
    Written file("runs/events.out.tfevents.1", Found::in_folder);
    file.append(written_by(library));
    CHECK(file.look() == written_rows());
    CHECK(file.warnings.empty());
  }
  CHECK(read_events(written_by("tensorboard")).rows.at(2).time->time_since_epoch().count() ==
        1'700'000'010'250);
}

TEST_CASE("the end of a file of events may be missing, and comes later") {
  const std::string bytes = written_by("tensorboard");
  for (std::size_t cut = 1; cut < bytes.size(); cut += 7) {
    Written file("events.out.tfevents.1", Found::in_folder);
    file.append(bytes.substr(0, cut));
    std::string read = file.look();
    CHECK(file.warnings.empty());
    file.append(bytes.substr(cut));
    const std::string rest = file.look();
    read += (read.empty() || rest.empty() ? "" : " | ") + rest;
    CHECK(read == written_rows());
  }
}

TEST_CASE("a file of events that is damaged is read up to there") {
  std::string bytes = written_by("tensorboard");
  bytes[bytes.size() - 10] ^= 1;
  Written file("events.out.tfevents.1", Found::in_folder);
  file.append(bytes);
  const std::string read = file.look();
  CHECK(written_rows().starts_with(read + " | "));
  REQUIRE(file.warnings.size() == 1);
  CHECK(file.warnings[0].find("damaged from byte") != std::string::npos);
}
