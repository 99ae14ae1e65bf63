// The few HTTP requests that a service makes itself: keys and tokens of the issuer. libcurl,
// blocking. No redirects, http and https only, bounded size and time. Not for callback threads.
#pragma once

#include <map>
#include <string>

#include "lib/base/error.h"
#include "lib/base/time.h"

namespace stafett::rpc {

struct HttpResponse {
  long status = 0;
  std::string body;
};

// Any failure to get a response is kUnavailable/HTTP_FAILED with libcurl's own words.
Result<HttpResponse> HttpGet(const std::string& url, Millis timeout);
Result<HttpResponse> HttpPostForm(const std::string& url, const std::map<std::string, std::string>& form,
                                  Millis timeout);

}  // namespace stafett::rpc
