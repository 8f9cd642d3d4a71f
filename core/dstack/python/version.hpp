// A Python version, complete ("3.10.13") or only its beginning ("3.10", "3").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::python {

/// One to three numbers; empty: any, or unknown. Vectors compare as versions do.
using Version = std::vector<int>;

/// Digits and dots only: "3.13.0rc1" and "3.13t" are refused.
std::optional<Version> parse_version(std::string_view text);
std::string render_version(const Version& version);
/// Whether `version` begins with `wanted`.
bool matches(const Version& version, const Version& wanted);
/// Whether one of them is the beginning of the other: they may be the same version.
bool may_match(const Version& known, const Version& wanted);

}  // namespace dstack::python
