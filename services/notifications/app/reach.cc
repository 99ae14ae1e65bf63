#include "lib/calendar/calendar.h"
#include "notifications/app/operations.h"

namespace stafett::notifications::app {

domain::Reach ReachAt(const tenants::Tenants& tenants, const std::string& person, Time now) {
  auto place = tenants.FindPerson(person);
  if (!place || place->person->email.empty()) return {false, now};
  const auto& quiet = place->person->quiet_hours;
  return {true, quiet ? calendar::After(*quiet, now) : now};
}

}  // namespace stafett::notifications::app
