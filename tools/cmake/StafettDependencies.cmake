# Every third-party library under one name of ours, so that a newer Debian is one edit here.
# Debian's hiredis and librdkafka ship no usable CMake config: pkg-config it is.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(GTest REQUIRED)
add_library(stafett::dep_hiredis ALIAS PkgConfig::HIREDIS)
add_library(stafett::dep_rdkafka ALIAS PkgConfig::RDKAFKA)
add_library(stafett::dep_sodium ALIAS PkgConfig::SODIUM)
add_library(stafett_dep_yaml INTERFACE)
target_link_libraries(stafett_dep_yaml INTERFACE yaml-cpp)
add_library(stafett::dep_yaml ALIAS stafett_dep_yaml)

find_package(prometheus-cpp CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(rapidcheck REQUIRED)

find_package(Protobuf REQUIRED)
if(NOT STAFETT_ONLY_LIBS)
  find_package(gRPC CONFIG REQUIRED)
  find_package(CURL REQUIRED)
  pkg_check_modules(CJOSE REQUIRED IMPORTED_TARGET cjose jansson)
  find_library(STAFETT_GRPC_REFLECTION grpc++_reflection REQUIRED)
endif()
