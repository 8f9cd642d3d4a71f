# How our own targets are compiled. Linked privately by each of them, exported by none.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(DSTACK_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")

find_program(DSTACK_CCACHE ccache)
if(DSTACK_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness is what ccache asks for with precompiled headers; none of ours holds a date or a time.
  set(DSTACK_LAUNCHER env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros "${DSTACK_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${DSTACK_LAUNCHER}")
  set(CMAKE_C_COMPILER_LAUNCHER "${DSTACK_LAUNCHER}")
endif()

# The test programs hold much to debug with, and binutils' linker takes seconds for each of them.
find_program(DSTACK_MOLD mold)

add_library(dstack_build_flags INTERFACE)
if(DSTACK_MOLD AND NOT (CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12.1))
  target_link_options(dstack_build_flags INTERFACE $<$<CONFIG:Debug>:-fuse-ld=mold>)
endif()
# Nothing that is built knows where its sources lay: two clones give the same files, and share one compiler cache.
target_compile_options(dstack_build_flags INTERFACE "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(dstack_build_flags INTERFACE -fpch-preprocess)
endif()
target_compile_options(dstack_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wformat=2 -Wcast-align
  $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi>)
# GCC before 13 sees, in optimised code, reads and writes out of bounds in std::string and std::optional that are none
# (its bugs 105329, 105651 and 105593). The dev preset, where warnings are errors, builds without them.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(dstack_build_flags INTERFACE
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Release>>:-Wno-array-bounds;-Wno-restrict;-Wno-stringop-overflow;-Wno-maybe-uninitialized>)
endif()

# What people install is small and starts quickly; what we test checks the standard library's preconditions.
target_compile_definitions(dstack_build_flags INTERFACE $<$<NOT:$<CONFIG:Release>>:_GLIBCXX_ASSERTIONS>)
target_compile_options(dstack_build_flags INTERFACE $<$<CONFIG:Release>:-ffunction-sections;-fdata-sections>)
target_link_options(dstack_build_flags INTERFACE $<$<CONFIG:Release>:LINKER:--gc-sections;-s>)

if(DSTACK_SANITIZE)
  target_compile_options(dstack_build_flags INTERFACE
    -fsanitize=${DSTACK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(dstack_build_flags INTERFACE -fsanitize=${DSTACK_SANITIZE})
endif()
