#include "calling.hpp"
#include "dstack/base/fd.hpp"
#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace dstack;
using dstack::test::plan;

namespace {

const std::string good_job = R"({"argv":["true"]} )";

/// Sends a descriptor of this process elsewhere while it lives, and returns what was written to it.
class Captured {
 public:
  explicit Captured(int fd)
      : fd_(fd),
        before_(::fcntl(fd, F_DUPFD_CLOEXEC, 3)),
        file_(::memfd_create("captured", MFD_CLOEXEC)) {
    ::dup2(file_.get(), fd_);
  }

  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  ~Captured() { ::dup2(before_.get(), fd_); }

  std::string text() const {
    ::lseek(file_.get(), 0, SEEK_SET);
    return read_all(file_.get()).value();
  }

 private:
  int fd_;
  Fd before_;
  Fd file_;
};

}  // namespace

TEST_CASE("exceptions of a provider are reported with their text", "[abi]") {
  CHECK(plan("misbehaves", "throws") ==
        "provider 'misbehaves' (PATH) threw while planning workflow 'train': index 7 of 3");
  CHECK(plan("misbehaves", "throws an int") ==
        "provider 'misbehaves' (PATH) threw while planning workflow 'train': something that is "
        "not a std::exception");
  CHECK(
      plan("misbehaves", "asks for another type") ==
      "provider 'misbehaves' (PATH) threw while planning workflow 'train': 'what' is declared with "
      "another type than integer");
}

TEST_CASE("what a provider has against a workflow comes as problems, not as a fault", "[abi]") {
  CHECK(plan("misbehaves", "refuses a property") ==
        "[what: 'what' is not to be had; take another] ");
  CHECK(plan("misbehaves", "refuses the workflow") == "[: not on a Sunday; try on Monday] ");
  CHECK(plan("misbehaves", "reports two problems") ==
        "[what: the first; ] [: the second; a hint] ");
}

TEST_CASE("a crash is reported with its signal and the workflow", "[abi]") {
  CHECK(plan("misbehaves", "crashes") ==
        "provider 'misbehaves' (PATH) crashed with SIGSEGV while planning workflow 'train'");
  CHECK(plan("misbehaves", "aborts") ==
        "provider 'misbehaves' (PATH) crashed with SIGABRT while planning workflow 'train'");
}

TEST_CASE("a provider that ends the process is reported with the exit code", "[abi]") {
  CHECK(plan("misbehaves", "exits") ==
        "provider 'misbehaves' (PATH) ended the process with exit code 3 while planning workflow "
        "'train'");
  CHECK(plan("misbehaves", "exits well") ==
        "provider 'misbehaves' (PATH) ended the process with exit code 0 while planning workflow "
        "'train'");
}

TEST_CASE("a provider that hangs is given up after the deadline", "[abi]") {
  const provider::Deadlines short_calls{std::chrono::seconds(60), std::chrono::milliseconds(300)};

  CHECK(plan("misbehaves", "hangs", short_calls) ==
        "provider 'misbehaves' (PATH) did not answer within 0.3s while planning workflow 'train'");
  CHECK(plan("misbehaves", "hangs in a group of its own", short_calls) ==
        "provider 'misbehaves' (PATH) did not answer within 0.3s while planning workflow 'train'");
}

