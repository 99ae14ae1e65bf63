// AIP resource names: controllers/{controller}/{collection}/{id}. Ids are opaque; nothing can be read from a name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stafett::host {

inline std::string ResourceName(std::string_view controller, std::string_view collection, std::string_view id) {
  return "controllers/" + std::string(controller) + "/" + std::string(collection) + "/" + std::string(id);
}

// The last part, if the name is of this collection of this controller.
inline std::optional<std::string> IdFromName(std::string_view name, std::string_view collection) {
  constexpr std::string_view kPrefix = "controllers/";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  auto a = name.find('/');
  if (a == 0 || a == std::string_view::npos) return std::nullopt;
  name.remove_prefix(a + 1);
  auto b = name.find('/');
  if (b == std::string_view::npos || name.substr(0, b) != collection) return std::nullopt;
  auto id = name.substr(b + 1);
  if (id.empty() || id.find('/') != std::string_view::npos) return std::nullopt;
  return std::string(id);
}

}  // namespace stafett::host
