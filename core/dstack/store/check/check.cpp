#include "dstack/store/check/check.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/store/check/inventory.hpp"
#include "dstack/store/check/uses.hpp"
#include "dstack/store/objects/damage.hpp"
#include "dstack/store/objects/packs.hpp"
#include "dstack/store/objects/publication.hpp"

#include <algorithm>
#include <map>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

bool is_file_of_blob(Kind kind) {
  return kind == Kind::blob || kind == Kind::executable;
}

Kind twin_of(Kind kind) {
  return kind == Kind::blob ? Kind::executable : Kind::blob;
}

class StoreCheck {
 public:
  StoreCheck(ObjectStore& objects, const std::vector<ObjectStore>& others, Repair repair)
      : objects_(objects), others_(others), repair_(repair) {}

  Result<Checked> run(const std::vector<Root>& roots) {
    DSTACK_TRY(const Inventory inventory, Inventory::take(objects_));
    checked_.objects = inventory.files().size() + inventory.packed();
    checked_.bytes = inventory.bytes();
    Uses uses(objects_, inventory);
    uses.add(roots);
    lacks_ = uses.lacks();
    for (const StoredFile& file : inventory.files())
      if (!file.problem.empty())
        DSTACK_CHECK(take(file, inventory));
    for (const Digest& digest : inventory.damaged_in_packs())
      DSTACK_CHECK(take_packed(digest, inventory));
    for (const auto& [of, lack] : lacks_)
      DSTACK_CHECK(take_missing(lack, inventory));
    if (repair_ == Repair::yes)
      clear_aside();
    return std::move(checked_);
  }

 private:
  Path path_of(Kind kind, const Digest& digest) const {
    return objects_.home().root / object_name(kind, digest);
  }

  Finding& add(Kind kind, const Digest& digest, std::string problem) {
    Finding finding{path_of(kind, digest), std::move(problem)};
    if (const auto lack = lacks_.find({kind, digest}); lack != lacks_.end()) {
      finding.uses = lack->second.uses;
      finding.all_uses = lack->second.all_uses;
      lacks_.erase(lack);
    }
    checked_.findings.push_back(std::move(finding));
    return checked_.findings.back();
  }

  Result<void> take(const StoredFile& file, const Inventory& inventory) {
    Finding& finding = add(file.kind, file.digest, file.problem);
    if (repair_ == Repair::no)
      return {};
    const Fd open(::open(finding.object.c_str(), O_RDONLY | O_CLOEXEC));
    if (!open)
      return {};
    if (file.kind == Kind::pack) {
      // What it had is stored anew by the next capture that meets it, under any name.
      const Path aside = Damage(objects_.home()).folder() / finding.object.filename();
      (void)Damage(objects_.home()).found(file.kind, file.digest, open.get(), "");
      finding.is_healed = ::access(aside.c_str(), F_OK) == 0;
      objects_.packs().refresh();
      return {};
    }
    (void)Damage(objects_.home()).found(file.kind, file.digest, open.get(), "");
    return heal(finding, file.kind, file.digest, inventory);
  }

  Result<void> take_packed(const Digest& digest, const Inventory& inventory) {
    // It may have been meant as any of these.
    for (const Kind kind : {Kind::blob, Kind::executable, Kind::tree}) {
      if (!lacks_.contains({kind, digest}))
        continue;
      Finding& finding = add(kind, digest, "is damaged in its pack");
      if (repair_ == Repair::yes) {
        (void)Damage(objects_.home()).found_in_pack(digest);
        DSTACK_CHECK(heal(finding, kind, digest, inventory));
      }
      return {};
    }
    Finding& finding = add(Kind::blob, digest, "is damaged in its pack");
    if (repair_ == Repair::yes)
      (void)Damage(objects_.home()).found_in_pack(digest);
    finding.is_healed = repair_ == Repair::yes;  // another copy is used, or it is not needed
    return {};
  }

  Result<void> take_missing(const Lack& lack, const Inventory& inventory) {
    checked_.findings.push_back(
        {path_of(lack.kind, lack.digest), "is missing", lack.uses, lack.all_uses});
    if (repair_ == Repair::no)
      return {};
    (void)Damage(objects_.home()).found_missing(lack.kind, lack.digest);
    return heal(checked_.findings.back(), lack.kind, lack.digest, inventory);
  }

  /// There is none at its place any more.
  Result<void> heal(Finding& finding,
                    Kind kind,
                    const Digest& digest,
                    const Inventory& inventory) const {
    finding.is_healed = finding.all_uses == 0;
    if (kind != Kind::times && objects_.packs().read(digest).value_or(std::nullopt) &&
        !Damage(objects_.home()).is_in_pack(digest)) {
      finding.is_healed = true;
      return {};
    }
    if (!is_file_of_blob(kind))
      return {};
    if (inventory.has(twin_of(kind), digest, std::nullopt)) {
      DSTACK_TRY(finding.is_healed, copy_from(path_of(twin_of(kind), digest), kind, digest));
    }
    for (const ObjectStore& other : others_)
      for (const bool executable : {false, true}) {
        if (finding.is_healed && finding.all_uses > 0)
          return {};
        DSTACK_TRY(const bool is_copied,
                   copy_from(other.blob_path(digest, executable), kind, digest));
        finding.is_healed = finding.is_healed || is_copied;
      }
    return {};
  }

  /// False: there is nothing, or something else.
  Result<bool> copy_from(const Path& path, Kind kind, const Digest& digest) const {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));

    struct stat status {};

    if (!file || ::fstat(file.get(), &status) != 0)
      return false;
    Publication publication(objects_.home(), objects_.packs(), nullptr);
    DSTACK_TRY(const Streamed copied,
               publication.add_file(kind, file.get(), static_cast<std::uint64_t>(status.st_size)));
    if (copied.digest != digest)
      return false;
    DSTACK_CHECK(publication.publish());
    return true;
  }

  /// What was moved aside, but for what is known of packs.
  void clear_aside() const {
    boost::system::error_code error;
    for (fs::directory_iterator next(Damage(objects_.home()).folder(), error), end;
         !error && next != end;
         next.increment(error))
      if (!next->path().filename().string().ends_with(".packed"))
        ::unlink(next->path().c_str());
  }

  ObjectStore& objects_;
  const std::vector<ObjectStore>& others_;
  const Repair repair_;
  std::map<std::pair<Kind, Digest>, Lack> lacks_;  ///< of which nothing was said yet
  Checked checked_;
};

}  // namespace

bool Checked::is_whole() const {
  return std::all_of(
      findings.begin(), findings.end(), [](const Finding& finding) { return finding.is_healed; });
}

Result<Checked> check_store(ObjectStore& objects,
                            const std::vector<Root>& roots,
                            const std::vector<ObjectStore>& others,
                            Repair repair) {
  return StoreCheck(objects, others, repair).run(roots);
}

}  // namespace dstack::store
