// What a provider-host child answered (child_protocol.hpp), read as untrusted input: the library in
// the child may have written anything. Internal to this folder.
#pragma once

#include "dstack/provider/host/calls.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::provider {

/// "provider 'hello' (/home/me/.dstack/plugins/hello.so) crashed with …". The default hint says
/// that it is a bug of the provider.
Failure fault(const Candidate& provider, const std::string& did, std::string hint = {});

/// One reply for each request, in order.
Result<std::vector<PlanReply>> parse_replies(const Candidate& provider,
                                             std::string_view text,
                                             const std::vector<PlanRequest>& requests);

}  // namespace dstack::provider
