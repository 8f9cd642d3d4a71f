# Every third-party library, once. Release links the static archives where Debian has them: one run starts this
# program four times, and each shared library costs start-up time (docs/decisions).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT DSTACK_SANITIZE)
  set(DSTACK_STATIC_DEFAULT ON)
else()
  set(DSTACK_STATIC_DEFAULT OFF)
endif()
option(DSTACK_STATIC_LIBRARIES "Link third-party libraries statically" ${DSTACK_STATIC_DEFAULT})
if(DSTACK_STATIC_LIBRARIES)
  # The C++ runtime too: half a millisecond of each start. libc stays shared, or no provider could be loaded.
  target_link_options(dstack_build_flags INTERFACE -static-libstdc++ -static-libgcc)
endif()

# dstack_archive(<target> <name> [<targets it needs>...]) makes an imported target of lib<name>.a, or of the
# shared library where there is no archive or none is wanted.
function(dstack_archive target name)
  add_library(${target} INTERFACE IMPORTED)
  if(DSTACK_STATIC_LIBRARIES)
    find_library(DSTACK_ARCHIVE_${name} NAMES lib${name}.a)
  endif()
  if(DSTACK_STATIC_LIBRARIES AND DSTACK_ARCHIVE_${name})
    target_link_libraries(${target} INTERFACE "${DSTACK_ARCHIVE_${name}}")
  else()
    find_library(DSTACK_LIBRARY_${name} NAMES ${name} REQUIRED)
    target_link_libraries(${target} INTERFACE "${DSTACK_LIBRARY_${name}}")
  endif()
  target_link_libraries(${target} INTERFACE ${ARGN})
endfunction()

find_package(Boost 1.74 REQUIRED)  # headers: DLL; the compiled part is Filesystem
dstack_archive(dstack::boost_filesystem boost_filesystem Boost::headers Threads::Threads)
target_compile_definitions(dstack::boost_filesystem INTERFACE BOOST_FILESYSTEM_NO_DEPRECATED)
dstack_archive(dstack::yaml_cpp yaml-cpp)
dstack_archive(dstack::sqlite3 sqlite3 Threads::Threads ${CMAKE_DL_LIBS} m)
dstack_archive(dstack::crypto crypto Threads::Threads ${CMAKE_DL_LIBS})
dstack_archive(dstack::sodium sodium Threads::Threads)

find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
# Its headers alone: its own target links fmt's shared library, which base/format.cpp makes superfluous.
add_library(dstack::spdlog INTERFACE IMPORTED)
target_compile_definitions(dstack::spdlog INTERFACE SPDLOG_FMT_EXTERNAL)
target_include_directories(dstack::spdlog INTERFACE
  $<TARGET_PROPERTY:spdlog::spdlog_header_only,INTERFACE_INCLUDE_DIRECTORIES>)
target_link_libraries(dstack::spdlog INTERFACE Threads::Threads)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
# Its headers alone: one source uses it (core/dstack/base/toml.cpp), and a shared library costs start-up time.
find_path(DSTACK_TOMLPLUSPLUS_HEADERS toml++/toml.h REQUIRED)
add_library(dstack::tomlplusplus INTERFACE IMPORTED)
target_include_directories(dstack::tomlplusplus INTERFACE "${DSTACK_TOMLPLUSPLUS_HEADERS}")
