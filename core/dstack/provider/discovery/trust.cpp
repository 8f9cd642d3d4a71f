#include "dstack/provider/discovery/trust.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/file_digest.hpp"
#include "dstack/base/json.hpp"
#include "dstack/trust/belief.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace dstack::provider {

namespace {

Result<Digest> hash_file(const Path& path) {
  // Not blocking: it may be a named pipe by now.
  DSTACK_TRY(const Fd file, open_source(path));
  return dstack::hash_file(file.get());
}

}  // namespace

Result<TrustedLibraries> TrustedLibraries::load(const Path& file) {
  TrustedLibraries trusted;
  trusted.file_ = file;
  if (::access(file.c_str(), F_OK) != 0)
    return trusted;
  DSTACK_CHECK(trust::believe_library(file).map_error(
      while_doing(fmt::format("reading '{}'", file.string()))));
  DSTACK_TRY(const std::string text, read_file(file));
  const auto json = parse_json(text, "'" + file.string() + "'");
  if (!json || !json->is_object())
    return fail(ErrorCode::configuration, "'{}' is damaged", file.string())
        .with_hint("remove it, and trust the providers of your projects again");
  for (const auto& [path, hash] : json->items())
    if (hash.is_string())
      trusted.hashes_[path] = hash.get<std::string>();
  return trusted;
}

Result<TrustedLibraries::Verdict> TrustedLibraries::judge(const Path& library) const {
  const auto known = hashes_.find(real_path(library).string());
  if (known == hashes_.end())
    return Verdict::unknown;
  DSTACK_TRY(const Digest digest, hash_file(library));
  return digest.render() == known->second ? Verdict::trusted : Verdict::changed;
}

Result<Digest> TrustedLibraries::add(const Path& library) {
  DSTACK_TRY(const Digest digest, hash_file(library));
  hashes_[real_path(library).string()] = digest.render();
  return digest;
}

bool TrustedLibraries::remove(const Path& library) {
  return hashes_.erase(real_path(library).string()) > 0;
}

Result<void> TrustedLibraries::save() const {
  Json json = Json::object();
  for (const auto& [path, hash] : hashes_)
    json[path] = hash;
  return write_file_atomically(file_, render_json_pretty(json) + "\n", Durable::yes, 0600);
}

}  // namespace dstack::provider
