# What `cmake --install BUILD --component sdk --prefix PREFIX` puts there, for find_package(mix CONFIG):
# mix::native and the rungs below it as static libraries with their headers, and the third-party
# archives that they need.
include_guard(GLOBAL)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(_rungs base crypto sphinx gateway directory mixnet ipr net tls http dns websocket tunnel)
set(_package ${CMAKE_INSTALL_LIBDIR}/cmake/mix)

foreach(rung IN LISTS _rungs ITEMS json native)
  set_target_properties(mix_${rung} PROPERTIES EXPORT_NAME ${rung})
  install(TARGETS mix_${rung} EXPORT mixTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk)
endforeach()
# Headers of mix::json are for the rungs' own sources.
foreach(rung IN LISTS _rungs)
  install(DIRECTORY core/${rung}/include/ DESTINATION include COMPONENT sdk)
endforeach()
install(DIRECTORY native/include/ DESTINATION include COMPONENT sdk)

foreach(library sodium mbedtls lwip blake3 llhttp zlib nghttp2 brotlidec)
  install(FILES ${MIX_PREFIX}/lib/lib${library}.a DESTINATION ${CMAKE_INSTALL_LIBDIR}/mix COMPONENT sdk)
endforeach()
install(FILES THIRD_PARTY_NOTICES LICENSE DESTINATION share/doc/mix COMPONENT sdk)

install(EXPORT mixTargets NAMESPACE mix:: DESTINATION ${_package} COMPONENT sdk)
configure_package_config_file(cmake/mixConfig.cmake.in ${CMAKE_BINARY_DIR}/mixConfig.cmake
  INSTALL_DESTINATION ${_package} PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/mixConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/mixConfig.cmake ${CMAKE_BINARY_DIR}/mixConfigVersion.cmake
  DESTINATION ${_package} COMPONENT sdk)
