// Numbers that were measured, as tables and CSV show them.
#pragma once

#include <string>
#include <string_view>

namespace dstack::cli {

/// Six digits at the most, for people: "0.93", "1.2e-05", "nan".
std::string render_number(double value);
/// The shortest text that is read as the same number again.
std::string exact_number(double value);
/// Quoted where a reader of CSV needs it.
std::string csv_cell(std::string_view text);

}  // namespace dstack::cli
