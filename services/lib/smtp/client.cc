#include "lib/smtp/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string_view>
#include <utility>

namespace stafett::smtp {
namespace {

using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

Handle NewHandle() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  return Handle(curl_easy_init(), &curl_easy_cleanup);
}

std::size_t Read(char* out, std::size_t size, std::size_t count, void* from) {
  auto& rest = *static_cast<std::string_view*>(from);
  const auto n = std::min(size * count, rest.size());
  std::memcpy(out, rest.data(), n);
  rest.remove_prefix(n);
  return n;
}

std::size_t Ignore(char* /*data*/, std::size_t size, std::size_t count, void* /*to*/) { return size * count; }

Outcome OutcomeOf(CURLcode code, long answer, bool reached_mail) {
  switch (code) {
    case CURLE_OK: return Outcome::kSent;
    case CURLE_LOGIN_DENIED: return Outcome::kNoLogin;
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_PEER_FAILED_VERIFICATION: return Outcome::kNoTrust;
    default: break;
  }
  if (!reached_mail) return Outcome::kNoAnswer;
  if (answer == 530 || answer == 534 || answer == 535 || answer == 538) return Outcome::kNoLogin;
  if (answer >= 500 && answer < 600) return Outcome::kNever;
  if (answer >= 400 && answer < 500) return Outcome::kLater;
  return Outcome::kNoAnswer;
}

}  // namespace

struct Client::State {
  Server server;
  std::string url;
  Handle curl{nullptr, &curl_easy_cleanup};
};

Client::Client(Server server) : state_(std::make_unique<State>()) {
  state_->url = "smtp://" + server.host + ":" + std::to_string(server.port) + "/" + server.hello;
  state_->server = std::move(server);
}

Client::~Client() = default;

Result<Outcome> Client::Send(const Mail& mail) {
  STAFETT_TRY(auto bytes, Render(mail));
  if (!state_->curl) state_->curl = NewHandle();
  auto* curl = state_->curl.get();
  if (curl == nullptr) return Outcome::kNoAnswer;
  const auto& server = state_->server;
  const std::string from = "<" + mail.from + ">";
  const std::string to = "<" + mail.to + ">";
  std::string_view rest = bytes;
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> recipients(curl_slist_append(nullptr, to.c_str()),
                                                                               &curl_slist_free_all);
  curl_easy_reset(curl);  // the options; connections stay
  curl_easy_setopt(curl, CURLOPT_URL, state_->url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");     // whatever the environment says: a proxy would see the address
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // no SIGALRM in a process with threads
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(server.timeout.count()));
  if (server.starttls) {
    curl_easy_setopt(curl, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!server.ca_file.empty()) {
      curl_easy_setopt(curl, CURLOPT_CAINFO, server.ca_file.c_str());
      curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);  // nobody but these
    }
  }
  if (!server.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, server.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, server.password.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, &Read);
  curl_easy_setopt(curl, CURLOPT_READDATA, &rest);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Ignore);

  const CURLcode code = curl_easy_perform(curl);
  long answer = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
  // A refusal of a greeting or a hello says nothing of this mail. libcurl tells no other way how far it came: a refused
  // MAIL, RCPT or DATA is a failed send, a refused end of the mail an odd answer after all was read.
  const bool reached_mail = code == CURLE_SEND_ERROR || rest.size() != bytes.size();
  auto outcome = OutcomeOf(code, answer, reached_mail);
  if (outcome != Outcome::kSent) state_->curl.reset();
  return outcome;
}

}  // namespace stafett::smtp
