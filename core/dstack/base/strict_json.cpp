#include "dstack/base/strict_json.hpp"

#include "dstack/base/text.hpp"

#include <array>
#include <set>

namespace dstack {

namespace {

/// Watches the parser: what it finds first is what is wrong.
class Watch {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth > deepest_strict_json) {
      tell("nests deeper than " + std::to_string(deepest_strict_json) + " levels");
      return false;  // and so takes no memory
    }
    // The members of an object come one level below its beginning.
    if (event == Json::parse_event_t::object_start)
      members_[static_cast<std::size_t>(depth) + 1].clear();
    if (event == Json::parse_event_t::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (!members_[static_cast<std::size_t>(depth)].insert(name).second)
        tell("has the member '" + printable(name) + "' twice");
    }
    return true;
  }

  const std::string& problem() const { return problem_; }

 private:
  void tell(std::string problem) {
    if (problem_.empty())
      problem_ = std::move(problem);
  }

  std::array<std::set<std::string>, deepest_strict_json + 2> members_;
  std::string problem_;
};

}  // namespace

Result<Json> parse_strict_json(std::string_view text, std::string_view what) {
  Watch watch;
  const auto look = [&watch](int depth, Json::parse_event_t event, const Json& parsed) {
    return watch(depth, event, parsed);
  };
  try {
    Json json = Json::parse(text.begin(), text.end(), look);
    if (watch.problem().empty())
      return json;
  } catch (const Json::exception& problem) {
    return fail(ErrorCode::configuration,
                "cannot read " + std::string(what) + ": " + problem.what());
  }
  return fail(ErrorCode::configuration, std::string(what) + " " + watch.problem());
}

bool holds_several_json_texts(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted && c == '\\')
      ++at;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && c == '{')
      ++depth;
    else if (!quoted && c == '}' && --depth == 0)
      return text.find('{', at) != std::string_view::npos;
  }
  return false;
}

}  // namespace dstack
