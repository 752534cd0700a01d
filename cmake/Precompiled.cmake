# Foreign headers that most files read, compiled once for each set of flags: a quarter less time for a
# test, an eighth for a source. Our own stay out, since a rung sees only those below it. Not together
# with ccache, which saves more, but nothing in a new clone.
include_guard(GLOBAL)
option(MIX_PRECOMPILE "Precompile foreign headers where there is no ccache" OFF)
if(CMAKE_CXX_COMPILER_LAUNCHER)
  set(MIX_PRECOMPILE OFF)
endif()

# All of them; clang-tidy reads them, too.
add_custom_target(mix_precompiled)

# _mix_precompile(<kind> [THROWS] DEPS <flags and libraries> HEADERS ... [OPTIONS ...])
function(_mix_precompile kind)
  cmake_parse_arguments(ARG "THROWS" "" "DEPS;HEADERS;OPTIONS" ${ARGN})
  set(target mix_precompiled_${kind})
  add_library(${target} OBJECT EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/cmake/precompiled/empty.cpp)
  target_link_libraries(${target} PRIVATE ${ARG_DEPS})
  target_compile_options(${target} PRIVATE ${ARG_OPTIONS})
  set_target_properties(${target} PROPERTIES MIX_THROWS "${ARG_THROWS}")
  list(TRANSFORM ARG_HEADERS REPLACE "(.+)" "$<$<COMPILE_LANGUAGE:CXX>:\\1>")
  target_precompile_headers(${target} PRIVATE ${ARG_HEADERS})
  add_dependencies(mix_precompiled ${target})
endfunction()

# mix_use_precompiled(<target> rung|test|host|host_test): the kind whose flags the target has.
function(mix_use_precompiled target kind)
  if(TARGET mix_precompiled_${kind})
    target_precompile_headers(${target} REUSE_FROM mix_precompiled_${kind})
  endif()
endfunction()

if(MIX_PRECOMPILE)
  set(standard ${CMAKE_SOURCE_DIR}/cmake/precompiled/standard.h)
  set(test ${standard} <gtest/gtest.h> <nlohmann/json.hpp>)
  if(MIX_BUILD_TESTS)
    _mix_precompile(test DEPS mix_core_flags third_party::gtest third_party::json HEADERS ${test}
      OPTIONS ${MIX_TEST_OPTIONS})
  endif()
  # The module is built without, so that it depends on nothing but its sources.
  if(NOT EMSCRIPTEN)
    _mix_precompile(rung DEPS mix_core_flags HEADERS ${standard} OPTIONS ${MIX_FUZZ_FLAGS})
    _mix_precompile(host THROWS DEPS mix_host_flags third_party::json
      HEADERS ${standard} ${CMAKE_SOURCE_DIR}/cmake/precompiled/boost.h <nlohmann/json.hpp>)
    if(MIX_BUILD_TESTS)
      _mix_precompile(host_test THROWS DEPS mix_host_flags third_party::gtest third_party::json
        HEADERS ${test} OPTIONS ${MIX_TEST_OPTIONS})
    endif()
  endif()
endif()
