#include "dstack/process/tree.hpp"

#include "support/catch.hpp"

using namespace dstack::process;

namespace {

constexpr PipeId none;
constexpr PipeId first{1, 10};
constexpr PipeId second{1, 20};

using Pids = std::vector<pid_t>;

}  // namespace

TEST_CASE("a stop goes to all but those that another process of the tree feeds") {
  CHECK(to_stop({{1, none, {}}, {2, none, {first}}, {3, first, {}}}) == Pids{1, 2});
  CHECK(to_stop({{1, none, {first}}, {2, first, {second}}, {3, second, {}}}) == Pids{1});
}

TEST_CASE("what follows a reader in its input follows with it") {
  // `make | while read x; do work; done`: both have the same input.
  CHECK(to_stop({{1, none, {first}}, {2, first, {}}, {3, first, {}}}) == Pids{1});
}

TEST_CASE("a reader that nobody feeds any more is stopped, also one that keeps its own pipe open") {
  CHECK(to_stop({{1, none, {}}, {2, first, {}}}) == Pids{1, 2});
  CHECK(to_stop({{1, none, {}}, {2, first, {first}}}) == Pids{1, 2});
}

TEST_CASE("processes that feed only each other would never end, and are stopped") {
  CHECK(to_stop({{1, none, {}}, {2, first, {second}}, {3, second, {first}}}) == Pids{1, 2, 3});
}
