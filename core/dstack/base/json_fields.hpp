// JSON of our types. Each type has one pair `to_json`/`from_json`, found by the library, and most
// of them one list of members for both:
//
//   template <class Fields, MaybeConst<Point> Self>
//   void fields(Fields& fields, Self& point) {
//     fields.required("x", point.x);
//     fields.optional("label", point.label);
//   }
//   void to_json(Json& json, const Point& point) { write_fields(json, point); }
//   void from_json(const Json& json, Point& point) { read_fields(json, point, "point"); }
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/json.hpp"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace dstack {

/// What a from_json() of ours throws: the library leaves it no other way to refuse. It names the
/// key, and never gets out of from_json_value().
class JsonProblem : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Of the exception that is being handled, which from_json() threw.
Error json_error(std::string_view what);

/// A T out of JSON, by its from_json(). Never throws. `what` names the value in the error: "cannot
/// read a job's order: 'ports' must be …"; where it is empty, the problem stands alone.
template <class T>
Result<T> from_json_value(const Json& json, std::string_view what) {
  try {
    T value{};
    json.get_to(value);
    return value;
  } catch (const JsonProblem&) {
    return Failure(json_error(what));
  } catch (const Json::exception&) {
    return Failure(json_error(what));
  }
}

/// T or const T: a list of members is visited with the one for reading, the other for writing.
template <class Self, class T>
concept MaybeConst = std::same_as<std::remove_const_t<Self>, T>;

/// Who wrote the JSON.
enum class JsonOrigin {
  ours,
  foreign,  ///< unknown members are refused, and texts that no program can be given
};

namespace json_fields {

template <class T>
struct is_optional : std::false_type {};

template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

template <class T>
struct is_list : std::false_type {};

template <class T>
struct is_list<std::vector<T>> : std::true_type {};
template <class T>
concept WholeNumber = std::integral<T> && !std::same_as<T, bool>;

/// "'key'", for messages.
std::string quote(std::string_view key);
/// The checked parts of members; each throws JsonProblem.
void read_text(const Json& json, std::string_view key, JsonOrigin origin, std::string& text);
void read_boolean(const Json& json, std::string_view key, bool& value);
std::uint64_t read_unsigned(const Json& json, std::string_view key, std::uint64_t most);
std::int64_t read_signed(const Json& json,
                         std::string_view key,
                         std::int64_t least,
                         std::int64_t most);
/// For something that is no list of such elements.
[[noreturn]] void no_list(std::string_view key, const Json& element);
void expect_map(const Json& json, std::string_view subject);
void refuse_others(const Json& map,
                   std::string_view subject,
                   const std::vector<std::string>& known);
/// Null when it is missing or null.
const Json* find(const Json& map, std::string_view key);
[[noreturn]] void missing(std::string_view key);

template <class T>
Json json_of(const T& value) {
  if constexpr (is_optional<T>::value)
    return value ? json_of(*value) : Json();
  else if constexpr (std::same_as<T, std::chrono::milliseconds>)
    return value.count();
  else if constexpr (std::same_as<T, std::chrono::sys_time<std::chrono::milliseconds>>)
    return value.time_since_epoch().count();
  else if constexpr (std::same_as<T, Path>)
    return value.string();
  else
    return value;
}

template <class T>
bool is_nothing(const T& value) {
  if constexpr (is_optional<T>::value)
    return !value.has_value();
  else if constexpr (is_list<T>::value || !std::default_initializable<T>)
    return value.empty();
  else
    return value == T{};
}

}  // namespace json_fields

/// Visits a list of members to write them.
class FieldWriter {
 public:
  /// Refers to it.
  explicit FieldWriter(Json& object) : object_(object) {}

  /// Always written; to read a value without it is an error.
  template <class T>
  void required(const char* key, const T& value) {
    object_[key] = json_fields::json_of(value);
  }

  /// Always written; stays as it is when what is read does not have it, or has null.
  template <class T>
  void member(const char* key, const T& value) {
    object_[key] = json_fields::json_of(value);
  }

  /// Not written where it is empty, zero, false or as its type begins; stays as it is when what is
  /// read does not have it.
  template <class T>
  void optional(const char* key, const T& value) {
    if (!json_fields::is_nothing(value))
      member(key, value);
  }

 private:
  Json& object_;
};

/// Visits a list of members to read them. Throws JsonProblem.
class FieldReader {
 public:
  /// Refers to it.
  FieldReader(const Json& object, JsonOrigin origin) : object_(object), origin_(origin) {}

