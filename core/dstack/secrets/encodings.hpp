// How a secret may look in the output of a program: as it is, and as the usual encodings write it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::secrets {

/// What is shorter is not looked for: it occurs in any text by chance, and a log full of `***` is
/// useless.
inline constexpr std::size_t shortest_masked = 8;

/// All texts to look for, for one value. Looked for are the value; the value without the blanks
/// around it, as a shell or `strip()` leaves it; each line of one that has several; each string in
/// one that is JSON, at any depth; and the same of what `\n` in it stands for. Each of them raw;
/// base64, with both alphabets, wherever it begins in what was encoded; hexadecimal;
/// percent-encoded; escaped as in JSON, in Python, in HTML; quoted for a shell. Of base64 and
/// hexadecimal also what is broken into lines from the beginning on. None is shorter than
/// shortest_masked, none comes twice.
std::vector<std::string> encodings_of(std::string_view value);

}  // namespace dstack::secrets
