// What a provider declares about itself: its manifest, read from the section `.dstack` of the
// library without loading it. The format is described in docs/providers/manifest.md.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::provider {

enum class PropertyType {
  text,     ///< a string
  path,     ///< a string: a file of the project or of an input; the host checks that it is there
  target,   ///< a path, or the address of a file on the web, which is passed as it is
  folder,   ///< a string: a folder of the project, "" for its root; not checked for being there
  integer,  ///< a whole number; `minimum` bounds it
  boolean,
  size,          ///< a size of memory or disk; reaches the provider in bytes, as an integer
  duration,      ///< reaches the provider in milliseconds, as an integer
  texts,         ///< a list of strings; one string is a list of one
  paths,         ///< a list of paths; one path is a list of one
  requirements,  ///< a list of requirement files, or of {file, extras, groups, project}; reaches
                 ///< the provider as texts (job::RequirementsSource)
  arguments,     ///< a list of strings, or one string that is split as a shell does
  environment,   ///< a map, or a list of NAME=VALUE and NAME; reaches the provider as a map
  map,           ///< a map of texts
  artifacts,     ///< a list of paths, or of {path: …}
  resources,     ///< the map of spec section 8
  build,         ///< a folder, or a map of context, dockerfile, args and target; reaches the
                 ///< provider as a map with paths from the project's root
  inputs,        ///< a list of paths, or of {path, at, link}; of the host alone
  env_files,     ///< a list of paths, or of {path, mask}; of the host alone
  sandbox,       ///< a level, or a map of level, read, write and network; of the host alone
  metrics,       ///< a list of paths, or a map of files, log and best; of the host alone
};

/// How a property is set on the command line.
struct Flag {
  std::string name;        ///< "--requirements"
  std::string short_name;  ///< "-r", or empty
  std::string value_name;  ///< "FILE", for help
  bool repeat = false;     ///< may be given several times; the values make up the list
};

struct Property {
  std::string name;  ///< with underscores: "working_dir" (`working-dir` is the same key)
  std::vector<std::string> aliases;  ///< "script" for "file"
  PropertyType type = PropertyType::text;
  bool required = false;
  Json default_value;  ///< typed as `type` says; null when there is none
  std::optional<std::int64_t> minimum;
  std::optional<std::int64_t> maximum;
  std::vector<std::string> choices;  ///< of a text: the only values; empty: any
  std::string prefix;  ///< of the host's choices: may stand before each, and case does not count
  std::string help;
  std::optional<Flag> flag;
  /// What other tools call it: a workflow with such a key is told to use this property.
  std::vector<std::string> suggest_for = {};
  std::string hint;         ///< what to write, for a value that cannot be, and a key of suggest_for
  bool secret = false;      ///< its texts are shown to nobody
  bool positional = false;  ///< taken from the arguments of `run PROVIDER`; an `arguments` property
                            ///< takes the rest
  bool common =
      false;  ///< one of the host's (spec, section 8), taken over by the manifest with one entry
  bool yields = false;  ///< newer than manifests that have a property or an option of that name:
                        ///< theirs takes its place
};

struct Manifest {
  std::string name;
  std::string version;
  std::string help;
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor = 0;  ///< the least that the host must speak
  std::vector<Property> properties;
  /// A workflow has exactly one property of each of these groups.
  std::vector<std::vector<std::string>> one_of = {};
  std::vector<std::string> examples;

  /// By name or alias; `-` and `_` are the same.
  const Property* find(std::string_view key) const;
  /// The group of `one_of` that has the property; null when none has.
  const std::vector<std::string>* group_of(std::string_view property) const;
};

/// The properties that every provider which runs code has. Theirs are the options -e, -a, --cpu, …
const std::vector<Property>& common_properties();

/// Flags of the resources map: --cpu, --memory, --gpu, --gpu-name, --gpu-memory, --shm-size, with
/// the key of each.
struct ResourceFlag {
  Flag flag;
  std::string key;  ///< "gpu.count"
  std::string help;
};

const std::vector<ResourceFlag>& resource_flags();

/// Of a manifest for another ABI only name, version and ABI are read: its properties may mean
/// anything. See `is_supported()`.
Result<Manifest> parse_manifest(std::string_view text);
bool is_supported(const Manifest& manifest);
/// "0.0": the ABI that this program speaks.
std::string abi_version();
/// The manifest inside a library. Bounded: a forged file costs neither time nor memory.
Result<Manifest> read_manifest(const Path& library);

}  // namespace dstack::provider