  template <class T>
  void required(const char* key, T&& value) {
    const Json* member = json_fields::find(object_, key);
    if (member == nullptr)
      json_fields::missing(key);
    read(key, *member, value);
  }

  template <class T>
  void member(const char* key, T&& value) {
    if (const Json* member = json_fields::find(object_, key))
      read(key, *member, value);
  }

  template <class T>
  void optional(const char* key, T&& value) {
    member(key, value);
  }

 private:
  template <class T>
  void read(const char* key, const Json& json, T& value) {
    if constexpr (json_fields::is_optional<T>::value)
      read_optional(key, json, value);
    else if constexpr (json_fields::is_list<T>::value)
      read_list(key, json, value);
    else if constexpr (std::same_as<T, std::string>)
      json_fields::read_text(json, key, origin_, value);
    else if constexpr (std::same_as<T, bool>)
      json_fields::read_boolean(json, key, value);
    else if constexpr (json_fields::WholeNumber<T>)
      read_number(key, json, value);
    else
      read_other(key, json, value);
  }

  template <class T>
  void read_optional(const char* key, const Json& json, std::optional<T>& value) {
    // No word of an enumeration is empty.
    if (std::is_enum_v<T> && json == "")
      return;
    T there{};
    read(key, json, there);
    value = std::move(there);
  }

  template <class T>
  void read_list(const char* key, const Json& json, std::vector<T>& list) {
    if (!json.is_array())
      json_fields::no_list(key, json_fields::json_of(T{}));
    list.clear();
    list.reserve(json.size());
    for (const Json& element : json) {
      T one{};
      read(key, element, one);
      list.push_back(std::move(one));
    }
  }

  template <class T>
  void read_number(const char* key, const Json& json, T& value) {
    if constexpr (std::is_unsigned_v<T>)
      value = static_cast<T>(json_fields::read_unsigned(json, key, std::numeric_limits<T>::max()));
    else
      value = static_cast<T>(json_fields::read_signed(
          json, key, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }

  template <class T>
  void read_other(const char* key, const Json& json, T& value) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const auto milliseconds = [&] {
      return std::chrono::milliseconds(json_fields::read_unsigned(json, key, most));
    };
    if constexpr (std::same_as<T, std::chrono::milliseconds>)
      value = milliseconds();
    else if constexpr (std::same_as<T, std::chrono::sys_time<std::chrono::milliseconds>>)
      value = T(milliseconds());
    else if constexpr (std::same_as<T, Path>) {
      std::string text;
      json_fields::read_text(json, key, origin_, text);
      value = text;
    } else if constexpr (std::same_as<T, std::pair<std::string, std::string>>) {
      if (!json.is_array() || json.size() != 2)
        throw JsonProblem(json_fields::quote(key) + " must be a list of pairs");
      json_fields::read_text(json[0], key, origin_, value.first);
      json_fields::read_text(json[1], key, origin_, value.second);
    } else if constexpr (std::same_as<T, Json>)
      value = json;
    else
      json.get_to(value);
  }

  const Json& object_;
  JsonOrigin origin_;
};

/// Visits a list of members for their names.
class FieldNames {
 public:
  template <class T>
  void required(const char* key, const T&) {
    names_.emplace_back(key);
  }

  template <class T>
  void member(const char* key, const T&) {
    names_.emplace_back(key);
  }

  template <class T>
  void optional(const char* key, const T&) {
    names_.emplace_back(key);
  }

  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
};

template <class T>
void write_fields(Json& json, const T& value) {
  json = Json::object();
  FieldWriter writer(json);
  fields(writer, value);
}

/// Throws JsonProblem; `subject` names the value in it.
template <class T>
void read_fields(const Json& json,
                 T& value,
                 std::string_view subject,
                 JsonOrigin origin = JsonOrigin::ours) {
  json_fields::expect_map(json, subject);
  if (origin == JsonOrigin::foreign) {
    FieldNames known;
    fields(known, std::as_const(value));
    json_fields::refuse_others(json, subject, known.names());
  }
  FieldReader reader(json, origin);
  fields(reader, value);
}

/// The value that a word stands for, by `parse`; `problem` says what a wrong one is: "'workspace'
/// must be private, copy or project, not".
template <class T, class Parse>
void read_word(const Json& json, T& value, Parse parse, std::string_view problem) {
  const auto found = json.is_string() ? parse(std::string_view(json.get_ref<const std::string&>()))
                                      : std::optional<T>();
  if (!found)
    throw JsonProblem(std::string(problem) + " " +
                      (json.is_string() ? json_fields::quote(json.get_ref<const std::string&>())
                                        : render_json(json)));
  value = *found;
}

}  // namespace dstack
