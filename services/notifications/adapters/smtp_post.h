// Mails by lib/smtp.
#pragma once

#include <string>

#include "lib/smtp/client.h"
#include "notifications/app/ports.h"

namespace stafett::notifications::adapters {

class SmtpPost final : public app::Post {
 public:
  SmtpPost(smtp::Server server, std::string from);
  domain::Cause HandOver(const app::Letter& letter) override;

 private:
  smtp::Client client_;
  std::string from_;
  std::string place_;  // what stands behind the @ of `from`: names our Message-IDs too
};

}  // namespace stafett::notifications::adapters
