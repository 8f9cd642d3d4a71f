// YAML text to values: every place lies in the text, and what is found wrong can be shown.
#include "dstack/config/yaml/yaml.hpp"

#include "dstack/base/text.hpp"
#include "fuzz.hpp"
#include "support/yaml_values.hpp"
#include "ui/diagnostics.hpp"

using namespace dstack;
using namespace dstack::fuzz;

namespace {

void check_place(const SourceLocation& where) {
  if (!where.source)
    return;
  require(where.line >= 1 && where.column >= 1 && where.length >= 1, "places begin at 1");
  require(where.line <= where.source->line_starts.size(), "a place is in a line of the text");
  require(where.column <= count_characters(where.source->line(where.line)) + 1,
          "a place is in its line");
}

std::size_t check_value(const config::Value& value) {
  check_place(value.where);
  std::size_t nodes = 1;
  for (const config::Value& element : value.elements)
    nodes += check_value(element);
  for (std::size_t i = 0; i < value.members.size(); ++i) {
    check_place(value.members[i].key_where);
    nodes += 1 + check_value(value.members[i].value);
    if (value.members.size() < 100)
      require(value.find(value.members[i].key) == &value.members[i].value, "keys stand once");
  }
  return nodes;
}

/// What the fast reader takes, the parser takes, and for the same.
void check_readers(const std::shared_ptr<const SourceText>& source,
                   const Result<config::ParsedYaml>& fastest) {
  const auto parsed = config::read_yaml(source, {}, config::YamlReader::parser);
  require(parsed.has_value() == fastest.has_value(), "both readers take the same texts");
  if (!parsed) {
    require(render(parsed.error()) == render(fastest.error()), "errors are the parser's");
    return;
  }
  require(test::is_same(parsed->root, fastest->root), "both readers read the same");
  require(parsed->errors.size() == fastest->errors.size(), "errors are the parser's");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const config::YamlLimits limits;
  auto source = make_source_text("file.yaml", std::string(text_of(data, size)));
  const auto read = config::read_yaml(source, limits);
  check_readers(source, read);
  std::vector<Error> errors;
  if (read) {
    require(check_value(read->root) <= limits.nodes + 1, "there are no more nodes than allowed");
    errors = read->errors;
  } else {
    errors = flatten(read.error());
  }
  for (const Error& error : errors)
    if (error.where)
      check_place(*error.where);
  if (errors.empty())
    return 0;
  const std::string shown = ui::render_diagnostics(join(std::move(errors)), ui::Coloured::no);
  require(!find_invalid_utf8(shown), "what is shown is UTF-8");
  for (const std::string_view line : split(shown, '\n'))
    require(printable(line) == line, "what is shown drives no terminal");
  return 0;
}
