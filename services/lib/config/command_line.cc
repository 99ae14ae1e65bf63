#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "lib/config/service.h"

namespace stafett::config {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongConfiguration = 2;

}  // namespace

int RunCommandLine(int argc, char** argv, const std::string& expected_service,
                   const std::function<int(const Service&)>& main_fn, const Extra& extra, const Process& process) {
  CLI::App app("Stafett: the " + expected_service + " service");
  std::string path;
  bool only_check = false;
  app.add_option("--config", path, "the service's configuration (YAML)")->required();
  app.add_flag("--check-config", only_check, "print the effective configuration, secrets masked, and exit");
  for (const auto& flag : process.flags) app.add_flag(flag.name, *flag.given, flag.help);
  for (const auto& file : process.files) app.add_option(file.name, *file.path, file.help)->check(CLI::ExistingFile);
  app.set_version_flag("--version", expected_service + " " + STAFETT_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    // --help and --version come here too, with exit code 0; CLI11's own codes for mistakes are 100
    // and up.
    return app.exit(stop) == 0 ? 0 : kWrongConfiguration;
  }

  Result<Loaded> loaded = LoadService(path, expected_service, extra, process.serves);
  if (!loaded) {
    std::cerr << loaded.error().message << '\n';
    return kWrongConfiguration;
  }
  if (only_check) {
    std::cout << loaded->effective;
    return 0;
  }
  try {
    return main_fn(loaded->service);
  } catch (const std::exception& failure) {
    // Only constructors at start-up throw here; what they say is ours (lib/telemetry/metrics.h).
    std::cerr << expected_service << ": " << failure.what() << '\n';
    return kFailed;
  }
}

}  // namespace stafett::config
