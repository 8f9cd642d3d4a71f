// The entries of the audit log as a chain: each holds the digest of the line before it, and a file
// beside the log says which is the last. A value; no effect.
//
//   audit.log        one JSON object a line, in this order of members:
//                    n       number of the entry, from 1
//                    before  SHA-256 of the line before it, without its end; of the first: 64 zeros
//                    at, uid, sudo_uid, pid, job   when and by whom (Entry)
//                    action, and what belongs to it
//   audit.log.last   number and SHA-256 of the last line
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::audit {

struct Entry {
  std::uint64_t number = 0;
  Timestamp at = {};
  std::int64_t uid = 0;
  std::optional<std::int64_t> sudo_uid = {};  ///< who has called sudo
  std::int64_t pid = 0;
  std::string job = {};         ///< the run whose job has done it; empty: no job
  std::string action = {};      ///< "run", "remove", …
  Json facts = Json::object();  ///< what belongs to the action
};

/// What comes last in a log.
struct Last {
  std::uint64_t number = 0;
  std::string digest = std::string(64, '0');  ///< of the line

  bool operator==(const Last&) const = default;
};

/// The line of an entry that follows `last`, without its end; sets its number.
std::string render(Entry& entry, const Last& last);

std::string render(const Last& last);
/// Nothing where it is none.
std::optional<Last> parse_last(std::string_view text);
/// What a line is for the next one.
Last last_of(std::string_view line, std::uint64_t number);

/// What is wrong with a log, in the order of its lines: "line 7 was changed, or the one before it".
struct Reading {
  std::vector<Entry> entries;  ///< those that can be read
  std::vector<std::string> damage;
};

/// `last`: what the file beside it says; nothing where there is none.
Reading read_chain(std::string_view log, const std::optional<Last>& last);

}  // namespace dstack::audit
