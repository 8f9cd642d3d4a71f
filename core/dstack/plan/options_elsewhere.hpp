// What to say of an option that a run does not take, but other runners do. Internal to plan/.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/plan/options.hpp"
#include "dstack/provider/manifest/manifest.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::plan {

/// An option that is not ours, as it was given.
struct ForeignOption {
  std::string name;   ///< without its dashes
  std::string value;  ///< empty: there is none
};

/// Whether a word is what follows `-v` for other runners: `/data:/data`, `./x:/x:ro`, `cache:/x`.
bool is_mount(std::string_view word);
/// The same in one word with the option: `-v/data:/data`, `-v=/data:/data`; else empty.
std::string_view attached_mount(std::string_view argument);

/// Empty where nothing is known of it. `project`: its folder.
std::string advice_on_option(const ForeignOption& given,
                             const std::vector<Option>& options,
                             const provider::Manifest& manifest,
                             const Path& project);
/// The same of one for which no provider has an option of its own.
std::string advice_on_option(std::string_view name);

/// Whether the option has no value where it is known.
bool is_flag_elsewhere(std::string_view name);

/// `ti`, `itd`: `-i`, `-t` and `-d` of other runners in one word.
bool is_terminal_flags(std::string_view name);

}  // namespace dstack::plan
