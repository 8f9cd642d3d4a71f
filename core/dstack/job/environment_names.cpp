#include "dstack/job/environment_names.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <array>

namespace dstack::job {

namespace {

using namespace std::string_view_literals;

constexpr std::array reserved_names = {
    "RUN_NAME"sv,
    "JOB_ID"sv,
    "JOB_HOSTNAME"sv,
    "HOSTNAME"sv,
    "MASTER_JOB_ID"sv,
    "MASTER_JOB_HOSTNAME"sv,
    "DSTACK_JOB_DIR"sv,
    "DSTACK_PROJECT"sv,
    "DSTACK_GIT_COMMIT"sv,
    "DSTACK_GIT_BRANCH"sv,
    "DSTACK_GIT_REMOTE"sv,
    "CUDA_VISIBLE_DEVICES"sv,
    "CUDA_DEVICE_ORDER"sv,
};
constexpr std::array reserved_with_number = {"JOB_PORT_"sv, "PORT_"sv, "MASTER_JOB_PORT_"sv};

constexpr std::array base_names = {
    "PATH"sv,
    "HOME"sv,
    "USER"sv,
    "LANG"sv,
    "TERM"sv,
    "TZ"sv,
    "TMPDIR"sv,
    "HTTP_PROXY"sv,
    "HTTPS_PROXY"sv,
    "FTP_PROXY"sv,
    "ALL_PROXY"sv,
    "NO_PROXY"sv,
    "REQUESTS_CA_BUNDLE"sv,
    "LD_LIBRARY_PATH"sv,
    "PYTHONUNBUFFERED"sv,
};
constexpr std::array base_prefixes = {"LC_"sv, "SSL_CERT_"sv};

bool begins_with(std::string_view name, std::string_view prefix) {
  return name.substr(0, prefix.size()) == prefix;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

bool is_reserved_environment_name(std::string_view name) {
  if (std::find(reserved_names.begin(), reserved_names.end(), name) != reserved_names.end())
    return true;
  return std::any_of(
      reserved_with_number.begin(), reserved_with_number.end(), [&](std::string_view prefix) {
        return begins_with(name, prefix) && is_number(name.substr(prefix.size()));
      });
}

Error reserved_name_error(std::string_view name, SourceLocation where, ErrorCode code) {
  Error error;
  error.code = code;
  error.message = "'" + std::string(name) + "' is set by dstack itself";
  if (where.source)
    error.where = std::move(where);
  error.hint = "choose another name";
  return error;
}

bool is_base_environment_name(std::string_view name) {
  // Programs read the proxies' names in either case.
  const std::string upper = to_upper(name);
  const bool proxy = upper.size() > 6 && upper.compare(upper.size() - 6, 6, "_PROXY") == 0;
  const std::string_view known = proxy ? std::string_view(upper) : name;
  if (std::find(base_names.begin(), base_names.end(), known) != base_names.end())
    return true;
  return std::any_of(base_prefixes.begin(), base_prefixes.end(), [&](std::string_view prefix) {
    return begins_with(name, prefix);
  });
}

}  // namespace dstack::job
