#include "auditor/adapters/topic.h"

#include <future>
#include <utility>

#include "lib/gate/read_range.h"

namespace stafett::auditor::adapters {
namespace {
constexpr Millis kPatience{10'000};  // below the loop's limit (lib/host)

tl::unexpected<Error> Away() { return Fail(Code::kUnavailable, "LOG_UNAVAILABLE", "Kafka does not answer"); }
}  // namespace

Topic::Topic(std::string name, gate::MakeReader reader, gate::MakePublisher publisher)
    : name_(std::move(name)), make_reader_(std::move(reader)), make_publisher_(std::move(publisher)) {}

Result<std::int64_t> Topic::End(int partition) {
  if (!reader_) {
    STAFETT_TRY(reader_, make_reader_(name_));
  }
  STAFETT_TRY(auto marks, reader_->Watermarks(partition, Millis(3000)));
  return marks.second;
}

Status Topic::Read(int partition, std::int64_t from, std::int64_t end, const Beat& beat,
                   const std::function<void(const kafka::Record&)>& met) {
  if (from >= end) return {};
  if (!reader_) {
    STAFETT_TRY(reader_, make_reader_(name_));
  }
  return gate::ReadRange(*reader_, partition, from, end, beat, met);
}

Result<std::int64_t> Topic::Append(kafka::Message message) {
  if (!publisher_) {
    STAFETT_TRY(publisher_, make_publisher_());
  }
  auto promise = std::make_shared<std::promise<kafka::Delivery>>();
  auto report = promise->get_future();
  auto sent = publisher_->Send(std::move(message), [promise](const kafka::Delivery& d) { promise->set_value(d); });
  const bool came = sent && report.wait_for(kPatience) == std::future_status::ready;
  const auto delivery = came ? report.get() : kafka::Delivery{};
  if (delivery.ok) return delivery.offset;
  publisher_.reset();
  return Away();
}

}  // namespace stafett::auditor::adapters
