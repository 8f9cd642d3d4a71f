// The plain part of YAML that nearly all files consist of, read without the parser of all of it: a
// fast way for files of thousands of workflows. Internal to config/yaml.
//
// It takes: block maps and lists; `- key: value`; texts on one line, plain or in quotes without
// escapes; lists and maps in brackets on one line; comments on lines of their own. Everything else
// is left to the parser: empty values and null, texts over several lines, anchors, aliases, tags,
// documents, tabs, Windows line ends, comments behind values, and whatever is wrong.
#pragma once

#include "dstack/config/yaml/yaml_tree.hpp"

namespace dstack::config {

/// Gives the tree the events that the parser would. False: the text is not of this kind, or the
/// tree refused something; what the tree then holds is of no use.
bool read_simple_yaml(YamlTree& tree);

}  // namespace dstack::config
