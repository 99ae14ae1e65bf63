#include "lib/rpc/client_token.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/rpc/http.h"
#include "lib/telemetry/log.h"
#include "lib/telemetry/trace.h"

namespace stafett::rpc {
namespace {

constexpr Millis kAskTimeout{3'000};
constexpr Millis kRetryAfter{1'000};         // between renewals that failed while the old token lives
constexpr std::chrono::seconds kMargin{10};  // not to be presented in its last seconds
constexpr std::int64_t kMaxLifetimeSeconds = 24 * 3600;

struct Answer {
  std::string token;
  std::chrono::seconds lifetime{0};
};

auto Unavailable(std::string why) { return Fail(Code::kUnavailable, "TOKEN_ENDPOINT_UNAVAILABLE", std::move(why)); }

Result<Answer> Parse(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("access_token") || !json["access_token"].is_string()) {
    return Unavailable("the token endpoint's answer has no access_token");
  }
  Answer answer;
  answer.token = json["access_token"].get<std::string>();
  std::int64_t seconds = 60;  // RFC 6749 only recommends expires_in
  if (json.contains("expires_in") && json["expires_in"].is_number()) {
    seconds = json["expires_in"].get<std::int64_t>();
  }
  answer.lifetime = std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kMaxLifetimeSeconds));
  return answer;
}

}  // namespace

ClientToken::Ask ClientToken::FromEndpoint(const std::string& url, const std::string& client_id,
                                           const std::string& client_secret, const std::string& scope) {
  const std::map<std::string, std::string> form = {{"grant_type", "client_credentials"},
                                                   {"client_id", client_id},
                                                   {"client_secret", client_secret},
                                                   {"scope", scope}};
  return [url, form](Millis timeout) -> Result<std::string> {
    const Result<HttpResponse> response = HttpPostForm(url, form, timeout);
    if (!response) return Unavailable(response.error().message);
    if (response->status == 200) return response->body;
    const std::string status = "HTTP status " + std::to_string(response->status);
    if (response->status >= 500) return Unavailable(status);
    return Fail(Code::kInternal, "TOKEN_ENDPOINT_REFUSED", status);
  };
}

ClientToken::ClientToken(Ask ask, SteadyClock now) : ask_(std::move(ask)), now_(std::move(now)) {}

Result<std::string> ClientToken::Get(Deadline deadline) {
  std::unique_lock lock(mutex_);
  while (true) {
    const SteadyTime now = now_();
    const bool valid = !token_.empty() && now < expires_at_;
    if (valid && (now < renew_at_ || now < retry_at_ || renewing_)) return token_;
    if (!renewing_) return Renew(lock, deadline);
    const std::uint64_t before = failures_;
    const bool ended = renewed_.wait_until(lock, deadline.at, [this] { return !renewing_; });
    if (!ended) return Unavailable("no token in time");
    // What failed for one would fail for all that waited with it, one after the other.
    if (failures_ != before) return tl::unexpected(failure_);
  }
}

Result<std::string> ClientToken::Renew(std::unique_lock<std::mutex>& lock, Deadline deadline) {
  renewing_ = true;
  lock.unlock();
  Result<Answer> answer = Unavailable("no time left");
  if (const Millis left = std::min(deadline.Left(), kAskTimeout); left > Millis(0)) {
    answer = ask_(left).and_then(Parse);
  }
  lock.lock();
  renewing_ = false;
  renewed_.notify_all();
  const SteadyTime now = now_();
  if (answer) {
    token_ = answer->token;
    expires_at_ = now + std::max(answer->lifetime - kMargin, answer->lifetime / 2);
    renew_at_ = now + answer->lifetime * 4 / 5;
    return token_;
  }
  telemetry::Log(
      telemetry::Severity::kWarn, "client_token.failed",
      {{"reason", telemetry::Safe(answer.error().reason)}, {"why", telemetry::Safe(answer.error().message)}});
  ++failures_;
  failure_ = answer.error();
  retry_at_ = now + kRetryAfter;
  if (!token_.empty() && now < expires_at_) return token_;
  return tl::unexpected(failure_);
}

void Prepare(grpc::ClientContext& context, Deadline deadline, const std::string& token) {
  context.set_deadline(std::chrono::system_clock::now() + deadline.Left());
  context.AddMetadata("authorization", "Bearer " + token);
  const telemetry::TraceContext& trace = telemetry::TraceContext::Current();
  if (trace.valid()) context.AddMetadata("traceparent", trace.Traceparent());
}

}  // namespace stafett::rpc
