#include "dstack/audit/chain.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"

namespace dstack::audit {

namespace {

/// Members that are not facts of the action.
constexpr const char* own_members[] = {
    "n", "before", "at", "uid", "sudo_uid", "pid", "job", "action"};

std::optional<Entry> parse_entry(const Json& json) {
  const auto at = parse_time(json_string(json, "at"));
  Entry entry;
  entry.number = static_cast<std::uint64_t>(json_integer(json, "n"));
  entry.action = json_string(json, "action");
  if (!at || entry.number == 0 || entry.action.empty())
    return std::nullopt;
  entry.at = *at;
  entry.uid = json_integer(json, "uid");
  if (json_member(json, "sudo_uid") != nullptr)
    entry.sudo_uid = json_integer(json, "sudo_uid");
  entry.pid = json_integer(json, "pid");
  entry.job = json_string(json, "job");
  entry.facts = json;
  for (const char* member : own_members)
    entry.facts.erase(member);
  return entry;
}

/// Follows the lines of a log.
class Reader {
 public:
  void read(std::string_view line) {
    ++count_;
    const auto json = parse_json(line, "the audit log");
    const auto entry = json && json->is_object() ? parse_entry(*json) : std::nullopt;
    if (!entry) {
      reading_.damage.push_back(fmt::format("line {} is not an entry", count_));
      last_ = last_of(line, last_.number);
      return;
    }
    if (json_string(*json, "before") != last_.digest)
      reading_.damage.push_back(
          count_ == 1 ? std::string("entries are missing before line 1")
                      : fmt::format("line {} was changed, or lines before line {} were removed",
                                    count_ - 1,
                                    count_));
    else if (entry->number != last_.number + 1)
      reading_.damage.push_back(fmt::format(
          "line {} has the number {} instead of {}", count_, entry->number, last_.number + 1));
    last_ = last_of(line, entry->number);
    reading_.entries.push_back(*entry);
  }

  Reading finish(const std::optional<Last>& last) {
    if (!last) {
      if (count_ > 0)
        reading_.damage.emplace_back("the file that says which entry is the last one is missing");
    } else if (last->number > last_.number) {
      reading_.damage.push_back(
          fmt::format("{} missing at its end",
                      last->number - last_.number == 1
                          ? std::string("an entry is")
                          : fmt::format("{} entries are", last->number - last_.number)));
    } else if (*last != last_) {
      reading_.damage.emplace_back(
          "the last entry was changed, or is not the one that was written");
    }
    return std::move(reading_);
  }

 private:
  Reading reading_;
  Last last_;
  std::size_t count_ = 0;
};

}  // namespace

std::string render(Entry& entry, const Last& last) {
  entry.number = last.number + 1;
  Json json = {{"n", entry.number},
               {"before", last.digest},
               {"at", render_time(entry.at)},
               {"uid", entry.uid}};
  if (entry.sudo_uid)
    json["sudo_uid"] = *entry.sudo_uid;
  json["pid"] = entry.pid;
  if (!entry.job.empty())
    json["job"] = entry.job;
  json["action"] = entry.action;
  json.update(entry.facts);
  return render_json(json);
}

std::string render(const Last& last) {
  return fmt::format("{:020} {}\n", last.number, last.digest);
}

std::optional<Last> parse_last(std::string_view text) {
  if (text.size() != 20 + 1 + 64 + 1 || text[20] != ' ' || text.back() != '\n')
    return std::nullopt;
  const auto number = parse_number<std::uint64_t>(text.substr(0, 20));
  if (!number)
    return std::nullopt;
  return Last{*number, std::string(text.substr(21, 64))};
}

Last last_of(std::string_view line, std::uint64_t number) {
  return {number, sha256(line).render()};
}

Reading read_chain(std::string_view log, const std::optional<Last>& last) {
  Reader reader;
  while (!log.empty()) {
    const std::size_t end = log.find('\n');
    reader.read(log.substr(0, end));
    log.remove_prefix(end == std::string_view::npos ? log.size() : end + 1);
  }
  return reader.finish(last);
}

}  // namespace dstack::audit
