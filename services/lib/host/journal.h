// A service's children as its use cases see them: load, change, decode. Generic over the service's pure state and
// events; each service gives its codec and its evolve functions.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lib/gate/children.h"
#include "lib/gate/commit.h"
#include "lib/gate/gate.h"
#include "lib/host/keyring.h"

namespace stafett::host {

// An event message before it is sealed, or after it was opened.
struct Body {
  std::string type;
  std::string bytes;
  std::string subject;  // case or consent id
};

// Opens the body of a record. The state of a child whose key was destroyed is as if the event had no content:
// `destroyed` is true and bytes are empty.
struct Opened {
  gate::Envelope envelope;
  std::string bytes;
  bool destroyed = false;
};
inline Result<Opened> OpenRecord(KeyRing& keys, std::string_view record) {
  STAFETT_TRY(auto e, gate::Decode(record));
  Opened out;
  if (!e.sealed) {
    out.bytes = e.clear;
  } else {
    auto bytes = keys.Open(e.child, *e.sealed, gate::Bound(e.stream, e.version, e.type));
    if (bytes) {
      out.bytes = std::move(*bytes);
    } else if (bytes.error().code == Code::kGone) {
      out.destroyed = true;
    } else {
      return tl::unexpected(std::move(bytes).error());
    }
  }
  out.envelope = std::move(e);
  return out;
}

}  // namespace stafett::host
