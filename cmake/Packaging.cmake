# What `cmake --install` puts where, and the Debian package that `cpack` makes of it. Nothing of it holds an absolute
# path: the program finds its providers in ../lib/dstack/plugins, seen from where it lies, so the tree may be moved.
install(TARGETS dstack RUNTIME DESTINATION bin COMPONENT dstack)
install(FILES README.md LICENSE DESTINATION share/doc/dstack COMPONENT dstack)
install(DIRECTORY docs DESTINATION share/doc/dstack COMPONENT dstack
  PATTERN "__pycache__" EXCLUDE)
# Where AppArmor looks for it is for the package's own scripts to say, or for an administrator.
install(FILES cmake/debian/apparmor-profile DESTINATION share/dstack/apparmor.d RENAME dstack COMPONENT dstack)

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
