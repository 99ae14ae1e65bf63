// stafett-notifications: the inbox, and mail. Made in the order of the lines; Run (lib/host) starts and stops.
#include <stdexcept>
#include <string>

#include "lib/host/host.h"
#include "notifications/adapters/gate_message_store.h"
#include "notifications/adapters/mail_sender.h"
#include "notifications/adapters/smtp_post.h"
#include "notifications/rpc/notifications_service.h"

namespace {
using namespace stafett;

// Its own part of the configuration.
struct Own {
  std::string texts;  // directory
  std::string from;
  smtp::Server server;
  notifications::app::Sending sending;
};

void ReadOwn(config::Section root, Own& own) {
  const bool production = root.String("mode", "production") == "production";
  auto section = root.Child("notifications");
  own.texts = section.Directory("texts");
  own.sending.link = section.String("link");
  if (!own.sending.link.starts_with("https://") && (production || !own.sending.link.starts_with("http://"))) {
    section.Refuse("link", "must begin with https://, in development http:// too");
  }
  auto smtp = section.Child("smtp");
  own.server.host = smtp.String("host");
  own.server.port = static_cast<int>(smtp.Integer("port", 1, 65535));
  own.server.starttls = smtp.OneOf("tls", {"STARTTLS", "NONE"}, "STARTTLS") == "STARTTLS";
  if (!own.server.starttls && production) smtp.Refuse("tls", "must be STARTTLS in production");
  own.server.ca_file = smtp.OptionalFile("ca_file").value_or("");
  own.server.user = smtp.String("user", "");
  own.server.password = smtp.OptionalSecretFile("password_file").value_or(config::Secret()).Reveal();
  if (own.server.user.empty() != own.server.password.empty()) {
    smtp.Refuse("password_file", "and user stand together or not at all");
  }
  if (!own.server.user.empty() && !own.server.starttls)
    smtp.Refuse("tls", "must be STARTTLS where there is a password");
  // One try blocks the loop, which has to go round in 30 s, and lies well below the claim.
  own.server.timeout = Millis(smtp.Integer("timeout_ms", 100, 20'000, own.server.timeout.count()));
  own.from = smtp.String("from");
  if (!tenants::IsMailAddress(own.from)) smtp.Refuse("from", "is no mail address");
  own.server.hello = own.from.substr(own.from.find('@') + 1);
  auto retry = section.ChildOrDefaults("retry");
  auto& r = own.sending.retries;
  r.first = Millis(retry.Integer("first_ms", 10, 3'600'000, r.first.count()));
  r.longest = Millis(retry.Integer("longest_ms", 10, 24 * 3'600'000, r.longest.count()));
  r.most = static_cast<int>(retry.Integer("most", 1, 100, r.most));
}

}  // namespace

int main(int argc, char** argv) {
  Own own;
  return config::RunCommandLine(
      argc, argv, "notifications",
      [&own](const config::Service& config) {
        const std::vector<std::string> languages(tenants::kLanguages.begin(), tenants::kLanguages.end());
        auto texts = texts::Texts::Load(own.texts, languages, notifications::app::Words());
        if (!texts) throw std::runtime_error(texts.error().message);
        host::Host host(config, {.keys = false, .identity = false, .ledger = false});
        notifications::adapters::GateMessageStore store(host.gate().committer(), config.kafka.log_topic);
        notifications::adapters::MessageApplier applier(store, host.tenants());
        host.gate().AddTailer(config.kafka.log_topic, "log", applier);
        notifications::app::App app{store, host.tenants(), *texts};
        notifications::adapters::SmtpPost post(own.server, own.from);
        notifications::adapters::MailSender sender(host, store, app, post, own.sending);
        notifications::rpc_api::NotificationsService service(host, app);
        host.BeforeStop([&sender] { sender.Stop(); });
        sender.Start();
        return host.Run({{notifications::v1::Notifications::service_full_name(), &service}});
      },
      [&own](config::Section& root) { ReadOwn(root, own); });
}
