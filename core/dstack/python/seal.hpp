// Makes a finished environment read-only.
#pragma once

#include "dstack/base/file.hpp"

namespace dstack::python {

/// Without pip, adds a small replacement that supports `pip list` and `pip freeze`, and prints for
/// `pip install` why it fails and what to do instead.
Result<void> place_pip_notice(const Path& folder);

/// Makes everything below `folder` read-only; links are not followed. seal_top() does it for the
/// folder itself.
Result<void> seal_content(const Path& folder);
Result<void> seal_top(const Path& folder);

}  // namespace dstack::python
