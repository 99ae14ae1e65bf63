// Of what recipients were told, what somebody still waits for (promise P3: nothing counts as received but a receipt).
#pragma once

#include <optional>

#include "disclosure/domain/view.h"

namespace stafett::disclosure::domain {

// Whether the recipient may still have it. A delivery rests on the consents that it was decided on: one that is
// withdrawn makes it void (Route), and when all of them have run out nothing can be fetched any more. Other grounds,
// and retractions, rest on none and do not end.
bool GroundHolds(const View& view, const Delivery& delivery, Time now);
// When time alone ends it; nothing: never.
std::optional<Time> GroundEnds(const View& view, const Delivery& delivery);

// Told, and neither stored nor taken back. A retraction too is to be stored: until then the recipient may go on using
// what was taken back.
bool ToBeStored(const View& view, const Delivery& delivery, Time now);

// What the recipient's system can tell of a delivery, as the controllers' files say.
struct Tells {
  bool stored = true, opened = true;
};
// The state that the recipient is to bring it to next; nothing: it has done all that it can tell. Whether its ground
// still holds is another question. A retraction has nothing to be fetched and is opened by nobody.
std::optional<DeliveryState> NextDue(const Delivery& delivery, Tells tells);

}  // namespace stafett::disclosure::domain
