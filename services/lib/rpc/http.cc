#include "lib/rpc/http.h"

#include <curl/curl.h>

#include <memory>
#include <mutex>

namespace stafett::rpc {
namespace {

constexpr std::size_t kMaxBodyBytes = 1024 * 1024;  // a JWKS has a few kilobytes

using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

std::size_t Append(char* data, std::size_t size, std::size_t count, void* body) {
  auto* text = static_cast<std::string*>(body);
  if (text->size() + size * count > kMaxBodyBytes) return 0;  // libcurl ends the transfer
  text->append(data, size * count);
  return size * count;
}

Result<HttpResponse> Perform(const Handle& curl, const std::string& url, Millis timeout) {
  HttpResponse response;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);  // no SIGALRM in a process with threads
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &response.body);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) return Fail(Code::kUnavailable, "HTTP_FAILED", curl_easy_strerror(code));
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &response.status);
  return response;
}

Handle NewHandle() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  return Handle(curl_easy_init(), &curl_easy_cleanup);
}

Result<HttpResponse> NotStarted() { return Fail(Code::kUnavailable, "HTTP_FAILED", "libcurl could not be set up"); }

}  // namespace

Result<HttpResponse> HttpGet(const std::string& url, Millis timeout) {
  // libcurl takes 0 for "no limit at all".
  if (timeout <= Millis(0)) return Fail(Code::kUnavailable, "HTTP_FAILED", "no time left");
  const Handle curl = NewHandle();
  return curl ? Perform(curl, url, timeout) : NotStarted();
}

Result<HttpResponse> HttpPostForm(const std::string& url, const std::map<std::string, std::string>& form,
                                  Millis timeout) {
  if (timeout <= Millis(0)) return Fail(Code::kUnavailable, "HTTP_FAILED", "no time left");
  const Handle curl = NewHandle();
  if (!curl) return NotStarted();
  std::string body;
  for (const auto& [name, value] : form) {
    const std::unique_ptr<char, decltype(&curl_free)> escaped(
        curl_easy_escape(curl.get(), value.c_str(), static_cast<int>(value.size())), &curl_free);
    if (!escaped) return NotStarted();
    if (!body.empty()) body += '&';
    body += name + "=" + escaped.get();
  }
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl_easy_setopt(curl.get(), CURLOPT_COPYPOSTFIELDS, body.c_str());
  return Perform(curl, url, timeout);
}

}  // namespace stafett::rpc
