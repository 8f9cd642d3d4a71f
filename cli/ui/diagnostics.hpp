// Renders errors for people: message, place, the line with carets, context, hint.
//
//     error: workflow 'train' has no property 'artifcats'
//       --> .dstack/workflows.yaml:14:5
//        |
//     14 |     artifcats: [model]
//        |     ^^^^^^^^^
//     hint: did you mean 'artifacts'?
#pragma once

#include "dstack/base/error.hpp"

#include <string>
#include <string_view>

namespace dstack::ui {

enum class Coloured { no, yes };
enum class Severity { error, warning };

/// The error and all in `also`, separated by blank lines, with a last line that counts several; of
/// very many only the first. Those with a place are in the order of their files. Ends with a line
/// end. Control characters are made visible; long lines are cut around the caret; tabs are
/// expanded.
std::string render_diagnostics(const Error& error,
                               Coloured colour,
                               Severity severity = Severity::error);

}  // namespace dstack::ui
