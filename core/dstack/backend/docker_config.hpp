// The configuration of Docker's own command line, as far as others go by it: the context that is in
// use, and where the accounts of registries are. Nothing is written.
#pragma once

#include "dstack/backend/container_engine.hpp"
#include "dstack/base/file.hpp"

#include <optional>
#include <string>

namespace dstack::backend {

/// DOCKER_CONFIG, else `.docker` of the home; empty when there is neither.
Path docker_config_folder(const Variables& variables);

/// The map in a file of the kind of `config.json`, or null when there is no such file.
Result<Json> read_config_file(const Path& file);

/// The engine of the context that Docker's command line would use; nothing where that is the usual
/// engine of this machine. DOCKER_HOST, which goes before all contexts, is not looked at.
Result<std::optional<EngineAddress>> address_of_context(const Variables& variables);

/// What DOCKER_HOST, CONTAINER_HOST or a context names, an address such as `unix:///run/x.sock`.
/// `named_by` is for messages; `tls` is used for `tcp://` when it has files or `any_server`.
Result<EngineAddress> parse_engine_host(const std::string& host,
                                        const std::string& named_by,
                                        const EngineTls& tls);

}  // namespace dstack::backend
