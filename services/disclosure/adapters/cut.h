// Content by category, by reflection over the options of the proto files (design §4.9). The only place that removes
// what may not be seen.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <google/protobuf/message.h>

#include "lib/base/error.h"
#include "lib/policy/policy.h"

namespace stafett::disclosure::adapters {

// An event type as declared in proto/: its message, and whether anybody but its writer may ever see it.
struct EventType {
  const google::protobuf::Message* prototype = nullptr;
  bool disclosable = false;
};
// Nothing for a type that this version does not know: then nobody is told.
std::optional<EventType> FindEventType(const std::string& type);

// The message, or nothing if it does not parse.
std::unique_ptr<google::protobuf::Message> ParseEvent(const EventType& type, const std::string& bytes);

// The category of this number; kNone, which is never shown, for one that this version does not know.
policy::Category ToCategory(int number);

// Categories of everything in the message that is not empty.
struct Categories {
  policy::CategorySet all;
  policy::CategorySet outside;                // of what stands in no section
  std::vector<policy::CategorySet> sections;  // what each section needs to be shown
};
Categories CategoriesOf(const google::protobuf::Message& message);

// The one recipient that the event is declared to be for: empty if it names none, so that it is for nobody. Nothing for
// an event that is for whoever may see it.
std::optional<std::string> AddresseeOf(const google::protobuf::Message& message);

// Takes out every field whose category is not in `allowed`, in all depths. A section goes as a whole: it stays only if
// its own category is allowed, and THIRD as well if it describes other persons.
void Cut(google::protobuf::Message& message, policy::CategorySet allowed);

// Global ids would let two recipients find out that they know the same case: it goes by `case_ref`, the recipient's own
// name for it, also where it was cut; whatever else is declared own_name goes by one derived from that.
void UseOwnNames(google::protobuf::Message& message, const std::string& case_ref);

}  // namespace stafett::disclosure::adapters
