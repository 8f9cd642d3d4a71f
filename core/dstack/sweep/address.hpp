// How a combination is written: in the name of what a run has for it, in folders, and by users who
// mean one of them.
//
//   train/lr=0.1,seed=2      the name of a workflow's combination in its run
//   lr=0.1/seed=2            the folders of its artifacts
//
// Of values `%`, `/`, `,` and control characters are written as `%` and two hexadecimal digits, and
// so are the dots of `.` and `..`. What is longer than 200 bytes is a digest instead.
#pragma once

#include "dstack/sweep/combination.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace dstack::sweep {

/// `lr=0.1,seed=2`.
std::string render(const Combination& combination);
/// `lr=0.1/seed=2`.
std::string folder_of(const Combination& combination);
/// `train/lr=0.1,seed=2`; the workflow's own name where the combination is empty.
std::string name_of(std::string_view workflow, const Combination& combination);

/// The workflow of such a name: of one that is not swept, all of it.
std::string_view workflow_of(std::string_view name);
/// What follows in it: `lr=0.1,seed=2`; empty where it is not swept.
std::string_view combination_of(std::string_view name);
/// `lr=0.1/seed=2` of `lr=0.1,seed=2`.
std::string folder_of(std::string_view rendered);

/// Its parts as they are written there: keys and encoded values.
Combination parts_of(std::string_view rendered);

/// Whether a combination is meant by what a user wrote: its number within its workflow, counted
/// from 1, or `KEY=VALUE,…` with some of its keys, in any order, encoded or not. `rendered`: as
/// render() makes it.
bool is_meant(std::string_view written, std::string_view rendered, std::size_t number);

}  // namespace dstack::sweep
