// Making a finished environment one that no job changes.
#pragma once

#include "dstack/base/file.hpp"

namespace dstack::python {

/// Where there is no pip, puts a few lines in its place that answer `pip list` and `pip freeze`,
/// and say of `pip install` why it cannot be and what to do instead.
Result<void> place_pip_notice(const Path& folder);

/// Takes the w bits from everything below `folder`; links are not followed. Of the folder itself
/// with seal_top().
Result<void> seal_content(const Path& folder);
Result<void> seal_top(const Path& folder);

}  // namespace dstack::python
