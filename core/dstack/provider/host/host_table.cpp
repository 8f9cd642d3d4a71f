#include "dstack/provider/host/host_table.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/native_job.h"

#include <utility>

namespace dstack::provider {

namespace {

constexpr std::uint32_t deepest = 32;
constexpr std::size_t many_members = 16;
constexpr std::size_t longest_message = 4'096;
// Far beyond any plan, and well below what this machine can hold.
constexpr std::uint64_t most_parts = 2'000'000;
constexpr std::uint64_t most_text = 256'000'000;
constexpr std::size_t most_problems = 1'000;

std::string& misuse() {
  static std::string first;
  return first;
}

dstack_status misused(std::string what) {
  if (misuse().empty())
    misuse() = std::move(what);
  return DSTACK_WRONG_USE;
}

// Reading. A handle is the address of a Json that lives as long as the request.

const Json* json_of(const dstack_value* value) {
  return reinterpret_cast<const Json*>(value);
}

bool is_readable(const dstack_string* text) {
  return text != nullptr && (text->data != nullptr || text->size == 0);
}

std::string_view view(const dstack_string& text) {
  return text.size == 0 ? std::string_view() : std::string_view(text.data, text.size);
}

dstack_kind kind_of(const dstack_value* value) {
  if (value == nullptr)
    return DSTACK_NULL;
  switch (json_of(value)->type()) {
    case Json::value_t::boolean:
      return DSTACK_BOOLEAN;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return DSTACK_INTEGER;
    case Json::value_t::number_float:
      return DSTACK_NUMBER;
    case Json::value_t::string:
      return DSTACK_STRING;
    case Json::value_t::array:
      return DSTACK_LIST;
    case Json::value_t::object:
      return DSTACK_MAP;
    default:
      return DSTACK_NULL;
  }
}

std::uint64_t size_of(const dstack_value* value) {
  const dstack_kind kind = kind_of(value);
  return kind == DSTACK_LIST || kind == DSTACK_MAP ? json_of(value)->size() : 0;
}

const dstack_value* element_of(const dstack_value* value, std::uint64_t index) {
  if (index >= size_of(value))
    return nullptr;
  const Json& json = *json_of(value);
  if (json.is_array())
    return as_value(json[index]);
  return as_value(
      (json.get_ref<const Json::object_t&>().begin() + static_cast<std::ptrdiff_t>(index))->second);
}

dstack_status key_of(const dstack_value* map, std::uint64_t index, dstack_string* out) {
  if (out == nullptr || kind_of(map) != DSTACK_MAP || index >= size_of(map))
    return DSTACK_WRONG_USE;
  const auto member =
      json_of(map)->get_ref<const Json::object_t&>().begin() + static_cast<std::ptrdiff_t>(index);
  *out = {member->first.data(), member->first.size()};
  return DSTACK_OK;
}

const dstack_value* member_of(const dstack_value* map, const dstack_string* key) {
  if (kind_of(map) != DSTACK_MAP || !is_readable(key))
    return nullptr;
  const Json* member = json_member(*json_of(map), view(*key));
  return member != nullptr ? as_value(*member) : nullptr;
}

dstack_status string_of(const dstack_value* value, dstack_string* out) {
  if (out == nullptr || kind_of(value) != DSTACK_STRING)
    return DSTACK_WRONG_USE;
  const auto& text = json_of(value)->get_ref<const std::string&>();
  *out = {text.data(), text.size()};
  return DSTACK_OK;
}

dstack_status integer_of(const dstack_value* value, std::int64_t* out) {
  if (out == nullptr || kind_of(value) != DSTACK_INTEGER)
    return DSTACK_WRONG_USE;
  *out = json_of(value)->get<std::int64_t>();
  return DSTACK_OK;
}

dstack_status number_of(const dstack_value* value, double* out) {
  const dstack_kind kind = kind_of(value);
  if (out == nullptr || (kind != DSTACK_NUMBER && kind != DSTACK_INTEGER))
    return DSTACK_WRONG_USE;
  *out = json_of(value)->get<double>();
  return DSTACK_OK;
}

dstack_status boolean_of(const dstack_value* value, std::int32_t* out) {
  if (out == nullptr || kind_of(value) != DSTACK_BOOLEAN)
    return DSTACK_WRONG_USE;
  *out = json_of(value)->get<bool>() ? 1 : 0;
  return DSTACK_OK;
}

// Writing.

/// Makes a fresh output one of `kind`; one that is of that kind already stays as it is.
dstack_status become(dstack_output* output, dstack_kind kind) {
  if (output == nullptr)
    return misused("wrote to an invalid output");
  if (output->kind != kind && output->kind != DSTACK_NULL)
    return misused("wrote two kinds of value to one output");
  output->kind = kind;
  return DSTACK_OK;
}

/// Whether a library that never stops writing has reached the limit, for all answers together.
bool is_endless(std::uint64_t& so_far, std::uint64_t more, std::uint64_t most) {
  so_far = more > most - so_far ? most : so_far + more;
  return so_far == most;
}

dstack_status check_text(const dstack_string* text) {
  static std::uint64_t written = 0;
  if (!is_readable(text))
    return misused("wrote an invalid text");
  if (is_endless(written, text->size, most_text))
    return misused(fmt::format("wrote more than {} of text", render_size(most_text)));
  if (find_invalid_utf8(view(*text)))
    return misused("wrote a text that is not UTF-8");
  return DSTACK_OK;
}

dstack_output* add_part(dstack_output& parent) {
  static std::uint64_t made = 0;
  if (parent.depth + 1 > deepest) {
    misused(fmt::format("nested an answer deeper than {} levels", deepest));
    return nullptr;
  }
  if (is_endless(made, 1, most_parts)) {
    misused(fmt::format("wrote an answer of more than {} parts", most_parts));
    return nullptr;
  }
  dstack_output& part = parent.parts.emplace_back();
  part.depth = parent.depth + 1;
  return &part;
}

dstack_output* find_part(dstack_output& map, std::string_view key) {
  if (map.parts.size() <= many_members) {
    for (dstack_output& part : map.parts)
      if (part.key == key)
        return &part;
    return nullptr;
  }
  if (!map.index) {
    map.index = std::make_unique<std::unordered_map<std::string_view, dstack_output*>>();
    for (dstack_output& part : map.parts)
      map.index->emplace(part.key, &part);
  }
  const auto found = map.index->find(key);
  return found == map.index->end() ? nullptr : found->second;
}

dstack_output* append_to(dstack_output* list) {
  return become(list, DSTACK_LIST) == DSTACK_OK ? add_part(*list) : nullptr;
}

dstack_output* set_member_of(dstack_output* map, const dstack_string* key) {
  if (become(map, DSTACK_MAP) != DSTACK_OK || check_text(key) != DSTACK_OK)
    return nullptr;
  if (dstack_output* part = find_part(*map, view(*key)))
    return part;
  dstack_output* part = add_part(*map);
  if (part == nullptr)
    return nullptr;
  part->key = view(*key);
  if (map->index)
    map->index->emplace(part->key, part);
  return part;
}

dstack_status set_list_of(dstack_output* output) {
  return become(output, DSTACK_LIST);
}

dstack_status set_map_of(dstack_output* output) {
  return become(output, DSTACK_MAP);
}

dstack_status set_string_of(dstack_output* output, const dstack_string* text) {
  if (check_text(text) != DSTACK_OK || become(output, DSTACK_STRING) != DSTACK_OK)
    return DSTACK_WRONG_USE;
  output->text = view(*text);
  return DSTACK_OK;
}

dstack_status set_integer_of(dstack_output* output, std::int64_t integer) {
  const dstack_status status = become(output, DSTACK_INTEGER);
  if (status == DSTACK_OK)
    output->integer = integer;
  return status;
}

dstack_status set_number_of(dstack_output* output, double number) {
  const dstack_status status = become(output, DSTACK_NUMBER);
  if (status == DSTACK_OK)
    output->number = number;
  return status;
}

dstack_status set_boolean_of(dstack_output* output, std::int32_t boolean) {
  const dstack_status status = become(output, DSTACK_BOOLEAN);
  if (status == DSTACK_OK)
    output->integer = boolean != 0 ? 1 : 0;
  return status;
}

/// A provider's text, fit for a message: valid UTF-8 of bounded length.
std::string message_text(const dstack_string* text) {
  if (!is_readable(text))
    return {};
  std::string_view all = view(*text);
  const bool cut = all.size() > longest_message;
  all = all.substr(0, longest_message);
  while (cut && !all.empty() && (static_cast<unsigned char>(all.back()) & 0x80u) != 0)
    all.remove_suffix(1);
  std::string shown = find_invalid_utf8(all) ? printable(all) : std::string(all);
  return cut ? shown + "…" : shown;
}

dstack_status report_to(dstack_report* report,
                        const dstack_string* message,
                        const dstack_string* property,
                        const dstack_string* hint) {
  if (report == nullptr)
    return misused("reported a problem to an invalid report");
  if (report->problems.size() >= most_problems)
    return misused(fmt::format("reported more than {} problems", most_problems));
  report->problems.push_back({message_text(message), message_text(property), message_text(hint)});
  return DSTACK_OK;
}

const void* extension_of(const dstack_string* id) {
  static constexpr dstack_native_host_v1 native = {
      sizeof(dstack_native_host_v1), DSTACK_ABI_MINOR, 0};
  return is_readable(id) && view(*id) == DSTACK_NATIVE_JOB ? &native : nullptr;
}

void render_text(std::string_view text, std::string& out) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      if (c == '"' || c == '\\')
        out += '\\';
      out += c;
    }
  }
  out += '"';
}

}  // namespace

