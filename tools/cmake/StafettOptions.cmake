# Language, warnings, sanitizers, ccache. Included once, by the top CMakeLists.txt.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

set(STAFETT_SANITIZE "" CACHE STRING "Comma list for -fsanitize=, empty for none")
option(STAFETT_TESTS "Build the tests" ON)
option(STAFETT_BENCH "Build the benchmarks" OFF)
option(STAFETT_ONLY_LIBS "Build only the libraries that do not link gRPC, and their tests" OFF)

find_program(STAFETT_CCACHE ccache)
if(STAFETT_CCACHE)
  # Paths relative to the clone: another clone on the same machine finds what this one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
    "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${STAFETT_CCACHE}")
endif()

# Our own code. Generated code gets none of this (stafett_proto).
add_library(stafett_own_code INTERFACE)
target_compile_options(stafett_own_code INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Werror -fno-omit-frame-pointer)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  # -Og keeps stack traces and makes sanitized tests bearable on two cores.
  target_compile_options(stafett_own_code INTERFACE -Og -g1)
endif()
target_include_directories(stafett_own_code INTERFACE "${CMAKE_SOURCE_DIR}/services")
if(STAFETT_SANITIZE)
  target_compile_options(stafett_own_code INTERFACE
    "-fsanitize=${STAFETT_SANITIZE}" -fno-sanitize-recover=all)
  # Everything links the runtime, also executables that contain generated code.
  add_link_options("-fsanitize=${STAFETT_SANITIZE}")
endif()
