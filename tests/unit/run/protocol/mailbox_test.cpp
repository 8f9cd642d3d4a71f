#include "dstack/run/protocol/mailbox.hpp"

#include "dstack/job/status.hpp"
#include "support/catch.hpp"

#include <poll.h>
#include <sys/resource.h>

using namespace dstack;
using namespace dstack::run;

TEST_CASE("what is posted arrives whole and in order") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path());
  auto mailbox = Mailbox::open(folder.path());
  REQUIRE(mailbox);
  CHECK_FALSE(mailbox->take());
  CHECK(post(folder.path(), "one"));
  CHECK(post(folder.path(), "two"));
  CHECK(mailbox->take() == "one");
  CHECK(mailbox->take() == "two");
}

TEST_CASE("a sender opens nothing for its last words") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path());
  auto mailbox = Mailbox::open(folder.path());
  REQUIRE(mailbox);
  const auto sender = MailboxSender::open(folder.path());
  REQUIRE(sender);
  rlimit before;
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const bool is_posted = post(folder.path(), "opens a file");
  const auto sent = sender->send("last words");
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_FALSE(is_posted);
  CHECK(sent.value_or(false));
  CHECK(mailbox->take() == "last words");
}

TEST_CASE("a mailbox works in a folder with a long path") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path());
  const Path deep = folder.path() / std::string(200, 'a') / std::string(200, 'b');
  REQUIRE(make_folders(deep));
  auto mailbox = Mailbox::open(deep);
  REQUIRE(mailbox);
  CHECK(post(deep, "hello"));
  CHECK(mailbox->take() == "hello");
}

TEST_CASE("a missing listener is reported, and a successor replaces a dead one") {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path());
  CHECK_FALSE(post(folder.path(), "x"));
  { REQUIRE(Mailbox::open(folder.path())); }
  CHECK_FALSE(post(folder.path(), "x"));
  auto successor = Mailbox::open(folder.path());
  REQUIRE(successor);
  CHECK(post(folder.path(), "y"));
  CHECK(successor->take() == "y");
}

TEST_CASE("a state says what had elapsed of the run, if that is known, behind what is older") {
  StateMessage message{7, job::Status::running, Timestamp(std::chrono::milliseconds(1234)), 2};
  const std::string older = render(message);
  message.elapsed = std::chrono::milliseconds(56);
  CHECK(render(message) == older + " 56");
  CHECK(parse_state(render(message))->elapsed == message.elapsed);
  CHECK(parse_state(older + " 56 and what a newer one says")->elapsed == message.elapsed);
}

TEST_CASE("a state survives rendering and parsing, and nothing else parses") {
  const StateMessage message{7, job::Status::preparing, Timestamp(std::chrono::milliseconds(1234))};
  const auto parsed = parse_state(render(message));
  REQUIRE(parsed);
  CHECK(parsed->job == 7);
  CHECK(parsed->status == job::Status::preparing);
  CHECK(parsed->at == message.at);
  CHECK_FALSE(parsed->elapsed);
  for (const char* text : {"", "wake", "7 nothing 1", "x running 1", "7 running"})
    CHECK_FALSE(parse_state(text));
}

TEST_CASE("a stop is sent whole: what is asked, and of which workflow") {
  for (const auto request : {job::StopRequest::stop, job::StopRequest::abort})
    for (const std::optional<std::size_t> workflow : {std::optional<std::size_t>(), {3}}) {
      const auto read = parse_stop(render(StopMessage{request, workflow}));
      REQUIRE(read);
      CHECK(read->request == request);
      CHECK(read->workflow == workflow);
    }
  CHECK_FALSE(parse_stop("stop please"));
  CHECK_FALSE(parse_stop("stop stop x"));
  CHECK_FALSE(parse_stop(wake_message));
}

TEST_CASE("a runner's trouble is sent with its words, however many") {
  using Kind = TroubleMessage::Kind;
  const TroubleMessage sent{2, 3, Kind::gives_up, "cannot write '/a b': No space left on device"};
  const auto read = parse_trouble(render(sent));
  REQUIRE(read);
  CHECK(read->job == 2);
  CHECK(read->attempt == 3);
  CHECK(read->kind == Kind::gives_up);
  CHECK(read->text == sent.text);
  const auto over = parse_trouble(render(TroubleMessage{0, 1, Kind::waits, ""}));
  REQUIRE(over);
  CHECK(over->kind == Kind::waits);
  CHECK(over->text.empty());
  CHECK_FALSE(parse_trouble("waits 1"));
  CHECK_FALSE(parse_trouble("0 running 5 1"));
  CHECK(render(TroubleMessage{0, 1, Kind::waits, std::string(100'000, 'x')}).size() < 16 * 1024);
}
