// What became of the commit of a writer that was killed.
#pragma once

#include "dstack/files/home.hpp"

namespace dstack::store {

/// A commit whose writer was killed may be whole in the log of the database and yet not be seen, as
/// long as others have the database open; it would appear when the last of them closes it. This
/// writes after it: from then on what is seen is what there is. One transaction.
Result<void> settle_commits(const files::Home& home);

}  // namespace dstack::store
