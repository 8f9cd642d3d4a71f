// Converts one value of a workflow to its property's type. Keys and manifests are the matter of
// properties.cpp. Errors go into a list, so that all are found in one pass.
#pragma once

#include "dstack/provider/manifest/properties.hpp"

#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::provider {

/// Whether a `target` is not a path: `http://…` or `https://…`.
inline bool is_web_address(std::string_view target) {
  return target.starts_with("http://") || target.starts_with("https://");
}

/// For messages: a text in quotes, without its end when it is long.
std::string quoted_excerpt(std::string_view text);
/// The same of a scalar; of others what they are: "a list".
std::string describe_excerpt(const config::Value& value);

/// The folders from which a path may be meant, seen from the root of the code.
struct PathOrigins {
  std::string base;  ///< of all paths
  std::string working_dir;
};

class ValueTyper {
 public:
  /// `workflow` may be empty: then messages name the property alone. Places go into `checked`.
  ValueTyper(std::string_view workflow,
             const CallerEnvironment& caller,
             const PathOrigins& origins,
             CheckedProperties& checked,
             std::vector<Error>& errors)
      : workflow_(workflow),
        caller_(caller),
        origins_(origins),
        checked_(checked),
        errors_(errors) {}

  /// The typed value; null after an error, and for a value that is null.
  Json type(const Property& property, const config::Value& value);

  /// What `resources` may have.
  static std::vector<std::string> resource_names();

 private:
  using Element = Json (ValueTyper::*)(const std::string& name, const config::Value& value);
  using Members = std::vector<std::pair<std::string_view, Element>>;

  static const Members& resource_members();
  Json typed(const Property& property, const config::Value& value);

  Json text(const std::string& name, const config::Value& value);
  Json whole_text(const std::string& name, const config::Value& value);
  Json choice(const Property& property, const config::Value& value);
  Json path(const std::string& name, const config::Value& value);
  Json folder(const std::string& name, const config::Value& value);
  Json integer(const std::string& name,
               const config::Value& value,
               std::int64_t minimum,
               std::int64_t maximum = std::numeric_limits<std::int64_t>::max());
  Json count(const std::string& name, const config::Value& value);
  Json processes(const std::string& name, const config::Value& value);
  Json boolean(const std::string& name, const config::Value& value);
  Json size(const std::string& name, const config::Value& value);
  Json memory(const std::string& name, const config::Value& value);
  Json duration(const std::string& name, const config::Value& value);
  Json list(const std::string& name, const config::Value& value, Element element);
  Json arguments(const std::string& name, const config::Value& value);
  Json environment(const std::string& name, const config::Value& value);
  Json map(const std::string& name, const config::Value& value);
  void add_variable(Json& map,
                    std::string_view name,
                    std::string_view value,
                    const SourceLocation& where);
  void add_listed_variable(Json& map, const std::string& list, const config::Value& element);
  // typed_artifacts.cpp
  Json artifacts(const std::string& name, const config::Value& value);
  Json artifact(const std::string& name, const config::Value& value);
  Json artifact_path(const config::Value& path);
  Json resources(const std::string& name, const config::Value& value);
  Json gpu(const std::string& name, const config::Value& value);
  Json gpu_count(const std::string& name, const config::Value& value);
  // typed_requirements.cpp
  Json requirements_source(const std::string& name, const config::Value& value);
  Json names(const std::string& name, const config::Value& value);
  // typed_build.cpp
  Json build(const std::string& name, const config::Value& value);
  // typed_sandbox.cpp
  Json sandbox(const std::string& name, const config::Value& value);
  Json sandbox_level(const std::string& name, const config::Value& value);
  Json sandbox_network(const std::string& name, const config::Value& value);
  Json opened_paths(const std::string& name, const config::Value& value);
  Json opened_path(const std::string& name, const config::Value& value);
  // typed_metrics.cpp
  Json metrics(const std::string& name, const config::Value& value);
  Json metric_files(const std::string& name, const config::Value& value);
  Json metric_file(const std::string& name, const config::Value& value);
  Json log_template(const std::string& name, const config::Value& value);
  Json best_metrics(const std::string& name, const config::Value& value);
  // typed_inputs.cpp
  Json inputs(const std::string& name, const config::Value& value);
  Json input(const std::string& name, const config::Value& value);
  Json env_files(const std::string& name, const config::Value& value);
  std::string hint_of_other_place(const std::string& text) const;
  Json env_file(const std::string& name, const config::Value& value);
  Json each(const std::string& name, const config::Value& value, Element element);
  Json anywhere(const std::string& name, const config::Value& value);
  Json place_in_workspace(const std::string& name, const config::Value& value);
  bool refuse_unexpanded(const config::Value& path);
  /// For `$DSTACK_PROJECT`, which stands for no folder where nothing expands it. True: it is there,
  /// and reported.
  bool refuse_project_path(const config::Value& path);
  bool refuse_project_value(std::string_view name,
                            std::string_view value,
                            const SourceLocation& where);

  /// A path as seen from the root of the code; null with an error when it leaves it.
  Json inside(const std::string& name,
              const config::Value& value,
              std::initializer_list<std::string_view> origins);
  Json map_of_ours(const std::string& name, const config::Value& value, const Members& members);

  std::string subject(std::string_view name) const;
  Json wrong(const std::string& name,
             const config::Value& value,
             std::string_view expected,
             const std::string& hint = {});
  Json error(const SourceLocation& where, const std::string& message, const std::string& hint = {});

  std::string_view workflow_;
  const CallerEnvironment& caller_;
  const PathOrigins& origins_;
  CheckedProperties& checked_;
  std::vector<Error>& errors_;
};

/// `-` and `_` are the same in a key: "working-dir" is "working_dir".
std::string normal_key(std::string_view key);
/// A JSON value of a manifest as if it had been read from YAML, without places.
config::Value value_of(const Json& json);

}  // namespace dstack::provider
