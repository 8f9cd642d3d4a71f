// Makes a finished environment read-only.
#pragma once

#include "dstack/base/file.hpp"

namespace dstack::python {

/// Makes everything below `folder` read-only; links are not followed. seal_top() does it for the
/// folder itself.
Result<void> seal_content(const Path& folder);
Result<void> seal_top(const Path& folder);

}  // namespace dstack::python