const dstack_host_v0& host_table() {
  static const dstack_host_v0 table = {sizeof(dstack_host_v0),
                                       DSTACK_ABI_MINOR,
                                       0,
                                       kind_of,
                                       size_of,
                                       element_of,
                                       key_of,
                                       member_of,
                                       string_of,
                                       integer_of,
                                       number_of,
                                       boolean_of,
                                       append_to,
                                       set_member_of,
                                       set_list_of,
                                       set_map_of,
                                       set_string_of,
                                       set_integer_of,
                                       set_number_of,
                                       set_boolean_of,
                                       report_to,
                                       extension_of};
  return table;
}

void render_output(const dstack_output& output, std::string& text) {
  switch (output.kind) {
    case DSTACK_BOOLEAN:
      text += output.integer != 0 ? "true" : "false";
      break;
    case DSTACK_INTEGER:
      text += std::to_string(output.integer);
      break;
    case DSTACK_NUMBER:
      text += render_json(Json(output.number));
      break;
    case DSTACK_STRING:
      render_text(output.text, text);
      break;
    case DSTACK_LIST:
    case DSTACK_MAP: {
      text += output.kind == DSTACK_LIST ? '[' : '{';
      bool first = true;
      for (const dstack_output& part : output.parts) {
        if (!std::exchange(first, false))
          text += ',';
        if (output.kind == DSTACK_MAP) {
          render_text(part.key, text);
          text += ':';
        }
        render_output(part, text);
      }
      text += output.kind == DSTACK_LIST ? ']' : '}';
      break;
    }
    default:
      text += "null";
  }
}

std::string take_misuse() {
  return std::exchange(misuse(), {});
}

}  // namespace dstack::provider