TEST_CASE("a process that a provider leaves behind ends with it", "[abi]") {
  Pipe pipe = make_pipe().value();
  const Fd before(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  ::dup2(pipe.write_end.get(), STDERR_FILENO);
  const std::string outcome = plan("misbehaves", "leaves a child that hangs");
  ::dup2(before.get(), STDERR_FILENO);
  pipe.write_end.reset();

  CHECK(outcome == good_job);
  CHECK(read_all(pipe.read_end.get())
            .value()
            .empty());  // returns once nobody holds the other end any more
}

TEST_CASE("what a provider prints goes to standard error and does no harm", "[abi]") {
  std::string outcome;
  std::string out;
  std::string err;
  {
    const Captured captured_out(STDOUT_FILENO);
    const Captured captured_err(STDERR_FILENO);
    outcome = plan("misbehaves", "prints");
    out = captured_out.text();
    err = captured_err.text();
  }

  CHECK(outcome == good_job);
  CHECK(out.empty());
  CHECK(err == "a provider that is fond of printing\n");
}

TEST_CASE("a provider that writes to descriptors that are not its own does no harm", "[abi]") {
  CHECK(plan("misbehaves", "writes to every descriptor") == good_job);
}

TEST_CASE("a provider that closes the host's descriptors is reported", "[abi]") {
  CHECK(plan("misbehaves", "closes everything") ==
        "provider 'misbehaves' (PATH) closed the descriptors of its host while planning workflow "
        "'train'");
}

TEST_CASE("jobs that cannot be run are refused with what is wrong with them", "[abi]") {
  CHECK(plan("misbehaves", "no job") ==
        "provider 'misbehaves' (PATH) returned no job for workflow 'train'");
  CHECK(
      plan("misbehaves", "no command") ==
      "provider 'misbehaves' (PATH) returned an invalid job for workflow 'train': has no command: "
      "neither 'argv' nor "
      "'commands'");
  CHECK(plan("misbehaves", "leaves the project") ==
        "provider 'misbehaves' (PATH) returned an invalid job for workflow 'train': 'artifacts' "
        "leads out "
        "of the project: "
        "'../../etc'");
  CHECK(plan("misbehaves", "invalid UTF-8") ==
        "provider 'misbehaves' (PATH) wrote a text that is not UTF-8 while planning workflow "
        "'train'");
}

TEST_CASE("a provider in C does all that one in C++ does", "[abi]") {
  CHECK(plan("misbehaves_in_c") == good_job);
}

TEST_CASE("statuses without a message, and unknown ones, are reported as they are", "[abi]") {
  CHECK(plan("misbehaves_in_c", "silent") ==
        "provider 'misbehaves_in_c' (PATH) failed while planning workflow 'train' and does not say "
        "why (status 2)");
  CHECK(plan("misbehaves_in_c", "refuses silently") ==
        "provider 'misbehaves_in_c' (PATH) failed while planning workflow 'train' and does not say "
        "why (status 1)");
  CHECK(plan("misbehaves_in_c", "unknown status") ==
        "provider 'misbehaves_in_c' (PATH) returned the unknown status 77 while planning workflow "
        "'train'");
  CHECK(plan("misbehaves_in_c", "reports bad UTF-8") ==
        "provider 'misbehaves_in_c' (PATH) failed while planning workflow 'train': caf\\xe9");
}

TEST_CASE(
    "a provider that uses the host's functions wrongly is reported, also when it does not look",
    "[abi]") {
  const std::string begin = "provider 'misbehaves_in_c' (PATH) ";
  const std::string end = " while planning workflow 'train'";
  CHECK(plan("misbehaves_in_c", "two kinds of value") ==
        begin + "wrote two kinds of value to one output" + end);
  CHECK(plan("misbehaves_in_c", "ignores a refusal") ==
        begin + "wrote a text that is not UTF-8" + end);
  CHECK(plan("misbehaves_in_c", "no text") == begin + "wrote an invalid text" + end);
  CHECK(plan("misbehaves_in_c", "nests") == begin + "nested an answer deeper than 32 levels" + end);
  CHECK(plan("misbehaves_in_c", "a job of another kind") ==
        begin + "returned an invalid job for workflow 'train': is not a map");
  CHECK(plan("misbehaves_in_c", "unknown member") ==
        begin +
            "returned an invalid job for workflow 'train': 'job' has the unknown member "
            "'artefacts', did "
            "you mean "
            "'artifacts'?");
}

TEST_CASE("of a batch the workflow that went wrong is named", "[abi]") {
  const provider::Candidate provider = test::candidate("misbehaves");
  const auto replies = provider::plan_jobs(
      provider,
      {{"first", Json::object()}, {"second", {{"what", "crashes"}}}, {"third", Json::object()}},
      {std::chrono::seconds(60), std::chrono::seconds(60)});

  CHECK(test::outcome(replies, provider.path) ==
        "provider 'misbehaves' (PATH) crashed with SIGSEGV while planning workflow 'second'");
}
