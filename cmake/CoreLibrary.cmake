# dstack_core_library(<folder> SOURCES <files...> [DEPENDS <folders...>] [LIBRARIES <targets...>])
#
# One library for each folder of core/dstack. DEPENDS names the folders it may use: the order of the arrows in
# docs/ARCHITECTURE.md. LIBRARIES are third-party and stay private, so a header of theirs is found nowhere else.
function(dstack_core_library folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS;LIBRARIES")
  add_library(dstack_${folder} STATIC ${arg_SOURCES})
  add_library(dstack::${folder} ALIAS dstack_${folder})
  target_include_directories(dstack_${folder} PUBLIC "${PROJECT_SOURCE_DIR}/core")
  foreach(dependency IN LISTS arg_DEPENDS)
    target_link_libraries(dstack_${folder} PUBLIC dstack::${dependency})
  endforeach()
  target_link_libraries(dstack_${folder} PRIVATE dstack_build_flags ${arg_LIBRARIES})
  target_precompile_headers(dstack_${folder} REUSE_FROM dstack_precompiled)
endfunction()
