// What a store remembers of requests, when stores are compared: one and the same at either of its two places
// (Keys::Command, Keys::Restored).
#pragma once

#include <map>
#include <string>

#include "lib/gate/keys.h"
#include "lib/gate/memory_store.h"

namespace stafett::test {

// Puts into a dump of `store`, by the key that a command writes, what is remembered of each request, whoever wrote it;
// without the first line, a number in an outbox that is perhaps gone.
inline void PutRemembered(std::map<std::string, std::string>& dump, const gate::MemoryStore& store,
                          const gate::Keys& keys) {
  const auto data = store.CopyForTest();
  auto put = [&dump](const std::string& key, const std::string& lines) { dump[key] = lines.substr(lines.find('\n')); };
  const std::string commands = keys.service() + ":cmd:";
  if (const auto restored = data->hashes.find(keys.Restored()); restored != data->hashes.end()) {
    for (const auto& [field, lines] : restored->second) put(commands + field, lines);
  }
  for (const auto& [key, lines] : data->strings) {
    if (key.starts_with(commands)) put(key, lines);
  }
  dump.erase(keys.Restored());
}

}  // namespace stafett::test
