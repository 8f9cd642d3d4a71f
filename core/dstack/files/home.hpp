// Where a user's state lives: $DSTACK_HOME, by default ~/.dstack.
#pragma once

#include "dstack/base/file.hpp"

namespace dstack::files {

/// Names only; nothing is touched until open_home().
///
///     config.yaml   database.sqlite   plugins/   environments/   objects/   packs/   trees/
///     layers/   index/   runs/<run>/   tmp/   store.lock   reserve
struct Home {
  Path root;

  Path config() const { return root / "config.yaml"; }

  Path database() const { return root / "database.sqlite"; }

  Path plugins() const { return root / "plugins"; }

  /// Which libraries of projects the user trusts (provider/discovery/trust.hpp).
  Path trusted_providers() const { return root / "trusted-providers.json"; }

  /// The vault (secrets/vault.hpp).
  Path secrets() const { return root / "secrets"; }

  Path environments() const { return root / "environments"; }

  Path tools() const { return root / "tools"; }

  /// Trees that are laid out (store/layers/layers.hpp).
  Path layers() const { return root / "layers"; }

  Path index() const { return root / "index"; }

  /// What is agreed while objects are removed (store/objects/removal_lock.hpp).
  Path removal_lock() const { return root / "store.lock"; }

  /// Held by who looks for what is not needed.
  Path look_lock() const { return root / "removal.lock"; }

  Path temporary() const { return root / "tmp"; }

  /// Room that is kept back for a full disk (files/reserve.hpp).
  Path reserve() const { return root / "reserve"; }

  Path runs() const { return root / "runs"; }

  Path run(const std::string& name) const { return runs() / name; }

  /// Folder of one job: log, log.times, exit.json, workspace/.
  Path job(const std::string& run_name, std::size_t index) const {
    return run(run_name) / std::to_string(index);
  }
};

/// $DSTACK_HOME, or ~/.dstack, as an absolute path.
Home home_from_environment();
/// Makes the folders that are missing, for the user alone (0700). An error says what cannot be
/// written and how to choose another place.
Result<void> prepare_home(const Home& home);

}  // namespace dstack::files
