// A record of the log as a plain value, and its bytes (proto/stafett/common/v1/record.proto).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/awaited.h"
#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/seal/seal.h"

namespace stafett::gate {

// Who did it: opaque ids and organisation numbers only.
struct Actor {
  std::string person, role, unit, organisation, supplier, client;
};

struct Envelope {
  std::string event_id;  // EventId(stream, version)
  std::string type;      // "no.stafett.cases.case-opened.v1"
  std::string child;     // empty: about no child
  std::string stream;    // "<service>/<child>"
  std::uint64_t version = 0;
  Time recorded;
  std::optional<Time> happened;
  std::string request_id, request_scope, request_hash;
  std::string cause, group_id;
  Actor actor;
  std::string purpose, corrects, subject;
  std::uint64_t inputs = 0;         // how many inputs of the child it follows (children.h)
  std::vector<Awaited> awaited;     // what this record changes in what is waited for
  std::optional<seal::Box> sealed;  // the event message under the child's key…
  std::string clear;                // …or in clear: about no child, or of a service that holds no keys
};

std::string Encode(const Envelope& e);
Result<Envelope> Decode(std::string_view bytes);
// Only Envelope::inputs; 0 if there is none or the bytes are no record.
std::uint64_t InputsOf(std::string_view bytes);

// Only Envelope::stream, without reading what comes behind it; empty if there is none or the bytes are no record.
std::string_view StreamOf(std::string_view bytes);

// Of a stream "<service>/<list>": who writes it, and what its lists in the store are named after.
inline std::string_view ServiceOf(std::string_view stream) { return stream.substr(0, stream.find('/')); }
inline std::string OwnListOf(std::string_view stream) { return std::string(stream.substr(stream.find('/') + 1)); }
// Whom a record is about; what its list is named after, if it is about no child.
inline std::string ChildOf(const Envelope& e) { return e.child.empty() ? OwnListOf(e.stream) : e.child; }

// Same stream and version, same id: every copy of an event is recognisable.
std::string EventId(std::string_view stream, std::uint64_t version);
// What a sealed body is bound to.
std::string Bound(std::string_view stream, std::uint64_t version, std::string_view type);

}  // namespace stafett::gate
