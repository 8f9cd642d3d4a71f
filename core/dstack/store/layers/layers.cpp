#include "dstack/store/layers/layers.hpp"

#include "dstack/base/log.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/store/layers/large_files.hpp"
#include "dstack/store/layers/layered_folder.hpp"
#include "dstack/store/layers/unused_layers.hpp"
#include "dstack/store/objects/stored_tree.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::store {

namespace {

// So few that hundreds of names fit into one call of the kernel's; 16 digits collide for nobody.
constexpr std::size_t digits_of_name = 16;
// Laid out in the time that it takes to find a difference.
constexpr std::uint64_t fewest_files_of_base = 256;
// A difference grows with each edit; from here on, the tree is made as a new base.
constexpr std::uint64_t least_part_of_base = 8;

std::string name_of(const std::string& text) {
  return sha256(text).render().substr(0, digits_of_name);
}

/// What was laid out before the last damage was found may hold it, under a second name of the
/// object: it is not used again.
std::string layer_name(const ObjectStore& objects, std::string text) {
  if (const std::int64_t stamp = objects.damage_stamp(); stamp != 0)
    text += fmt::format("@{}", stamp);
  return name_of(text);
}

std::string render_reference(const job::TreeReference& tree) {
  return tree.tree.render() + tree.times.render();
}

bool is_there(const Path& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

/// One that is there, as it was laid out. After one that is not, all have other names.
Result<std::optional<Fd>> use(const ObjectStore& objects, const Path& layer) {
  if (!is_there(layer))
    return std::nullopt;
  DSTACK_TRY(Fd lock, lock_layer(layer));
  if (!is_there(layer))
    return std::nullopt;
  if (!has_changed(layer))
    return std::optional(std::move(lock));
  log::warning(fmt::format("the layer '{}' was changed, and is not used again", layer.string()));
  objects.note_damage();
  return std::nullopt;
}

/// Nobody else makes it meanwhile. `lay_out` fills a new folder; `record` is for the layer's lock.
Result<Fd> make(const Path& layer,
                const std::string& record,
                const std::function<Result<void>(const Path& draft)>& lay_out) {
  DSTACK_TRY(Fd lock, lock_layer(layer));
  const std::string making = layer.string() + ".making";
  DSTACK_TRY(const Fd alone, open_file(making, O_RDWR | O_CREAT, 0600));
  DSTACK_CHECK(lock_until_stopped(alone.get()));
  if (is_there(layer))
    return lock;
  const Path draft = layer.string() + ".new";
  DSTACK_CHECK(remove_tree(draft));
  if (auto laid_out = lay_out(draft); !laid_out) {
    (void)remove_tree(draft);
    return Failure(laid_out.error());
  }
  DSTACK_CHECK(remember_large_files(draft, layer));
  if (!record.empty())
    DSTACK_CHECK(write_all(lock.get(), record));
  if (::rename(draft.c_str(), layer.c_str()) != 0)
    return fail_errno("cannot put the layer '{}' in place", layer.string());
  ::unlink(making.c_str());
  remove_unused_layers(layer.parent_path());
  return lock;
}

/// Of a layer that holds parts of trees, or several.
std::string record_of(const std::vector<job::TreeReference>& trees) {
  return Json{{"of", trees}}.dump();
}

Json record_at(const Path& layer) {
  const auto text = read_file(layer.string() + ".lock");
  return text ? Json::parse(*text, nullptr, false) : Json();
}

/// The tree that a layer holds all of; nothing for one that is a difference.
std::optional<job::TreeReference> tree_of(const Path& layer) {
  try {
    return record_at(layer).get<job::TreeReference>();
  } catch (const std::exception&) {
    return std::nullopt;  // somebody is just making it
  }
}

/// Of which trees something is in it; none where it does not say so.
std::vector<job::TreeReference> trees_in(const Path& layer) {
  if (const auto tree = tree_of(layer))
    return {*tree};
  try {
    return record_at(layer).at("of").get<std::vector<job::TreeReference>>();
  } catch (const std::exception&) {
    return {};
  }
}

std::uint64_t most_differences(const job::TreeReference& base) {
  return base.files / least_part_of_base;
}

/// A tree over another one that is there.
class DifferenceLayer {
 public:
  DifferenceLayer(const ObjectStore& objects,
                  const job::TreeReference& tree,
                  Below below,
                  const Path& folder)
      : objects_(objects), tree_(tree), below_(below), folder_(folder) {}

  /// Nothing: it differs too much from all of them.
  Result<std::optional<Layer>> provide() const {
    std::vector<Base> bases;
    for (const std::string& name : layers_by_last_use(folder_)) {
      const auto tree = tree_of(folder_ / name);
      if (!tree || !may_be_base(*tree) || name != layer_name(objects_, render_reference(*tree)))
        continue;
      bases.push_back({name, *tree});
      DSTACK_TRY(auto difference, use(objects_, folder_ / name_over(*tree)));
      if (difference)
        if (auto layer = over(bases.back(), std::move(*difference)))
          return layer;
    }
    for (const Base& base : bases) {
      DSTACK_TRY(auto layer, make_over(base));
      if (layer)
        return layer;
    }
    return std::nullopt;
  }

 private:
  struct Base {
    std::string name;
    job::TreeReference tree;
  };

  bool may_be_base(const job::TreeReference& base) const {
    const std::uint64_t more = std::max(base.files, tree_.files);
    const std::uint64_t fewer = std::min(base.files, tree_.files);
    return base.files >= fewest_files_of_base && more - fewer <= most_differences(base);
  }

  /// Which of them may be over others differs, and so do their names.
  std::string name_over(const job::TreeReference& base) const {
    return layer_name(
        objects_,
        render_reference(tree_) + render_reference(base) + (below_ == Below::others ? "+" : ""));
  }

  /// Nothing: the base has gone meanwhile.
  std::optional<Layer> over(const Base& base, Fd difference) const {
    auto used = use(objects_, folder_ / base.name);
    if (!used || !*used)
      return std::nullopt;
    Layer layer{{name_over(base.tree), base.name}, {}};
    layer.uses.push_back(std::move(difference));
    layer.uses.push_back(std::move(**used));
    return layer;
  }

  Result<std::optional<Layer>> make_over(const Base& base) const {
    DSTACK_TRY(const auto difference,
               find_difference(objects_, tree_, base.tree, most_differences(base.tree)));
    if (!difference || (difference->hides && below_ == Below::others))
      return std::nullopt;
    DSTACK_TRY(Fd made,
               make(folder_ / name_over(base.tree), record_of({tree_}), [&](const Path& draft) {
                 return lay_out(objects_, *difference, draft);
               }));
    return over(base, std::move(made));
  }

  const ObjectStore& objects_;
  const job::TreeReference& tree_;
  const Below below_;
  const Path& folder_;
};

/// As the paths of a tree are: a folder is followed by what is in it.
bool is_before(const TreeDifference::Entry& a, const TreeDifference::Entry& b) {
  const auto rank = [](char c) { return c == '/' ? '\0' : c; };
  return std::lexicographical_compare(
      a.path.begin(), a.path.end(), b.path.begin(), b.path.end(), [&](char x, char y) {
        return rank(x) < rank(y);
      });
}

Result<void> lay_out_merged(const ObjectStore& objects,
                            const std::vector<job::TreeReference>& trees,
                            const Path& draft) {
  DSTACK_TRY(auto found, list_trees(trees, objects));
  TreeDifference all;
  for (files::FoundFile& file : found) {
    TreeEntry entry{file.state.type,
                    file.digest.value_or(Digest{}),
                    file.state.size,
                    std::string(file_name(file.path))};
    all.entries.push_back(
        {std::move(file.path), std::move(entry), {file.state.modified, file.state.closed}});
  }
  std::sort(all.entries.begin(), all.entries.end(), is_before);
  return lay_out(objects, all, draft);
}

Layer single(std::string name, Fd use) {
  Layer layer{{std::move(name)}, {}};
  layer.uses.push_back(std::move(use));
  return layer;
}

Result<Layer> make_whole(const ObjectStore& objects,
                         const job::TreeReference& tree,
                         const Path& layer) {
  DSTACK_TRY(Fd made, make(layer, Json(tree).dump(), [&](const Path& draft) {
               return objects.lay_out(tree, draft, LayOut::shared);
             }));
  return single(layer.filename().string(), std::move(made));
}

}  // namespace

std::vector<Path> layers_without(const files::Home& home,
                                 const std::function<bool(const Digest& tree)>& is_needed) {
  const Path folder = layers_folder(home);
  std::vector<Path> found;
  for (const std::string& name : layers_by_last_use(folder)) {
    const auto trees = trees_in(folder / name);
    if (trees.empty() || !std::all_of(trees.begin(), trees.end(), [&](const auto& each) {
          return is_needed(each.tree);
        }))
      found.push_back(folder / name);
  }
  return found;
}

void remove_layer(const Path& layer) {
  remove_if_unused(layer);
}

Path layers_folder(const files::Home& home) {
  return home.layers() / (process::machine_id() + "-" + process::boot_id());
}

Result<Layer> provide_layer(const ObjectStore& objects,
                            const job::TreeReference& tree,
                            Below below) {
  const Path folder = layers_folder(objects.home());
  DSTACK_CHECK(make_folders(folder));
  const auto name = [&] { return layer_name(objects, render_reference(tree)); };
  const std::string before = name();
  DSTACK_TRY(auto whole, use(objects, folder / before));
  if (whole)
    return single(before, std::move(*whole));
  auto difference = DifferenceLayer(objects, tree, below, folder).provide();
  if (difference && *difference)
    return std::move(**difference);
  if (!difference) {  // a file system that cannot hide a name, for example
    DSTACK_CHECK(check_stop());
    log::info(fmt::format("a layer is made as a whole: {}", render(difference.error())));
  }
  return make_whole(objects, tree, folder / name());
}

Result<Layer> provide_merged_layer(const ObjectStore& objects,
                                   const std::vector<job::TreeReference>& trees) {
  const Path folder = layers_folder(objects.home());
  DSTACK_CHECK(make_folders(folder));
  std::string of;
  for (const job::TreeReference& tree : trees)
    of += render_reference(tree);
  std::string name = layer_name(objects, of);
  DSTACK_TRY(auto merged, use(objects, folder / name));
  if (merged)
    return single(name, std::move(*merged));
  name = layer_name(objects, of);
  DSTACK_TRY(Fd made, make(folder / name, record_of(trees), [&](const Path& draft) {
               return lay_out_merged(objects, trees, draft);
             }));
  return single(name, std::move(made));
}

}  // namespace dstack::store
