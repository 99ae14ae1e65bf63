// The use cases that only read, beside ReadCase: one file each. Nothing is written, and who may not see a thing is told
// what he would be told if it were not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cases/app/operations.h"
#include "cases/app/ports.h"
#include "cases/domain/due.h"

namespace stafett::cases::app {

struct DuePage {
  std::vector<domain::Due> due;  // by date
  std::string next;              // empty: the last page
};
// What awaits this person; for who leads a service, all that awaits it.
Result<DuePage> ListDue(App& app, const host::Who& who, int page_size, const std::string& token, Deadline deadline);

struct Paging {
  int size = 0;
  std::string token;
  bool newest_first = false;
  std::size_t bytes = 0;  // of events, on one page; it has one in any case
};
struct TimelineEntry {
  std::uint64_t version = 0;  // of the case behind it, as this service counts
  Recorded recorded;
};
struct TimelinePage {
  std::vector<TimelineEntry> entries;
  std::string next;  // empty: the last page
};
// For who may read the case: its events, as far as they are this service's to read (domain/timeline.h).
Result<TimelinePage> ListTimeline(App& app, const host::Who& who, const std::string& case_id, const Paging& paging,
                                  Deadline deadline);

}  // namespace stafett::cases::app
