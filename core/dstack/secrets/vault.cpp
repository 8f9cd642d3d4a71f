#include "dstack/secrets/vault.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/json.hpp"
#include "dstack/base/text.hpp"
#include "dstack/secrets/crypto.hpp"
#include "dstack/secrets/key.hpp"
#include "dstack/trust/belief.hpp"

#include <algorithm>
#include <functional>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::secrets {

namespace {

constexpr int format = 1;
constexpr std::string_view seal_mark = "seal ";

Path vault_file(const Path& folder) {
  return folder / "vault";
}

KeyBytes value_key(const Key& key) {
  return derive_key(key.bytes, "values");
}

KeyBytes seal_key(const Key& key) {
  return derive_key(key.bytes, "seal");
}

/// What a sealed value belongs to: no two have the same.
std::string bound_to(const std::string& key_id, const SecretName& name) {
  return render_json(Json::array(
      {format, key_id, name.project, name.name, name.changed.time_since_epoch().count()}));
}

std::string quoted(const SecretName& name) {
  return fmt::format("'{}'{}",
                     printable(name.name),
                     name.project.empty()
                         ? std::string(" of the user")
                         : fmt::format(" of project '{}'", printable(name.project)));
}

Failure damaged(const Path& folder, const std::string& what) {
  return fail(ErrorCode::unavailable,
              "the vault '{}' is damaged: {}",
              vault_file(folder).string(),
              what)
      .with_hint(
          "nothing was changed; restore the folder '{}' from a backup, or move it away and add the "
          "secrets again",
          folder.string());
}

/// The content of the file, before it is verified.
struct Contents {
  std::string body;  ///< the JSON as it is there
  std::string seal;
  std::string key_id;
  std::vector<SecretName> names;
  std::vector<std::string> sealed;
};

Result<Contents> parse(const Path& folder, const std::string& text) {
  Contents contents;
  const std::size_t line = text.find('\n');
  if (line == std::string::npos || text.compare(line + 1, seal_mark.size(), seal_mark) != 0 ||
      text.back() != '\n')
    return damaged(folder, "it is truncated");
  contents.body = text.substr(0, line);
  contents.seal = text.substr(line + 1 + seal_mark.size());
  contents.seal.pop_back();
  const auto json = parse_json(contents.body, "the vault");
  if (!json || json_integer(*json, "format") == 0)
    return damaged(folder, "it is malformed");
  if (json_integer(*json, "format") != format)
    return fail(ErrorCode::unavailable,
                "the vault '{}' was written by a newer dstack",
                vault_file(folder).string())
        .with_hint("use that one");
  contents.key_id = json_string(*json, "key");
  const Json* list = json_member(*json, "secrets");
  if (!is_name(contents.key_id) || list == nullptr || !list->is_array())
    return damaged(folder, "it is malformed");
  for (const Json& entry : *list) {
    contents.names.push_back(
        {json_string(entry, "project"),
         json_string(entry, "name"),
         Timestamp(std::chrono::milliseconds(json_integer(entry, "changed")))});
    contents.sealed.push_back(from_hex(json_string(entry, "sealed")).value_or(""));
  }
  return contents;
}

/// The first secret that cannot be opened is the one to name.
std::string whose_damage(const Contents& contents, const Key& key) {
  const KeyBytes values = value_key(key);
  for (std::size_t i = 0; i < contents.names.size(); ++i) {
    auto value =
        secrets::open(contents.sealed[i], bound_to(contents.key_id, contents.names[i]), values);
    if (!value)
      return fmt::format("secret {} was altered", quoted(contents.names[i]));
    wipe(*value);
  }
  return "its seal does not match its content";
}

Result<Key> key_of(const Path& folder, const std::string& id) {
  auto key = read_key(folder, id);
  if (!key && key.error().code == ErrorCode::not_found)
    return fail(ErrorCode::unavailable,
                "the key of the secrets is missing: '{}'",
                key_file(folder, id).string())
        .with_hint("restore the file from a backup; without it the secrets cannot be read");
  return key;
}

Failure missing(const Path& folder) {
  return fail(ErrorCode::unavailable,
              "the vault '{}' is missing, but its key exists",
              vault_file(folder).string())
      .with_hint(
          "nothing was changed; restore the file from a backup, or move the folder '{}' away and "
          "add the secrets again",
          folder.string());
}

/// Nothing: there is no vault.
Result<std::optional<std::string>> read_vault(const Path& folder) {
  for (const Path& path : {folder, vault_file(folder)})
    if (auto checked = check_private(path); !checked) {
      if (checked.error().code == ErrorCode::not_found)
        return std::optional<std::string>();
      return Failure(std::move(checked).error());
    }
  DSTACK_CHECK(trust::believe(
      fmt::format("the vault '{}'", folder.string()), folder, trust::Kind::folder, folder));
  DSTACK_TRY(const Fd file, open_file(vault_file(folder).string(), O_RDONLY | O_NOFOLLOW));
  DSTACK_TRY(std::string text, read_all(file.get()));
  return std::optional(std::move(text));
}

/// A vault is there before its key (`Change::key`), so a key alone has lost its vault. Another
/// process may make both between the two reads.
Result<std::optional<std::string>> read_vault_of_keys(const Path& folder) {
  DSTACK_TRY(auto text, read_vault(folder));
  if (text || !has_keys(folder))
    return text;
  DSTACK_TRY(text, read_vault(folder));
  if (!text)
    return missing(folder);
  return text;
}

/// A rotation may put another key in the place of ours between the two reads.
Result<std::optional<Contents>> read_contents(const Path& folder) {
  DSTACK_CHECK(start_crypto());
  for (std::string last_key;;) {
    DSTACK_TRY(const auto text, read_vault_of_keys(folder));
    if (!text)
      return std::optional<Contents>();
    DSTACK_TRY(Contents contents, parse(folder, *text));
    const auto key = key_of(folder, contents.key_id);
    if (!key) {
      // Its first key was never written, or is just being written.
      if (contents.names.empty() && !has_keys(folder))
        return std::optional<Contents>();
      if (contents.key_id == last_key)
        return Failure(key.error());
      last_key = contents.key_id;
      continue;
    }
    if (!same(contents.seal, sign(contents.body, seal_key(*key))))
      return damaged(folder, whose_damage(contents, *key));
    return std::optional(std::move(contents));
  }
}

bool comes_before(const SecretName& a, const SecretName& b) {
  return a.project != b.project ? a.project < b.project : a.name < b.name;
}

}  // namespace

