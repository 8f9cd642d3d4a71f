#include "ui/job_output.hpp"

#include "captured.hpp"
#include "dstack/base/text.hpp"

#include <fcntl.h>

using namespace dstack;
using dstack::test::Captured;
using dstack::ui::JobOutput;
using dstack::ui::Output;

TEST_CASE("one job alone passes through byte for byte") {
  Captured captured;
  {
    Output out(captured.plain());
    JobOutput output(out, {"train"}, JobOutput::Prefix::no);
    output.write(0, std::string_view("10%\r20%\r\xff\0\n", 11), 0);
    output.write(0, "no end", 11);
    CHECK_FALSE(output.at_line_start());
    output.finish_all();
    out.flush();
  }
  CHECK(captured.text() == std::string("10%\r20%\r\xff\0\nno end", 17));
}

TEST_CASE("lines of several jobs are never split, and have their names") {
  Captured captured;
  {
    Output out(captured.plain());
    JobOutput output(out, {"a", "long"}, JobOutput::Prefix::yes);
    output.write(0, "one", 0);
    output.write(1, "two\nthr", 0);
    output.write(0, " more\n\n", 3);
    output.write(1, "ee", 7);
    CHECK(output.has_rest(1));
    output.finish_all();
    out.flush();
  }
  CHECK(captured.text() == "long | two\na | one more\na | \nlong | three\n");
}

TEST_CASE("a line of 64 KiB stays whole, a longer one is split there") {
  const std::string whole(64 * 1024, 'x');
  const Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  ui::Stream stream;
  stream.fd = nowhere.get();
  Output out(stream);
  JobOutput output(out, {"a", "b"}, JobOutput::Prefix::yes);
  output.write(0, whole.substr(0, 30'000), 0);
  output.write(0, whole.substr(30'000), 30'000);
  CHECK(output.has_rest(0));

  SECTION("its end comes right after the limit") {
    output.write(0, "\n", whole.size());
    output.write(1, "other\n", 0);
    CHECK(output.lines_since(0) == 1);
  }
  SECTION("one more byte, which is then a line of its own") {
    output.write(0, "y", whole.size());
    output.write(1, "other\n", 0);
    CHECK(output.lines_since(0) == 1);
    output.write(0, "\n", whole.size() + 1);
    CHECK(output.lines_since(1) == 1);
  }
}

TEST_CASE("each line can begin with its time") {
  Captured captured;
  {
    Output out(captured.plain());
    std::vector<std::uint64_t> asked;
    const auto clock = [&](std::size_t, std::uint64_t offset) {
      asked.push_back(offset);
      return offset == 0 ? parse_time("2026-11-24T01:02:03Z") : std::nullopt;
    };
    JobOutput output(out, {"a"}, JobOutput::Prefix::no, JobOutput::Sequences::sanitized, clock);
    output.write(0, "x\ny", 0);
    output.write(0, "z\n", 3);
    out.flush();
    CHECK(asked == std::vector<std::uint64_t>{0, 2});
  }
  CHECK(captured.text() == "2026-11-24T01:02:03.000Z x\n------------------------ yz\n");
}

TEST_CASE("labels have an index only where a workflow has several jobs") {
  store::RunRecord run;
  store::WorkflowRecord one;
  one.name = "download";
  one.jobs = 1;
  store::WorkflowRecord two;
  two.name = "train";
  two.jobs = 2;
  run.workflows = {one, two};
  std::vector<store::JobRecord> jobs(3);
  jobs[0].workflow = 0;
  jobs[1].workflow = 1;
  jobs[2].workflow = 1;

  CHECK(ui::job_labels(run, jobs) == std::vector<std::string>{"download", "train[0]", "train[1]"});
}

TEST_CASE("the lines since a job's last output are counted") {
  Captured captured;
  Output out(captured.plain());
  JobOutput output(out, {"a", "b"}, JobOutput::Prefix::yes);
  CHECK_FALSE(output.has_written(0));
  output.write(0, "1\n", 0);
  output.write(1, "1\n2\n3\n", 0);

  CHECK(output.has_written(0));
  CHECK(output.lines_since(0) == 3);
  CHECK(output.lines_since(1) == 0);
}

TEST_CASE("a progress bar among several jobs shows its last state, and keeps its prefix") {
  Captured captured;
  auto stream = captured.terminal();
  stream.colour = false;
  {
    Output out(stream);
    JobOutput output(out, {"a", "b"}, JobOutput::Prefix::yes);
    output.write(0, "10%\r20%\r", 0);
    CHECK(output.progress(0) == "20%");
    CHECK(output.progress(1).empty());
    output.write(1, "\033[31mred", 0);
    CHECK(output.progress(1).empty());
    output.write(0, "30%\r\n", 8);
    out.flush();
  }
  CHECK(captured.text() == "a | 30%\n");
}

TEST_CASE("in a pipe a carriage return is a byte like any other") {
  Captured captured;
  {
    Output out(captured.plain());
    JobOutput output(out, {"a", "b"}, JobOutput::Prefix::yes);
    output.write(0, "10%\r20%\n", 0);
    out.flush();
  }
  CHECK(captured.text() == "a | 10%\r20%\n");
}

TEST_CASE("on a terminal a line of one job among others sets colours and does nothing else") {
  Captured captured;
  {
    Output out(captured.terminal());
    JobOutput output(out, {"a", "b"}, JobOutput::Prefix::yes);
    output.write(0, "\t\033[1;31mred\033[0m \033[2J\033[10;1Hgone\n", 0);
    output.write(0, "\033]52;c;aGk=\a \033[ \x9b \b\xe2\x80\xae gr\xc3\xbcn\n", 0);
    output.finish_all();
    out.flush();
  }
  const std::string text = captured.text();
  CHECK_THAT(text, Catch::Contains("\t\033[1;31mred\033[0m gone\n"));
  CHECK_THAT(
      text,
      Catch::Contains("\\x1b]52;c;aGk=\\x07 \\x1b[ \\x9b \\x08\\xe2\\x80\\xae gr\xc3\xbcn\n"));
}

TEST_CASE("one job alone has its colours and progress bars on a terminal, and nothing else") {
  static constexpr std::string_view printed =
      "10%\r20%\033[K\033[1;31mred\033[0m\n\033[2A\033]52;c;aGk=\a\033[>4;2m\033[6n";
  Captured captured;
  std::string expected = "10%\r20%\033[K\033[1;31mred\033[0m\n\033[2A\\x1b]52;c;aGk=\\x07";
  auto sequences = JobOutput::Sequences::sanitized;
  SECTION("unless all of it is asked for") {
    sequences = JobOutput::Sequences::raw;
    expected = printed;
  }
  SECTION("by default"){} {
    Output out(captured.terminal());
    JobOutput output(out, {"a"}, JobOutput::Prefix::no, sequences);
    for (const char& byte : printed)
      output.write(0, std::string_view(&byte, 1), 0);
    output.finish_all();
    out.flush();
  }
  CHECK(captured.text() == expected);
}
