#include "dstack/run/runner/job_secrets.hpp"

#include "dstack/config/project/secret_reference.hpp"
#include "dstack/files/home.hpp"
#include "dstack/run/runner/job_env_files.hpp"
#include "dstack/secrets/crypto.hpp"
#include "dstack/secrets/vault.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace dstack::run {

namespace {

class SecretResolver {
 public:
  SecretResolver(JobOrder& order, secrets::Vault vault) : order_(order), vault_(std::move(vault)) {}

  Result<void> resolve(std::vector<std::string>& warnings) {
    DSTACK_CHECK(look_up(warnings));
    if (order_.spec.container) {
      resolve_in(order_.spec.container->username);
      resolve_in(order_.spec.container->password);
    }
    if (order_.spec.python)
      for (std::string& address : order_.spec.python->index)
        resolve_in(address);
    if (Json* hidden = order_.spec.native.is_object() && order_.spec.native.contains("secrets")
                           ? &order_.spec.native["secrets"]
                           : nullptr)
      resolve_in(*hidden);
    for (auto& [name, value] : order_.environment)
      if (is_secret_variable(order_, name))
        value = config::with_secrets(value, [this](const std::string& one) { return known(one); });
    return {};
  }

  /// By name.
  std::map<std::string, std::string>& values() { return values_; }

 private:
  bool is_named_by_files(const std::string& name) const {
    return std::find(order_.secrets.begin(), order_.secrets.end(), name) != order_.secrets.end();
  }

  std::optional<std::string> known(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional(found->second);
  }

  Result<void> look_up(std::vector<std::string>& warnings) {
    std::set<std::string> names(order_.secrets.begin(), order_.secrets.end());
    for (const auto& [variable, value] : order_.environment)
      if (is_secret_variable(order_, variable))
        for (std::string& name : config::secrets_in(value))
          names.insert(std::move(name));
    for (const std::string& name : names) {
      DSTACK_TRY(auto value, vault_.find(order_.project, name));
      if (value)
        values_.emplace(name, *std::move(value));
      else if (is_named_by_files(name))
        return fail(ErrorCode::not_found, "secret '{}' has been deleted since the run began", name)
            .with_hint("'dstack secrets add {}' adds it", name);
      else
        omit(name, warnings);
    }
    return {};
  }

  void omit(const std::string& name, std::vector<std::string>& warnings) {
    warnings.push_back(fmt::format(
        "secret '{}' has been deleted since the run began; the job had no such variable", name));
    std::erase_if(order_.environment, [&](const auto& variable) {
      return is_secret_variable(order_, variable.first) &&
             variable.second == config::secret_reference(name);
    });
  }

  void resolve_in(std::string& text) const {
    text = config::with_secrets(text, [this](const std::string& name) {
      return is_named_by_files(name) ? known(name) : std::nullopt;
    });
  }

  void resolve_in(Json& json) const {
    if (json.is_string())
      resolve_in(json.get_ref<std::string&>());
    else if (json.is_structured())
      for (auto& part : json)
        resolve_in(part);
  }

  JobOrder& order_;
  secrets::Vault vault_;
  std::map<std::string, std::string> values_;
};

}  // namespace

Result<JobSecrets> resolve_secrets(JobOrder& order, std::vector<std::string>& warnings) {
  std::vector<std::pair<std::string, std::string>> hidden;
  if (!order.secrets.empty() || !order.secret_variables.empty()) {
    DSTACK_TRY(auto vault, secrets::Vault::open(files::Home{order.home}.secrets()));
    SecretResolver resolver(order, std::move(vault));
    DSTACK_CHECK(resolver.resolve(warnings));
    hidden.assign(resolver.values().begin(), resolver.values().end());
  }
  if (!order.env_files.empty()) {
    DSTACK_TRY(auto masked, take_env_files(order));
    std::move(masked.begin(), masked.end(), std::back_inserter(hidden));
  }
  std::vector<std::string> names;
  std::vector<std::string> values;
  for (auto& [name, value] : hidden) {
    names.push_back(std::move(name));
    values.push_back(std::move(value));
  }
  secrets::Needles needles(values);
  return JobSecrets{std::move(needles), std::move(names), std::move(values)};
}

}  // namespace dstack::run
