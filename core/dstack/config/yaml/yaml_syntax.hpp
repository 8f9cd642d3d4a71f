// Messages for syntax errors: the parser's own rarely name the mistake. Independent of the parser.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/config/yaml/yaml_tree.hpp"

#include <cstddef>
#include <string_view>

namespace dstack::config {

/// The kinds of syntax errors that have a message of their own.
enum class SyntaxProblem {
  unended_scalar,    ///< the text ended inside quotes
  map_value,         ///< a ':' where none may stand
  block_entry,       ///< a '-' where none may stand
  in_map,            ///< something that is not an entry of the block map
  in_sequence,       ///< something that is not an entry of the block sequence
  in_flow_map,       ///< neither ',' nor '}'
  in_flow_sequence,  ///< neither ',' nor ']'
  flow_end,          ///< a closing bracket too many
  escape,            ///< after '\' in double quotes
  alias,             ///< '*' with something that is not a name
  unknown_anchor,    ///< '*name' without '&name'
  first_character,   ///< no value can begin so
  document_marker,   ///< '---' or '...' in a scalar
  other,
};

/// `parser_message` is for problems without a better one.
Error explain_syntax(SyntaxProblem problem,
                     std::size_t offset,
                     std::string_view parser_message,
                     YamlTree& tree);

/// For text after the end of the document that the tree has read.
Error explain_second_document(std::size_t offset, YamlTree& tree);

}  // namespace dstack::config
