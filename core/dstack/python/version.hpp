// A Python version, whole ("3.10.13") or only its beginning ("3.10", "3").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::python {

/// One to three numbers; empty means: any, or not known. The order of vectors is the order of
/// versions.
using Version = std::vector<int>;

/// Digits and dots alone: "3.13.0rc1" and "3.13t" are none.
std::optional<Version> parse_version(std::string_view text);
std::string render_version(const Version& version);
/// Whether `version` begins with `wanted`.
bool matches(const Version& version, const Version& wanted);
/// Whether one of them is the beginning of the other: what is known so far does not speak against
/// it.
bool may_match(const Version& known, const Version& wanted);

}  // namespace dstack::python
