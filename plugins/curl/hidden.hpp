// What must not be shown of a download, even where a server repeats it: what was sent to it as a
// credential, in the URL or in headers.
#pragma once

#include "address.hpp"

#include <string>
#include <vector>

namespace curl {

class Hidden {
 public:
  /// User, password, and the values of parameters that look like credentials.
  void add(const Address& address);
  /// The value of a header, and its words: a server may repeat `Bearer X` without the `Bearer`.
  void add_header(const std::string& value);

  /// With `***` for each of them.
  std::string masked(std::string text) const;

 private:
  void add_text(std::string text);

  std::vector<std::string> texts_;  ///< longest first
};

}  // namespace curl
