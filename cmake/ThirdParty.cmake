# Imported targets third_party::* over the prefix that tools/setup filled.
if(EMSCRIPTEN)
  set(_kind wasm)
else()
  set(_kind native)
endif()
set(MIX_DEPS_DIR "${CMAKE_SOURCE_DIR}/.deps" CACHE PATH "Folder that tools/setup filled")
set(MIX_PREFIX "${MIX_DEPS_DIR}/${_kind}")
if(NOT EXISTS "${MIX_PREFIX}/lib/libsodium.a" OR NOT EXISTS "${MIX_PREFIX}/lib/liblwip.a")
  message(FATAL_ERROR "${MIX_PREFIX} is not built; run tools/setup")
endif()

# _mix_import(<name> [LIB <archive>] [INCLUDE <dirs>...] [DEFINES <defs>...])
function(_mix_import name)
  cmake_parse_arguments(ARG "" "LIB" "INCLUDE;DEFINES" ${ARGN})
  if(ARG_LIB)
    add_library(third_party::${name} STATIC IMPORTED GLOBAL)
    set_target_properties(third_party::${name} PROPERTIES
      IMPORTED_LOCATION "${MIX_PREFIX}/lib/lib${ARG_LIB}.a")
  else()
    add_library(third_party::${name} INTERFACE IMPORTED GLOBAL)
  endif()
  # Imported include folders are system folders: no warnings from foreign headers.
  target_include_directories(third_party::${name} INTERFACE ${ARG_INCLUDE})
  target_compile_definitions(third_party::${name} INTERFACE ${ARG_DEFINES})
endfunction()

set(_inc "${MIX_PREFIX}/include")
_mix_import(sodium LIB sodium INCLUDE ${_inc} DEFINES SODIUM_STATIC=1)
# libsodium's field arithmetic ("private/ed25519_ref10.h"), laid out as the library was built.
_mix_import(sodium_internal INCLUDE ${MIX_PREFIX}/include-internal ${_inc} ${_inc}/sodium
  DEFINES CONFIGURED=1 NATIVE_LITTLE_ENDIAN=1 $<$<NOT:$<BOOL:${EMSCRIPTEN}>>:HAVE_TI_MODE=1>)
target_link_libraries(third_party::sodium_internal INTERFACE third_party::sodium)
# The server half is compiled in natively for the tests' origins; structs depend on it, so all see it.
_mix_import(mbedtls LIB mbedtls INCLUDE ${_inc}
  DEFINES "MBEDTLS_CONFIG_FILE=\"mix_mbedtls_config.h\""
    $<$<NOT:$<BOOL:${EMSCRIPTEN}>>:MIX_MBEDTLS_TEST_PEER>)
_mix_import(lwip_headers INCLUDE ${MIX_PREFIX}/include-lwip)
_mix_import(lwip LIB lwip INCLUDE ${MIX_PREFIX}/include-lwip)
_mix_import(blake3 LIB blake3 INCLUDE ${_inc})
_mix_import(llhttp LIB llhttp INCLUDE ${_inc})
_mix_import(zlib LIB zlib INCLUDE ${_inc})
_mix_import(nghttp2 LIB nghttp2 INCLUDE ${_inc} DEFINES NGHTTP2_STATICLIB)
_mix_import(brotlidec LIB brotlidec INCLUDE ${_inc})
# Core has no exceptions (parse with json::parse(text, nullptr, false)), hosts do. The two builds of these
# templates must not meet in one program, so core's live in an inline namespace of their own.
set(_core "$<NOT:$<BOOL:$<TARGET_PROPERTY:MIX_THROWS>>>")
_mix_import(json INCLUDE ${_inc} DEFINES
  "$<${_core}:JSON_NOEXCEPTION=1>"
  "$<${_core}:NLOHMANN_JSON_NAMESPACE=nlohmann::mix_core>"
  "$<${_core}:NLOHMANN_JSON_NAMESPACE_BEGIN=namespace nlohmann{inline namespace mix_core{>"
  "$<${_core}:NLOHMANN_JSON_NAMESPACE_END=}}>")

if(EMSCRIPTEN)
  _mix_import(gtest LIB gtest INCLUDE ${_inc} DEFINES GTEST_HAS_PTHREAD=0)
  _mix_import(gtest_main LIB gtest_main INCLUDE ${_inc})
  target_link_libraries(third_party::gtest_main INTERFACE third_party::gtest)
  _mix_import(benchmark LIB benchmark INCLUDE ${_inc} DEFINES BENCHMARK_STATIC_DEFINE)
elseif(MIX_BUILD_TESTS)
  find_package(GTest REQUIRED)
  add_library(third_party::gtest INTERFACE IMPORTED GLOBAL)
  target_link_libraries(third_party::gtest INTERFACE GTest::gmock GTest::gtest)
  add_library(third_party::gtest_main INTERFACE IMPORTED GLOBAL)
  target_link_libraries(third_party::gtest_main INTERFACE GTest::gmock_main GTest::gmock GTest::gtest)
  find_package(benchmark REQUIRED)
  add_library(third_party::benchmark INTERFACE IMPORTED GLOBAL)
  target_link_libraries(third_party::benchmark INTERFACE benchmark::benchmark)
endif()

# mix_lwip_peer_library(<target> <C sources>...): a second lwIP in the same process, native only.
# The sources and a whole copy of lwIP become one relocatable object in which only lwip_peer_* stays
# visible, so it does not meet the lwIP of mix::net. The sources define lwIP's port functions (sys_now,
# mix_lwip_rand, mix_lwip_assert_failed) themselves; these are hidden too.
function(mix_lwip_peer_library target)
  if(EMSCRIPTEN)
    message(FATAL_ERROR "mix_lwip_peer_library is native only")
  endif()
  find_program(MIX_LD NAMES ld.lld-19 ld.lld ld REQUIRED)
  find_program(MIX_OBJCOPY NAMES llvm-objcopy-19 llvm-objcopy objcopy REQUIRED)
  add_library(${target}_objects OBJECT ${ARGN})
  target_link_libraries(${target}_objects PRIVATE third_party::lwip_headers)
  # Sanitizers bring their own constructors and tables, which do not survive the renaming.
  target_compile_options(${target}_objects PRIVATE -fno-sanitize=all -fPIC -fno-lto)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}.o)
  add_custom_command(OUTPUT ${object}
    COMMAND ${MIX_LD} -r -o ${object}.all $<TARGET_OBJECTS:${target}_objects>
      --whole-archive ${MIX_PREFIX}/lib/liblwip.a
    COMMAND ${MIX_OBJCOPY} -w --keep-global-symbol=lwip_peer_* ${object}.all ${object}
    DEPENDS ${target}_objects $<TARGET_OBJECTS:${target}_objects> ${MIX_PREFIX}/lib/liblwip.a
    COMMAND_EXPAND_LISTS VERBATIM)
  add_library(${target} STATIC ${object})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
endfunction()
