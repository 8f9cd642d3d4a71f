# Headers of others that nearly every source includes, compiled once. Headers of ours stay out, or a change of one
# would compile everything again.

# What stands in the headers of core/dstack/base, and so in nearly all of ours.
set(DSTACK_VOCABULARY dstack::boost_filesystem nlohmann_json::nlohmann_json tl::expected)

# dstack_precompile(<name> [<more headers>...]): for others to reuse. A target of its own, because the compiler takes
# precompiled headers only where nothing is defined that could change them.
function(dstack_precompile name)
  file(GENERATE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp" CONTENT "")
  add_library(${name} OBJECT "${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp")
  target_link_libraries(${name} PRIVATE ${DSTACK_VOCABULARY} dstack_build_flags)
  target_precompile_headers(${name} PRIVATE
    <algorithm> <array> <chrono> <cstdint> <functional> <map> <memory> <optional> <set> <string> <string_view>
    <unordered_map> <utility> <variant> <vector>
    <boost/filesystem/directory.hpp> <boost/filesystem/operations.hpp> <boost/filesystem/path.hpp>
    <fmt/core.h> <nlohmann/json.hpp> <tl/expected.hpp> ${ARGN})
endfunction()

dstack_precompile(dstack_precompiled)
