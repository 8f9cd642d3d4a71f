#include "calling.hpp"
#include "support/catch.hpp"

using namespace dstack;
using dstack::test::plan;

TEST_CASE("a library without the entry is reported", "[abi]") {
  CHECK(plan("no_entry") == "provider 'no_entry' (PATH) has no entry 'dstack_provider_entry_v0'");
}

TEST_CASE("a library with the entry of another version is reported with the version", "[abi]") {
  CHECK(plan("entry_of_another_version") ==
        "provider 'entry_of_another_version' (PATH) is built for version 2 of the provider "
        "interface, this dstack supports 0");
}

TEST_CASE("a library that is newer than the host is refused before it is loaded", "[abi]") {
  const auto manifest = provider::read_manifest(test::bad_providers / "newer_abi.so");

  REQUIRE(manifest);
  CHECK(manifest->name == "newer");
  CHECK_FALSE(provider::is_supported(*manifest));
}

TEST_CASE("a library that is missing, or no library, cannot be loaded", "[abi]") {
  CHECK(plan("missing").find(
            "provider 'missing' (PATH) cannot be loaded: cannot open shared object file") == 0);
  provider::Candidate text = test::candidate("text");
  text.path = DSTACK_SOURCE_DIR "/CMakeLists.txt";
  CHECK(test::outcome(provider::plan_jobs(text, {{"train", Json::object()}}), text.path)
            .find("provider 'text' (PATH) cannot be loaded: ") == 0);
}

TEST_CASE("a library that lacks a function cannot be loaded, and the function is named", "[abi]") {
  const std::string message = plan("needs_what_is_not_there");

  CHECK(message.find("provider 'needs_what_is_not_there' (PATH) cannot be loaded: ") == 0);
  CHECK(message.find("dstack_test_function_of_a_missing_library") != std::string::npos);
}

TEST_CASE("a crash in a constructor of the library is reported with its signal", "[abi]") {
  CHECK(plan("crashes_when_loaded") ==
        "provider 'crashes_when_loaded' (PATH) crashed with SIGSEGV while it was loaded");
}

TEST_CASE("a library that never finishes loading is given up", "[abi]") {
  CHECK(plan("hangs_when_loaded", "", {std::chrono::milliseconds(300), std::chrono::seconds(60)}) ==
        "provider 'hangs_when_loaded' (PATH) did not answer within 0.3s while it was loaded");
}

TEST_CASE("an exception in the author's constructor is reported with its text", "[abi]") {
  CHECK(plan("throws_when_made") ==
        "provider 'throws_when_made' (PATH) threw while it was set up: no licence found");
}

TEST_CASE("an exception that leaves the entry is caught by the host", "[abi]") {
  CHECK(plan("throws_in_entry") ==
        "provider 'throws_in_entry' (PATH) threw while it was set up: from the entry");
}

TEST_CASE("an entry that fails without a message is reported with its status", "[abi]") {
  CHECK(
      plan("silent_entry") ==
      "provider 'silent_entry' (PATH) failed while it was set up and does not say why (status 2)");
}

TEST_CASE("tables of functions that cannot be used are refused by what they lack", "[abi]") {
  CHECK(plan("no_table") == "provider 'no_table' (PATH) returned no function table");
  CHECK(plan("table_without_plan") ==
        "provider 'table_without_plan' (PATH) returned a function table without 'plan'");
  CHECK(plan("short_table") ==
        "provider 'short_table' (PATH) returned a function table without 'plan'");
  CHECK(plan("reserved_in_use") ==
        "provider 'reserved_in_use' (PATH) returned a function table whose 'reserved' is not 0");
}

TEST_CASE("a refused candidate is not even started", "[abi]") {
  provider::Candidate refused = test::candidate("misbehaves");
  refused.status = provider::CandidateStatus::refused;
  refused.reason = "it is not a shared library";

  const auto replies = provider::plan_jobs(refused, {{"train", Json::object()}});

  CHECK(test::outcome(replies, refused.path) ==
        "provider 'misbehaves' (PATH) cannot be used: it is not a shared library");
}
