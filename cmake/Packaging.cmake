# What `cmake --install` puts where, and the Debian package that `cpack` makes of it. Nothing of it holds an absolute
# path: the program finds its providers in ../lib/dstack/plugins, seen from where it lies, so the tree may be moved.
install(TARGETS dstack RUNTIME DESTINATION bin COMPONENT dstack)
install(FILES README.md LICENSE DESTINATION share/doc/dstack COMPONENT dstack)
install(DIRECTORY docs DESTINATION share/doc/dstack COMPONENT dstack
  PATTERN "__pycache__" EXCLUDE)
# Where AppArmor looks for it is for the package's own scripts to say, or for an administrator.
install(FILES cmake/debian/apparmor-profile DESTINATION share/dstack/apparmor.d RENAME dstack COMPONENT dstack)

# What the tree consists of, by package, version and digest. Behind everything else that is installed. Where there is no
# Python nobody could read it anyway.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_Interpreter_FOUND)
  set(DSTACK_LINKED "")
  get_cmake_property(variables VARIABLES)
  foreach(variable IN LISTS variables)
    if(variable MATCHES "^DSTACK_(ARCHIVE|LIBRARY)_" AND EXISTS "${${variable}}")
      list(APPEND DSTACK_LINKED "${${variable}}")
    endif()
  endforeach()
  foreach(header IN ITEMS CLI/CLI.hpp boost/version.hpp fmt/core.h nlohmann/json.hpp spdlog/spdlog.h tl/expected.hpp toml++/toml.h)
    find_file(DSTACK_HEADER "${header}" NO_CACHE)
    if(DSTACK_HEADER)
      list(APPEND DSTACK_LINKED "${DSTACK_HEADER}")
    endif()
    unset(DSTACK_HEADER)
  endforeach()
  install(CODE "
    set(tree \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
    execute_process(
      COMMAND \"${Python3_EXECUTABLE}\" -B \"${PROJECT_SOURCE_DIR}/cmake/scripts/sbom.py\"
        \"\${tree}\" ${PROJECT_VERSION} \"\${tree}/share/doc/dstack/sbom.spdx.json\" ${DSTACK_LINKED}
      COMMAND_ERROR_IS_FATAL ANY)"
    COMPONENT dstack)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME dstack)
set(CPACK_PACKAGE_VENDOR "the dstack authors")
set(CPACK_PACKAGE_CONTACT "the dstack authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)  # the manifests stay: their section is loaded with the library
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "git, python3-venv")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "docker.io | podman")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${PROJECT_SOURCE_DIR}/cmake/debian/postinst" "${PROJECT_SOURCE_DIR}/cmake/debian/prerm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
