// A project whose jobs work in layers (docs/decisions/0036-workspaces-in-layers.md).
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/store/layers/layers.hpp"
#include "support/overlays.hpp"
#include "support/sandbox.hpp"

#include <vector>

namespace dstack::test {

/// Has more files than are copied. Begin with NEEDS_OVERLAYS().
class LayeredBox : public Sandbox {
 public:
  LayeredBox() {
    for (int i = 0; i < 100; ++i)
      file(fmt::format("code/{}.txt", i), fmt::format("{}\n", i));
    file("single", "1\n");
  }

  files::Home dstack_home() const { return {home()}; }

  std::vector<Path> layers() const {
    std::vector<Path> all;
    for (fs::directory_iterator each(store::layers_folder(dstack_home())), end; each != end; ++each)
      if (fs::is_directory(each->path()))
        all.push_back(each->path());
    return all;
  }
};

}  // namespace dstack::test
