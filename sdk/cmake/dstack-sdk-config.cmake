# find_package(dstack-sdk) gives the target dstack::sdk and the function dstack_add_provider().
include("${CMAKE_CURRENT_LIST_DIR}/dstack-sdk-targets.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/DstackProvider.cmake")