std::string why_no_value(std::string_view value) {
  if (value.empty())
    return "it is empty";
  if (trim(value).empty())
    return "it has only blanks";
  if (value.size() > longest_value)
    return fmt::format("it has more than {} bytes", longest_value);
  if (value.find('\0') != std::string_view::npos)
    return "it contains a NUL byte, which an environment variable cannot hold";
  if (find_invalid_utf8(value))
    return "it is not UTF-8; encode binary data with base64";
  return {};
}

Result<Vault> Vault::open(const Path& folder) {
  Vault vault;
  vault.folder_ = folder;
  DSTACK_TRY(auto contents, read_contents(folder));
  if (contents) {
    vault.key_id_ = std::move(contents->key_id);
    vault.names_ = std::move(contents->names);
    vault.sealed_ = std::move(contents->sealed);
  }
  return vault;
}

std::vector<SecretName> Vault::names_for(std::string_view project) const {
  std::vector<SecretName> found;
  for (const SecretName& name : names_)
    if (name.project == project)
      found.push_back(name);
  const auto own = static_cast<std::ptrdiff_t>(found.size());
  for (const SecretName& name : names_)
    if (name.project.empty() && !project.empty() &&
        std::none_of(found.begin(), found.begin() + own, [&](const SecretName& other) {
          return other.name == name.name;
        }))
      found.push_back(name);
  std::sort(found.begin(), found.end(), [](const SecretName& a, const SecretName& b) {
    return a.name < b.name;
  });
  return found;
}

Result<std::optional<std::string>> Vault::find(std::string_view project,
                                               std::string_view name) const {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (names_[i].name == name &&
        (names_[i].project == project || (names_[i].project.empty() && !found)))
      found = i;
  if (!found)
    return std::optional<std::string>();
  const auto key = key_of(folder_, key_id_);
  if (!key) {
    // The key was rotated since: the new vault has the value, or it is gone.
    DSTACK_TRY(const Vault newer, open(folder_));
    return newer.key_id_ == key_id_ ? Failure(key.error()) : newer.find(project, name);
  }
  auto value = secrets::open(sealed_[*found], bound_to(key_id_, names_[*found]), value_key(*key));
  if (!value)
    return damaged(folder_, fmt::format("secret {} was altered", quoted(names_[*found])));
  return value;
}

/// One change of a vault: exclusive, from the present content to the new one.
class Change {
 public:
  static Result<Change> begin(const Path& folder) {
    Change change;
    DSTACK_CHECK(start_crypto());
    DSTACK_CHECK(make_private_folder(folder));
    DSTACK_TRY(change.lock_, open_file((folder / "lock").string(), O_RDWR | O_CREAT, 0600));
    DSTACK_CHECK(lock_exclusive(change.lock_.get(), Wait::yes));
    DSTACK_TRY(change.vault_, Vault::open(folder));
    return change;
  }

  Vault& vault() { return vault_; }

  std::optional<std::size_t> index_of(const std::string& project, const std::string& name) const {
    for (std::size_t i = 0; i < vault_.names_.size(); ++i)
      if (vault_.names_[i].project == project && vault_.names_[i].name == name)
        return i;
    return std::nullopt;
  }

