// Words as execve(2) takes them.
#pragma once

#include <string>
#include <vector>

namespace dstack::test {

/// Valid as long as `words`; ends with a null pointer.
inline std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words)
    pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace dstack::test
