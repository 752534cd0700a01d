# How our own code is built: mix_rung() for a library in core/, mix_test() for its tests.
include_guard(GLOBAL)

# Flags of all our code; third_party/ is built apart and quietly.
add_library(mix_flags INTERFACE)
target_compile_features(mix_flags INTERFACE cxx_std_20)
target_compile_options(mix_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
if(EMSCRIPTEN)
  target_compile_options(mix_flags INTERFACE -msimd128)
endif()

# Hosts. Boost's templates under the sanitizers compile three times faster unoptimised.
add_library(mix_host_flags INTERFACE)
target_link_libraries(mix_host_flags INTERFACE mix_flags)
if(MIX_SANITIZE)
  target_compile_options(mix_host_flags INTERFACE -O0)
endif()

# Core: errors are values. A class in core/ that hosts derive from must have no virtual function defined
# in a .cpp (its type information would be missing where run-time types are on: wasm/, localnet/).
add_library(mix_core_flags INTERFACE)
target_link_libraries(mix_core_flags INTERFACE mix_flags)
target_compile_options(mix_core_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)

# The fuzzer learns from the branches of what is fuzzed; the instruments cost tests little there. Ciphers
# have nothing to tell it, and would be slowed down most.
set(MIX_FUZZ_FLAGS "")
if(MIX_BUILD_FUZZ)
  set(MIX_FUZZ_FLAGS -fsanitize=fuzzer-no-link)
endif()

# What is tested keeps its optimiser; under the sanitizers a test compiles twice as fast without.
set(MIX_TEST_OPTIONS)
if(MIX_SANITIZE)
  set(MIX_TEST_OPTIONS -O0)
endif()
include(cmake/Precompiled.cmake)

function(_mix_add_library target)
  cmake_parse_arguments(ARG "" "INCLUDE" "SOURCES;DEPS;PRIVATE_DEPS;FLAGS" ${ARGN})
  # Our flags and folders are not those of who uses the installed library.
  list(TRANSFORM ARG_FLAGS REPLACE "(.+)" "$<BUILD_INTERFACE:\\1>")
  set(ARG_INCLUDE $<BUILD_INTERFACE:${ARG_INCLUDE}> $<INSTALL_INTERFACE:include>)
  if(ARG_SOURCES)
    add_library(${target} STATIC ${ARG_SOURCES})
    target_link_libraries(${target} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS} ${ARG_FLAGS})
    target_include_directories(${target} PUBLIC ${ARG_INCLUDE})
  else()
    # Nothing to compile (yet).
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${ARG_DEPS})
    target_include_directories(${target} INTERFACE ${ARG_INCLUDE})
  endif()
endfunction()

# mix_rung(<name> [SMALL] DEPS <rungs below, seen through its headers> PRIVATE_DEPS <hidden in its sources>)
# core/<name>/src/*.cpp with headers in core/<name>/include, as mix::<name>. Only what is listed can be
# included: the build guards the line of rungs. SMALL: runs seldom, so the module's size counts more than speed.
function(mix_rung name)
  cmake_parse_arguments(ARG "SMALL" "" "DEPS;PRIVATE_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS
    ${CMAKE_CURRENT_SOURCE_DIR}/src/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/src/*.c)
  _mix_add_library(mix_${name} SOURCES ${sources} DEPS ${ARG_DEPS} PRIVATE_DEPS ${ARG_PRIVATE_DEPS}
    FLAGS mix_core_flags INCLUDE ${CMAKE_CURRENT_SOURCE_DIR}/include)
  if(sources)
    target_include_directories(mix_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src)
    if(NOT name STREQUAL crypto)
      target_compile_options(mix_${name} PRIVATE ${MIX_FUZZ_FLAGS})
      mix_use_precompiled(mix_${name} rung)
    endif()
    if(ARG_SMALL AND EMSCRIPTEN)
      target_compile_options(mix_${name} PRIVATE -Oz)
    endif()
  endif()
  add_library(mix::${name} ALIAS mix_${name})
endfunction()

# mix_test(<name> DEPS ... [SOURCES ...] [HOST] [SHARDS n] [RUNNER command...] [LABEL label])
# <name>_test from the *_test.cpp of the current folder. HOST: native only, with exceptions and run-time
# types, for tests that use localnet/ or the system. Natively a program, in wasm run under Node. SHARDS:
# run as so many processes, each with its part of the tests. RUNNER: what runs the program. LABEL: CTest's.
function(mix_test name)
  cmake_parse_arguments(ARG "HOST" "SHARDS;LABEL" "DEPS;SOURCES;RUNNER" ${ARGN})
  if(ARG_HOST AND EMSCRIPTEN)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  set(target ${name}_test)
  add_executable(${target} ${sources} ${ARG_SOURCES})
  target_include_directories(${target} PRIVATE
    ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE
    MIX_VECTORS_DIR="${CMAKE_SOURCE_DIR}/tests/vectors")
  if(ARG_HOST)
    target_link_libraries(${target} PRIVATE mix_host_flags)
    set_target_properties(${target} PROPERTIES MIX_THROWS ON)
    mix_use_precompiled(${target} host_test)
  else()
    target_link_libraries(${target} PRIVATE mix_core_flags)
    mix_use_precompiled(${target} test)
  endif()
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} mix_test_support third_party::gtest_main)
  target_compile_options(${target} PRIVATE ${MIX_TEST_OPTIONS})
  if(EMSCRIPTEN)
    # Node's own files for the vectors; a stack as the module's. Linked without the whole-program
    # optimiser, which takes fifteen times as long and is not what is under test.
    target_link_options(${target} PRIVATE -sNODERAWFS=1 -sEXIT_RUNTIME=1 -sALLOW_MEMORY_GROWTH=1
      -sSTACK_SIZE=1MB -sENVIRONMENT=node -O1 -sASSERTIONS=1)
    _mix_run_test(${target} ${MIX_NODE} $<TARGET_FILE:${target}>)
  elseif(ARG_SHARDS)
    math(EXPR last "${ARG_SHARDS} - 1")
    foreach(shard RANGE ${last})
      _mix_run_test(${target}_${shard} ${target})
      set_property(TEST ${target}_${shard} APPEND PROPERTY ENVIRONMENT
        GTEST_TOTAL_SHARDS=${ARG_SHARDS} GTEST_SHARD_INDEX=${shard})
    endforeach()
  else()
    _mix_run_test(${target} ${ARG_RUNNER} $<TARGET_FILE:${target}>)
    set_property(TEST ${target} PROPERTY LABELS ${ARG_LABEL})
  endif()
endfunction()

# tools/test.mjs counts by the report. The time-out ends what hangs, on machines that are busy, too.
function(_mix_run_test name)
  add_test(NAME ${name} COMMAND ${ARGN} --gtest_output=json:${CMAKE_BINARY_DIR}/results/${name}.json)
  set_tests_properties(${name} PROPERTIES TIMEOUT 1800 ENVIRONMENT "${MIX_TEST_ENVIRONMENT}")
endfunction()
