// `${{ name }}` in a text. The first line of an input is the value of the variable `v`.
#include "dstack/config/project/interpolation.hpp"

#include "dstack/base/text.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

namespace {

config::Value written(const std::string& key, const std::string& text) {
  const auto source = make_source_text("file.yaml", text);
  config::Value map = config::make_mapping({source, 1, 1, 1});
  map.members.push_back(
      {key, {source, 1, 1, 1}, config::make_scalar(text, SourceLocation{source, 1, 1, 1})});
  return map;
}

/// Whoever puts the references themselves in the place of references changes nothing.
void check_secrets(const std::string& text) {
  const auto same = config::with_secrets(text, [](const std::string& name) {
    require(is_name(name), "a secret has a name");
    return std::optional(config::secret_reference(name));
  });
  require(same == text, "a text with its own references is the same text");
}

/// The arguments that a text is split into; nothing when it is refused, or stays a text.
std::optional<std::size_t> count_arguments(const std::string& text, config::Scope scope) {
  scope.holds_arguments = [](std::string_view) { return true; };
  const auto done = config::interpolate(written("args", text), scope);
  if (!done || done->value.members.at(0).value.kind != config::ValueKind::sequence)
    return std::nullopt;
  return done->value.members.at(0).value.elements.size();
}

/// No value of a variable changes the words.
void check_arguments(const std::string& text, const config::Scope& scope) {
  config::Scope plain = scope;
  plain.variable = [](std::string_view name) {
    return name == "v" ? std::optional(std::string("x")) : std::nullopt;
  };
  const auto words = count_arguments(text, scope);
  require(!words || words == count_arguments(text, plain), "a value changes no words");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = text_of(data, size);
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string value(input.substr(0, line));
  const std::string text(input.substr(std::min(line + 1, input.size())));
  config::Scope scope;
  scope.variable = [&](std::string_view name) {
    return name == "v" ? std::optional(value) : std::nullopt;
  };
  scope.variable_names = {"v"};
  scope.run_name = "quiet-otter-1";
  scope.run_arguments = {"a", value};

  check_secrets(text);
  check_arguments(text, scope);
  for (const char* key : {"commands", "environment"}) {
    const auto done = config::interpolate(written(key, text), scope);
    if (!done)
      continue;
    const std::string& result = done->value.members.at(0).value.text;
    require(text.find("${{") != std::string::npos || result == text,
            "a text without references stays as it is");
    if (std::string_view(key) == "commands")
      require(done->secrets.empty(), "commands name no secrets");
    else
      require(config::secrets_in(result).size() == done->secrets.size(),
              "no more is taken for a secret than was meant");
  }
  return 0;
}
