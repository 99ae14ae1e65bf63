// The checks that proto options declare (common/v1/options.proto): required, max_bytes. One walk by reflection, so
// that no handler can forget a field.
#pragma once

#include <google/protobuf/message.h>

#include "lib/base/error.h"

namespace stafett::host {

// kInvalidArgument/INVALID_FIELD with the path of the first wrong field. Unknown enum values and unknown fields are
// refused too: what we do not understand we do not store.
Status Validate(const google::protobuf::Message& request);

}  // namespace stafett::host
