# dstack_core_library(<folder> SOURCES <files...> [DEPENDS <folders...>] [LIBRARIES <targets...>])
#
# One library for each folder of core/dstack that holds sources; that of run/client is called dstack::run_client. DEPENDS
# names the folders it may use: the order of the arrows in docs/ARCHITECTURE.md. LIBRARIES are third-party and stay
# private, so a header of theirs is found nowhere else.
function(dstack_core_library folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS;LIBRARIES")
  string(REPLACE "/" "_" name "${folder}")
  add_library(dstack_${name} STATIC ${arg_SOURCES})
  add_library(dstack::${name} ALIAS dstack_${name})
  target_include_directories(dstack_${name} PUBLIC "${PROJECT_SOURCE_DIR}/core")
  foreach(dependency IN LISTS arg_DEPENDS)
    string(REPLACE "/" "_" dependency "${dependency}")
    target_link_libraries(dstack_${name} PUBLIC dstack::${dependency})
  endforeach()
  target_link_libraries(dstack_${name} PRIVATE dstack_build_flags ${arg_LIBRARIES})
  target_precompile_headers(dstack_${name} REUSE_FROM dstack_precompiled)
endfunction()
