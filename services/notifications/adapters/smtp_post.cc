#include "notifications/adapters/smtp_post.h"

#include <utility>

namespace stafett::notifications::adapters {

SmtpPost::SmtpPost(smtp::Server server, std::string from)
    : client_(std::move(server)), from_(std::move(from)), place_(from_.substr(from_.find('@') + 1)) {}

domain::Cause SmtpPost::HandOver(const app::Letter& letter) {
  auto outcome = client_.Send(
      {from_, letter.to, letter.id + "@" + place_, letter.language, letter.subject, letter.body, letter.date});
  if (!outcome) return domain::Cause::kRefused;  // no mail can be made of it, and never will
  switch (*outcome) {
    case smtp::Outcome::kSent: return domain::Cause::kNone;
    case smtp::Outcome::kNoAnswer: return domain::Cause::kConnect;
    case smtp::Outcome::kNoTrust: return domain::Cause::kTls;
    case smtp::Outcome::kNoLogin: return domain::Cause::kLogin;
    case smtp::Outcome::kLater: return domain::Cause::kDeferred;
    case smtp::Outcome::kNever: return domain::Cause::kRefused;
  }
  return domain::Cause::kConnect;
}

}  // namespace stafett::notifications::adapters
