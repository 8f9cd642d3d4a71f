#include "ui/output.hpp"

#include "captured.hpp"

#include <csignal>

#include <fcntl.h>

using namespace dstack;
using dstack::test::Captured;
using dstack::ui::Output;

TEST_CASE("small pieces are buffered and written in order") {
  Captured captured;
  {
    Output out(captured.plain());
    out.write("a");
    out.line("b");
    out.json(Json::array({1}));
    out.flush();
  }
  CHECK(captured.text() == "ab\n[\n  1\n]\n");
}

TEST_CASE("a closed pipe is reported once, and is not an error") {
  std::signal(SIGPIPE, SIG_IGN);
  Captured captured;
  captured.close_reader();
  Output out(captured.plain());
  int calls = 0;
  out.when_closed([&] { ++calls; });
  out.write("x");
  out.flush();
  out.write("y");
  out.flush();

  CHECK(out.closed());
  CHECK(calls == 1);
  CHECK(out.status());
}

TEST_CASE("a full disk is an error") {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (!full)
    SKIP("this machine has no /dev/full");
  ui::Stream stream;
  stream.fd = full.get();
  Output out(stream);
  out.write("x");
  out.flush();

  CHECK(out.closed());
  REQUIRE_FALSE(out.status());
  CHECK(out.status().error().message.find("No space left on device") != std::string::npos);
}

TEST_CASE("an array that is written element by element is the same text as a document") {
  for (const Json& list :
       {Json::array(),
        Json::array({1}),
        Json::array({{{"a", {1, 2}}, {"b", Json::array()}}, "two\nlines", nullptr})}) {
    Captured whole;
    Captured parts;
    {
      Output out(whole.plain());
      out.json(list);
      out.flush();
      Output streamed(parts.plain());
      dstack::ui::JsonArray array(streamed);
      for (const Json& element : list)
        array.add(element);
      array.finish();
      streamed.flush();
    }
    CHECK(parts.text() == whole.text());
  }
}
