#include "dstack/job/secret_findings.hpp"

namespace dstack::job {

Json render_findings(const SecretFindings& exposure) {
  if (exposure.count == 0)
    return {};
  Json files = Json::array();
  for (const FileWithSecrets& file : exposure.files) {
    Json& entry = files.emplace_back(Json{{"path", file.path}, {"secrets", file.secrets}});
    if (file.number)
      entry["number"] = *file.number;
  }
  return {{"count", exposure.count}, {"files", std::move(files)}};
}

SecretFindings parse_findings(const Json& json) {
  SecretFindings exposure;
  if (!json.is_object())
    return exposure;
  exposure.count = static_cast<std::uint64_t>(json_integer(json, "count"));
  if (const Json* files = json_member(json, "files"); files != nullptr && files->is_array())
    for (const Json& file : *files) {
      exposure.files.push_back({json_string(file, "path"), json_strings(file, "secrets")});
      if (json_member(file, "number") != nullptr)
        exposure.files.back().number = static_cast<std::uint64_t>(json_integer(file, "number"));
    }
  return exposure;
}

}  // namespace dstack::job
