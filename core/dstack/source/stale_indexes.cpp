#include "dstack/source/stale_indexes.hpp"

#include "dstack/base/sha256.hpp"
#include "dstack/source/index.hpp"

namespace dstack::source {

std::vector<Path> stale_indexes(const store::ObjectStore& objects) {
  std::vector<Path> stale;
  boost::system::error_code error;
  for (fs::directory_iterator each(objects.home().index(), error), end; !error && each != end;
       each.increment(error))
    // Other names are not of projects and inputs.
    if (Digest::parse(each->path().filename().string()) &&
        !objects.has_tree(load_index(each->path()).tree))
      stale.push_back(each->path());
  return stale;
}

}  // namespace dstack::source
