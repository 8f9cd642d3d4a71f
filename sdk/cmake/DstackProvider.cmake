# dstack_add_provider(<name> SOURCES <files...> [MANIFEST <file>] [LIBRARIES <targets...>])
#
# Makes <name>.so, a provider: a module that only exports the provider's entry and has its manifest
# (manifest.json beside the CMakeLists.txt by default) in the section `.dstack`, where dstack reads it without
# loading the library. The version of the interface is added to the manifest here: it is that of the headers.
function(dstack_add_provider name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MANIFEST" "SOURCES;LIBRARIES")
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "dstack_add_provider(${name}): SOURCES is missing")
  endif()
  if(NOT arg_MANIFEST)
    set(arg_MANIFEST manifest.json)
  endif()
  cmake_path(ABSOLUTE_PATH arg_MANIFEST BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  set(section "${CMAKE_CURRENT_BINARY_DIR}/${name}.manifest.cpp")
  dstack_write_manifest_section("${arg_MANIFEST}" "${section}")

  add_library(${name} MODULE ${arg_SOURCES} "${section}")
  target_link_libraries(${name} PRIVATE dstack::sdk ${arg_LIBRARIES})
  set_target_properties(${name} PROPERTIES
    PREFIX ""
    SUFFIX ".so"
    NO_SONAME ON
    CXX_VISIBILITY_PRESET hidden
    C_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/exports.map")
  target_link_options(${name} PRIVATE
    "LINKER:--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/exports.map" LINKER:-z,now LINKER:--exclude-libs,ALL)
  # The functions of a sanitizer come from the program that loads the library.
  if(NOT DSTACK_SANITIZE AND NOT "${CMAKE_CXX_FLAGS} ${CMAKE_C_FLAGS}" MATCHES "-fsanitize=")
    target_link_options(${name} PRIVATE LINKER:-z,defs)
  endif()
endfunction()

# Writes a source that puts the manifest into the section `.dstack`. The section is loaded with the library, so strip
# keeps it.
function(dstack_write_manifest_section manifest source)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${manifest}")
  if(NOT EXISTS "${manifest}")
    message(FATAL_ERROR "the provider's manifest is missing: ${manifest}")
  endif()
  file(READ "${manifest}" text)
  string(JSON type ERROR_VARIABLE error TYPE "${text}")
  if(NOT type STREQUAL "OBJECT")
    message(FATAL_ERROR "${manifest} is not a JSON object: ${error}")
  endif()
  string(JSON provider ERROR_VARIABLE error GET "${text}" name)
  if(error)
    message(FATAL_ERROR "${manifest} has no 'name'")
  endif()
  string(JSON abi ERROR_VARIABLE error GET "${text}" abi)
  if(error)
    dstack_abi_version(abi)
    string(REGEX REPLACE "^([ \t\r\n]*){" "\\1{\n  \"abi\": \"${abi}\"," text "${text}")
  endif()
  file(WRITE "${source}.json" "${text}")
  file(READ "${source}.json" bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n  "
         bytes "${bytes}")
  file(CONFIGURE OUTPUT "${source}" @ONLY CONTENT "// Made of @manifest@.
#if defined(__has_attribute)
#if __has_attribute(retain)
__attribute__((retain))
#endif
#endif
__attribute__((used, section(\".dstack\"))) static const unsigned char manifest[] = {
  @bytes@
};
")
endfunction()

# The version of the interface, "0.0", as the SDK's headers define it: beside this folder in the source tree, in
# <prefix>/include where it is installed.
function(dstack_abi_version variable)
  find_file(header dstack/abi.h NO_CACHE NO_DEFAULT_PATH REQUIRED PATHS
    "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../include" "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../../../include")
  file(STRINGS "${header}" lines REGEX "#define DSTACK_ABI_(MAJOR|MINOR) [0-9]+")
  string(REGEX MATCHALL "[0-9]+" numbers "${lines}")
  list(JOIN numbers "." version)
  set(${variable} "${version}" PARENT_SCOPE)
endfunction()
