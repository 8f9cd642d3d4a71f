#include "dstack/run/protocol/env_texts.hpp"

#include "dstack/base/json.hpp"
#include "dstack/secrets/crypto.hpp"
#include "dstack/secrets/sealed_file.hpp"

namespace dstack::run {

namespace {

/// Each file is bound to its run.
std::string bound_to(const Path& file) {
  return file.filename().string();
}

}  // namespace

Result<void> write_env_texts(const files::Home& home, const Path& file, const EnvTexts& texts) {
  Json json = Json::object();
  for (const auto& [digest, text] : texts)
    json[digest] = text;
  std::string plain = render_json(json);
  const auto written = secrets::write_sealed(home.secrets(), file, bound_to(file), plain);
  secrets::wipe(plain);
  return written;
}

Result<EnvTexts> read_env_texts(const files::Home& home, const Path& file) {
  DSTACK_TRY(std::string plain, secrets::read_sealed(home.secrets(), file, bound_to(file)));
  const auto json = parse_json(plain, "the variables of a run");
  secrets::wipe(plain);
  if (!json)
    return Failure(json.error());
  EnvTexts texts;
  for (const auto& [digest, text] : json->items())
    if (text.is_string())
      texts.emplace(digest, text.get<std::string>());
  return texts;
}

}  // namespace dstack::run
