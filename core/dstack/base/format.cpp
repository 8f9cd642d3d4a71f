// Debian has fmt as headers and as a shared library, and each shared library costs start-up time.
// So the one function that every text goes through is compiled here; everybody else sees only its
// declaration.
#define FMT_HEADER_ONLY
#include <fmt/format.h>

namespace {

// They are inline here: naming them has them emitted.
[[gnu::used]] constexpr auto format_any =
    static_cast<std::string (*)(fmt::string_view, fmt::format_args)>(&fmt::vformat);
[[gnu::used]] constexpr auto fail_assertion = &fmt::detail::assert_fail;

}  // namespace
