// The accounts of registries that `docker login` and `podman login` have recorded. What is found
// here is secret: it goes to the engine, and never into a log or a message.
#pragma once

#include "dstack/backend/container_image.hpp"
#include "dstack/base/file.hpp"

#include <functional>
#include <string>
#include <vector>

namespace dstack::backend {

/// Where accounts are recorded, in the order in which they are looked at: Docker's `config.json`;
/// for Podman its own `auth.json` before that.
std::vector<Path> login_files(bool podman, const Variables& variables);

/// The account for the registry of an image, from the first file that has one: from `auths`, or
/// from the credential helper that `credHelpers` or `credsStore` names, a program that is asked.
/// Without an account the name and the token are empty. A file that cannot be read and a helper
/// that fails are a sentence for `warn`.
RegistryUser find_login(const std::string& image,
                        const std::vector<Path>& files,
                        const std::function<void(const std::string&)>& warn);

/// The text that base64 stands for; nothing when it is not base64.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace dstack::backend
