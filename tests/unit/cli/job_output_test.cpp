#include "ui/job_output.hpp"

#include "captured.hpp"
#include "dstack/base/text.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

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

TEST_CASE("in a pipe a bar that nobody has seen is its last state") {
  Captured captured;
  std::vector<std::uint64_t> begins;
  const auto clock = [&](std::size_t, std::uint64_t offset) {
    begins.push_back(offset);
    return parse_time("2026-11-24T01:02:03Z");
  };
  const auto [printed, shown] = GENERATE(table<const char*, const char*>({
      {"10%\r20%\n", "20%\n"},
      {"\r10%\r20%\r\n", "20%\n"},
      {"10%\r20%", "20%\n"},
      {"10%\r20%\r", "20%\n"},
      {"10%\033[2K\rdone\n", "done\n"},
      {"plain\r\n", "plain\r\n"},
      {"\033[32mgreen\033[0m\n", "\033[32mgreen\033[0m\n"},
  }));
  CAPTURE(printed);
  {
    Output out(captured.plain());
    JobOutput output(
        out, {"a", "b"}, JobOutput::Prefix::yes, JobOutput::Sequences::sanitized, clock);
    output.write(0, printed, 0);
    output.finish_all();
    out.flush();
  }
  CHECK(captured.text() == fmt::format("a | 2026-11-24T01:02:03.000Z {}", shown));
  CHECK(begins ==
        std::vector{std::string_view(printed).find(std::string_view(shown).substr(0, 3))});
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

namespace {

/// The output of two jobs in a file, of which the first shows a progress bar.
struct BarInFile {
  Fd file{::memfd_create("output", MFD_CLOEXEC)};
  Output out{ui::Stream{.fd = file.get()}};
  JobOutput output{out, {"a", "b"}, JobOutput::Prefix::yes};
  std::uint64_t offset = 0;

  void write(std::string_view bytes) {
    output.write(0, bytes, offset);
    offset += bytes.size();
  }

  void states() { output.write_states(); }

  std::string text() {
    out.flush();
    std::string all(1 << 16, '\0');
    const ssize_t size = ::pread(file.get(), all.data(), all.size(), 0);
    REQUIRE(size >= 0);
    all.resize(static_cast<std::size_t>(size));
    return all;
  }
};

}  // namespace

TEST_CASE("in a pipe the newest state of a bar is a line when asked for, once for each state") {
  BarInFile bar;
  CHECK_FALSE(bar.output.has_states());
  bar.write("\r 10%");
  bar.write("\r 20%");
  CHECK(bar.output.has_states());
  bar.states();
  bar.states();
  bar.write("\r 30%\r 40%");
  bar.states();
  bar.write("\r100%\nnext\n");
  bar.states();
  CHECK_FALSE(bar.output.has_states());
  bar.output.finish_all();
  CHECK(bar.text() == "a |  20%\na |  40%\na | 100%\na | next\n");
}

TEST_CASE("a state that was shown is not repeated by the end of its line or of the job") {
  BarInFile bar;
  const std::string end = GENERATE("\n", "");
  bar.write("50%\r");
  bar.states();
  bar.write(end);
  bar.output.finish_all();
  CHECK(bar.text() == "a | 50%\n");
}

TEST_CASE("a long state is shown as it is, once") {
  BarInFile bar;
  const std::string state = "[##-----] resolving a package with a long name";
  bar.write("a first state that is about as long as the other\r" + state);
  bar.states();
  bar.states();
  bar.output.finish_all();
  CHECK(bar.text() == "a | " + state + "\n");
}

TEST_CASE("lines without a bar are not shown in part") {
  BarInFile bar;
  bar.write("working...");
  bar.states();
  bar.write("\033[1mbold");
  bar.states();
  CHECK(bar.text().empty());
  bar.write(" done\r\n");
  CHECK(bar.text() == "a | working...\033[1mbold done\r\n");
}

TEST_CASE("a state is what is left after erasing and hiding the cursor") {
  BarInFile bar;
  SECTION("erasing after the return") {
    bar.write("\033[?25l\rlong text\r\033[Kshort");
  }
  SECTION("erasing the whole line") {
    bar.write("long text\033[2K\rshort");
  }
  SECTION("moving to the first column") {
    bar.write("long text\033[1Gshort");
  }
  SECTION("in pieces that split the sequences") {
    for (const char byte : std::string_view("long text\r\033[2Kshort"))
      bar.write({&byte, 1});
  }
  bar.states();
  CHECK(bar.text() == "a | short\n");
}

TEST_CASE("half a character at the end of a state waits for its rest") {
  BarInFile bar;
  bar.write("\r50% \xe2\x96");
  bar.states();
  CHECK(bar.text() == "a | 50% \n");
  bar.write("\x88\r60%");
  bar.states();
  CHECK(bar.text() == "a | 50% \na | 60%\n");
}

TEST_CASE("a bar of several lines shows the newest state of each line") {
  BarInFile bar;
  bar.write("one 0%\ntwo 0%\n");
  CHECK(bar.text() == "a | one 0%\na | two 0%\n");
  for (int i = 1; i <= 3; ++i)
    bar.write(fmt::format("\033[2A\r\033[2Kone {0}%\n\033[2Ktwo {0}%\n", i));
  CHECK(bar.text() == "a | one 0%\na | two 0%\n");
  bar.states();
  bar.write("\033[1A\033[2Ktwo 9%\nover\n");
  bar.output.finish_all();
  CHECK(bar.text() == "a | one 0%\na | two 0%\na | one 3%\na | two 3%\na | two 9%\na | over\n");
}

TEST_CASE("a bar of several lines is drawn anew from the start of a line without a return") {
  BarInFile bar;
  bar.write("P 10\nQ 10\n");
  for (int i = 2; i <= 3; ++i)
    bar.write(fmt::format("\033[2AP {0}\nQ {0}\n", i));
  bar.states();
  bar.output.finish_all();
  CHECK(bar.text() == "a | P 10\na | Q 10\na | P 3\na | Q 3\n");
}

TEST_CASE("bars below each other, of which the cursor returns to the first") {
  BarInFile bar;
  for (int i = 0; i < 50; ++i)
    bar.write(fmt::format("\r0: {0}\n\r1: {0}\033[A", i));
  bar.states();
  bar.output.finish_all();
  CHECK(bar.text() == "a | 0: 0\na | 0: 49\na | 1: 49\n");
}

TEST_CASE("moving far up, and a bar without an end, take no more memory than a screen") {
  BarInFile bar;
  bar.write("\033[999999999A\033[5A");
  for (int i = 0; i < 1000; ++i)
    bar.write("\033[1B\033[3A\033[9999B");
  for (int i = 0; i < 20'000; ++i)
    bar.write(fmt::format("\rstep {}", i));
  bar.states();
  CHECK(bar.text() == "a | step 19999\n");
}

TEST_CASE("with all sequences as they are a bar is one line") {
  Captured captured;
  {
    Output out(captured.plain());
    JobOutput output(out, {"a", "b"}, JobOutput::Prefix::yes, JobOutput::Sequences::raw);
    output.write(0, "10%\r20%", 0);
    output.write_states();
    output.write(0, "\r30%\033[1A\n", 7);
    out.flush();
  }
  CHECK(captured.text() == "a | 10%\r20%\r30%\033[1A\n");
}

TEST_CASE("a state has the time at which it came") {
  Captured captured;
  Output out(captured.plain());
  std::vector<std::uint64_t> asked;
  const auto clock = [&](std::size_t, std::uint64_t offset) {
    asked.push_back(offset);
    return std::optional<Timestamp>();
  };
  JobOutput output(out, {"a"}, JobOutput::Prefix::no, JobOutput::Sequences::sanitized, clock);
  output.write(0, "x\n\r10%\r20%", 0);
  output.write_states();
  output.write(0, "\r30%", 10);
  output.write_states();
  CHECK(asked == std::vector<std::uint64_t>{0, 7, 11});
}

TEST_CASE("a coloured bar on a terminal is plain text below the output") {
  Captured captured;
  Output out(captured.terminal());
  JobOutput output(out, {"a", "b"}, JobOutput::Prefix::yes);
  output.write(0, "\r\033[32m 40%\033[0m\033[K", 0);
  CHECK(output.progress(0) == " 40%");
}
