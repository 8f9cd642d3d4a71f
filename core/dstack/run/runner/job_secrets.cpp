#include "dstack/run/runner/job_secrets.hpp"

#include "dstack/config/project/secret_reference.hpp"
#include "dstack/files/home.hpp"
#include "dstack/secrets/crypto.hpp"
#include "dstack/secrets/vault.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dstack::run {

namespace {

class Filling {
 public:
  Filling(JobOrder& order, secrets::Vault vault) : order_(order), vault_(std::move(vault)) {}

  Result<void> fill(std::vector<std::string>& warnings) {
    DSTACK_CHECK(look_up(warnings));
    if (order_.spec.container) {
      put_into(order_.spec.container->username);
      put_into(order_.spec.container->password);
    }
    if (Json* hidden = order_.spec.native.is_object() && order_.spec.native.contains("secrets")
                           ? &order_.spec.native["secrets"]
                           : nullptr)
      put_into(*hidden);
    for (auto& [name, value] : order_.environment)
      if (is_secret_variable(order_, name))
        value = config::with_secrets(value, [this](const std::string& one) { return known(one); });
    return {};
  }

  JobSecrets secrets() const {
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (const auto& [name, value] : values_) {
      names.push_back(name);
      values.push_back(value);
    }
    return {secrets::Needles(values), std::move(names)};
  }

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
        return fail(ErrorCode::not_found,
                    "secret '" + name + "' has been deleted since the run began",
                    "'dstack secrets add " + name + "' adds it");
      else
        leave_out(name, warnings);
    }
    return {};
  }

  void leave_out(const std::string& name, std::vector<std::string>& warnings) {
    warnings.push_back("secret '" + name +
                       "' has been deleted since the run began; the job had no such variable");
    std::erase_if(order_.environment, [&](const auto& variable) {
      return is_secret_variable(order_, variable.first) &&
             variable.second == config::secret_reference(name);
    });
  }

  void put_into(std::string& text) const {
    text = config::with_secrets(text, [this](const std::string& name) {
      return is_named_by_files(name) ? known(name) : std::nullopt;
    });
  }

  void put_into(Json& json) const {
    if (json.is_string())
      put_into(json.get_ref<std::string&>());
    else if (json.is_structured())
      for (auto& part : json)
        put_into(part);
  }

  JobOrder& order_;
  secrets::Vault vault_;
  std::map<std::string, std::string> values_;
};

}  // namespace

Result<JobSecrets> put_secrets_in(JobOrder& order, std::vector<std::string>& warnings) {
  if (!has_secrets(order))
    return JobSecrets();
  DSTACK_TRY(auto vault, secrets::Vault::open(files::Home{order.home}.secrets()));
  Filling filling(order, std::move(vault));
  DSTACK_CHECK(filling.fill(warnings));
  return filling.secrets();
}

}  // namespace dstack::run
