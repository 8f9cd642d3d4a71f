#include "dstack/base/json_builder.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dstack {

namespace {

/// Up to here looking through all of them is quicker than asking a table.
constexpr std::size_t few_members = 16;

/// An object or a list whose end has not come yet.
struct Open {
  bool is_object = false;
  std::vector<Json> values;
  std::vector<std::string> names;                       ///< of an object, one for each value
  std::unordered_map<std::string, std::size_t> places;  ///< of the names, once there are many
  std::size_t next = 0;  ///< of an object: the place of the value that comes
};

/// The place of a member of this name; behind the last one when there is none.
std::size_t place_of(Open& object, const std::string& name) {
  if (object.names.size() < few_members) {
    const auto found = std::find(object.names.begin(), object.names.end(), name);
    return static_cast<std::size_t>(found - object.names.begin());
  }
  if (object.places.empty())
    for (std::size_t i = 0; i < object.names.size(); ++i)
      object.places.emplace(object.names[i], i);
  return object.places.emplace(name, object.names.size()).first->second;
}

Json finished(Open open) {
  if (!open.is_object) {
    Json list = Json::array();
    list.get_ref<Json::array_t&>() = std::move(open.values);
    return list;
  }
  Json object = Json::object();
  auto& members = object.get_ref<Json::object_t&>();
  members.reserve(open.values.size());
  for (std::size_t i = 0; i < open.values.size(); ++i)
    members.emplace_back(std::move(open.names[i]), std::move(open.values[i]));
  return object;
}

/// Takes the parser's events.
class Builder final : public Json::json_sax_t {
 public:
  Builder(std::size_t deepest, Repeated repeated) : deepest_(deepest), repeated_(repeated) {}

  bool null() override { return add(nullptr); }

  bool boolean(bool value) override { return add(value); }

  bool number_integer(number_integer_t value) override { return add(value); }

  bool number_unsigned(number_unsigned_t value) override { return add(value); }

  bool number_float(number_float_t value, const string_t&) override { return add(value); }

  bool string(string_t& value) override { return add(std::move(value)); }

  bool binary(binary_t&) override { return false; }  // no text holds such

  bool start_object(std::size_t) override { return open(true); }

  bool end_object() override { return close(); }

  bool start_array(std::size_t) override { return open(false); }

  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    Open& object = open_.back();
    object.next = place_of(object, name);
    if (object.next < object.names.size()) {
      if (repeated_ == Repeated::last_counts)
        return true;
      problem_ = fmt::format(" has the member '{}' twice", printable(name));
      return false;
    }
    object.names.push_back(std::move(name));
    object.values.emplace_back();
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const Json::exception& why) override {
    syntax_problem_ = why.what();
    return false;
  }

  Json take() { return std::move(root_); }

  /// The end of a sentence about the text.
  const std::string& problem() const { return problem_; }

  const std::string& syntax_problem() const { return syntax_problem_; }

 private:
  bool open(bool is_object) {
    if (open_.size() == deepest_) {
      problem_ = fmt::format(" nests deeper than {} levels", deepest_);
      return false;
    }
    open_.emplace_back().is_object = is_object;
    return true;
  }

  bool close() {
    Open ended = std::move(open_.back());
    open_.pop_back();
    return add(finished(std::move(ended)));
  }

  bool add(Json value) {
    if (open_.empty())
      root_ = std::move(value);
    else if (open_.back().is_object)
      open_.back().values[open_.back().next] = std::move(value);
    else
      open_.back().values.push_back(std::move(value));
    return true;
  }

  std::size_t deepest_;
  Repeated repeated_;
  std::vector<Open> open_;
  Json root_;
  std::string problem_;
  std::string syntax_problem_;
};

}  // namespace

Result<Json> build_json(std::string_view text,
                        std::string_view what,
                        std::size_t deepest,
                        Repeated repeated,
                        ErrorCode code) {
  Builder builder(deepest, repeated);
  try {
    if (Json::sax_parse(text.begin(), text.end(), &builder))
      return builder.take();
  } catch (const Json::exception& problem) {
    return fail(code, "cannot read {}: {}", what, problem.what());
  }
  if (!builder.problem().empty())
    return fail(code, "{}{}", what, builder.problem());
  return fail(code, "cannot read {}: {}", what, builder.syntax_problem());
}

}  // namespace dstack