  /// A first key gets an empty vault before it is written: from then on, a key without a vault is a
  /// loss, and is noticed.
  Result<Key> key() {
    if (!vault_.key_id_.empty())
      return key_of(vault_.folder_, vault_.key_id_);
    Key made = new_key();
    DSTACK_CHECK(commit(made));
    DSTACK_CHECK(write_key(vault_.folder_, made));
    vault_.key_id_ = made.id;
    return made;
  }

  void set(const SecretName& name, std::string_view value, const Key& key) {
    if (const auto old = index_of(name.project, name.name))
      erase(*old);
    const auto at =
        std::lower_bound(vault_.names_.begin(), vault_.names_.end(), name, comes_before);
    const auto index = at - vault_.names_.begin();
    vault_.names_.insert(at, name);
    vault_.sealed_.insert(vault_.sealed_.begin() + index,
                          seal(value, bound_to(key.id, name), value_key(key)));
  }

  void erase(std::size_t index) {
    vault_.names_.erase(vault_.names_.begin() + static_cast<std::ptrdiff_t>(index));
    vault_.sealed_.erase(vault_.sealed_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  /// Everything under another key, in this object alone.
  Result<void> seal_anew(const Key& from, const Key& to) {
    for (std::size_t i = 0; i < vault_.names_.size(); ++i) {
      auto value =
          secrets::open(vault_.sealed_[i], bound_to(from.id, vault_.names_[i]), value_key(from));
      if (!value)
        return damaged(vault_.folder_,
                       fmt::format("secret {} was altered", quoted(vault_.names_[i])));
      vault_.sealed_[i] = seal(*value, bound_to(to.id, vault_.names_[i]), value_key(to));
      wipe(*value);
    }
    vault_.key_id_ = to.id;
    return {};
  }

  /// The one step in which a change happens.
  Result<void> commit(const Key& key) {
    Json list = Json::array();
    for (std::size_t i = 0; i < vault_.names_.size(); ++i)
      list.push_back({{"project", vault_.names_[i].project},
                      {"name", vault_.names_[i].name},
                      {"changed", vault_.names_[i].changed.time_since_epoch().count()},
                      {"sealed", to_hex(vault_.sealed_[i])}});
    const std::string body =
        render_json(Json{{"format", format}, {"key", key.id}, {"secrets", std::move(list)}});
    DSTACK_CHECK(
        write_file_atomically(vault_file(vault_.folder_),
                              fmt::format("{}\n{}{}\n", body, seal_mark, sign(body, seal_key(key))),
                              Durable::yes,
                              0600));
    return {};
  }

 private:
  static Result<void> make_private_folder(const Path& folder) {
    DSTACK_CHECK(make_folders(folder.parent_path()));
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      return fail_errno("cannot make the folder '{}'", folder.string());
    return check_private(folder);
  }

  Fd lock_;
  Vault vault_;
};

Result<void> add(const Path& folder,
                 const std::string& project,
                 const std::string& name,
                 std::string_view value,
                 Replace replace) {
  return add(folder, project, std::vector<NewSecret>{{name, value}}, replace);
}

Result<void> add(const Path& folder,
                 const std::string& project,
                 const std::vector<NewSecret>& secrets,
                 Replace replace) {
  for (const auto& [name, value] : secrets)
    if (const std::string reason = why_no_value(value); !reason.empty())
      return fail(ErrorCode::usage, "the value cannot be a secret: {}", reason);
  if (find_invalid_utf8(project))
    return fail(ErrorCode::unavailable,
                "the path of the project is not UTF-8, so it can have no secrets of its own")
        .with_hint("'--user' adds one for all projects");
  DSTACK_TRY(Change change, Change::begin(folder));
  DSTACK_TRY(const Key key, change.key());
  for (const auto& [name, value] : secrets) {
    if (replace == Replace::no && change.index_of(project, name))
      return fail(ErrorCode::conflict, "secret '{}' already exists", name);
    change.set({project, name, now()}, value, key);
  }
  return change.commit(key);
}

Result<void> remove(const Path& folder, const std::string& project, const std::string& name) {
  // A folder is not made to find out that it is empty.
  DSTACK_TRY(const Vault seen, Vault::open(folder));
  const Failure missing = fail(ErrorCode::not_found, "there is no secret '{}'", name);
  if (seen.names().empty())
    return missing;
  DSTACK_TRY(Change change, Change::begin(folder));
  const auto index = change.index_of(project, name);
  if (!index)
    return missing;
  DSTACK_TRY(const Key key, change.key());
  change.erase(*index);
  return change.commit(key);
}

Result<std::size_t> rotate(const Path& folder) {
  DSTACK_TRY(const Vault seen, Vault::open(folder));
  if (seen.names().empty())
    return std::size_t{0};
  DSTACK_TRY(Change change, Change::begin(folder));
  DSTACK_TRY(const Key before, change.key());
  const Key after = new_key();
  DSTACK_CHECK(write_key(folder, after));
  DSTACK_CHECK(change.seal_anew(before, after));
  DSTACK_CHECK(change.commit(after));
  remove_other_keys(folder, after.id);
  return change.vault().names().size();
}

}  // namespace dstack::secrets
