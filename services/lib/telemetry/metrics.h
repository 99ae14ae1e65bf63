// Metrics as handles, resolved once at start and then only incremented. Names and labels are
// checked, so that `promtool check metrics` stays clean and no label can count people.
//
//   struct RelayMetrics {
//     explicit RelayMetrics(Metrics& m)
//         : sent(m.Counter("stafett_relay_sent_total", "Records acknowledged by Kafka.")) {}
//     prometheus::Counter& sent;
//   };
//
// Wrong use is a defect of ours and is thrown (std::invalid_argument) from constructors at start:
//   * a name without prefix stafett_, not snake_case, with a unit that is no base unit (_ms, _kb,
//     _minutes, _percent), a counter without _total or anything else with it;
//   * the same name with the same labels twice, or with another type or help text;
//   * a label that may single out people or places (promise P8): person, child, case, recipient,
//     municipality, controller, organisation, tenant, unit, request_id, trace_id, client_id.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace stafett::telemetry {

using Labels = std::map<std::string, std::string>;

// From 0.5 ms to 10 s: what a command or a read may take (budgets of design §9).
const std::vector<double>& LatencyBuckets();

// Keeps a function alive in its registry; when it goes, the function is never called again.
class [[nodiscard]] Observation {
 public:
  Observation() = default;
  explicit Observation(std::shared_ptr<void> keep) : keep_(std::move(keep)) {}

 private:
  std::shared_ptr<void> keep_;
};

// Thread-safe. Handles live as long as the Metrics.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  prometheus::Counter& Counter(std::string_view name, std::string_view help, const Labels& labels = {});
  prometheus::Gauge& Gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  prometheus::Histogram& Histogram(std::string_view name, std::string_view help,
                                   const std::vector<double>& buckets = LatencyBuckets(), const Labels& labels = {});
  // A gauge read at every scrape, for depths and ages. `value` is called on the admin server's
  // thread and must not block; after the Observation is gone it is not called again, and the gauge
  // keeps its last value. NaN where the value is not known.
  Observation Observe(std::string_view name, std::string_view help, std::function<double()> value,
                      const Labels& labels = {});
  // The same for a number that somebody counts from 0 since start. It never falls, whatever `value` says.
  Observation ObserveTotal(std::string_view name, std::string_view help, std::function<double()> value,
                           const Labels& labels = {});

  // Everything, in Prometheus' text format 0.0.4.
  std::string Text() const;

 private:
  struct State;
  Observation Watch(std::function<double()> value, std::function<void(double)> set);
  std::unique_ptr<State> state_;
};

}  // namespace stafett::telemetry
