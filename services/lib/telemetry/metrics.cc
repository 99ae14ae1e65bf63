#include "lib/telemetry/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <utility>

namespace stafett::telemetry {
namespace {

enum class Type { kCounter, kGauge, kHistogram };

// promtool's own list in short: Prometheus counts in seconds, bytes, ratios.
constexpr std::array kWrongUnits = {"ms",          "msec",    "milliseconds", "us",        "microseconds", "ns",
                                    "nanoseconds", "minutes", "hours",        "days",      "weeks",        "kb",
                                    "mb",          "gb",      "kilobytes",    "megabytes", "gigabytes",    "percent",
                                    "bits",        "sec",     "counter",      "gauge",     "histogram"};

// A place can have 571 people: any of these would count one child (promise P8).
constexpr std::array kForbiddenLabels = {"person", "child",        "case", "recipient",  "municipality", "controller",
                                         "tenant", "organisation", "unit", "request_id", "trace_id",     "client_id"};

[[noreturn]] void Refuse(std::string_view name, std::string_view why) {
  throw std::invalid_argument("metric " + std::string(name) + ": " + std::string(why));
}

bool IsSnakeCase(std::string_view text) {
  if (text.empty() || text.front() < 'a' || text.front() > 'z' || text.back() == '_') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

void CheckName(std::string_view name, Type type) {
  if (!name.starts_with("stafett_")) Refuse(name, "must begin with stafett_");
  if (!IsSnakeCase(name)) Refuse(name, "must be lower_snake_case");
  for (std::size_t from = 0; from < name.size();) {
    const std::size_t to = std::min(name.find('_', from), name.size());
    const std::string_view word = name.substr(from, to - from);
    if (std::find(kWrongUnits.begin(), kWrongUnits.end(), word) != kWrongUnits.end()) {
      Refuse(name, "\"" + std::string(word) + "\" is no base unit, or names the type");
    }
    from = to + 1;
  }
  if (name.ends_with("_total") != (type == Type::kCounter)) Refuse(name, "_total is for counters, always");
  for (const std::string_view suffix : {"_count", "_sum", "_bucket"}) {
    if (name.ends_with(suffix)) Refuse(name, "the ending belongs to histograms' own series");
  }
  if (type == Type::kHistogram && !name.ends_with("_seconds") && !name.ends_with("_bytes")) {
    Refuse(name, "a histogram names its unit: _seconds or _bytes");
  }
}

void CheckLabels(std::string_view name, const Labels& labels) {
  for (const auto& [label, value] : labels) {
    if (!IsSnakeCase(label) || label == "le") Refuse(name, "label \"" + label + "\" is not allowed");
    if (std::find(kForbiddenLabels.begin(), kForbiddenLabels.end(), label) != kForbiddenLabels.end()) {
      Refuse(name, "label \"" + label + "\" may single out people or places");
    }
  }
}

// A function that is called at scrapes, until its owner lets go.
struct Observed {
  std::mutex mutex;  // held during a call, so that letting go waits for it
  std::function<double()> value;
  std::function<void(double)> set;
};

}  // namespace

struct Metrics::State {
  struct Family {
    Type type;
    std::string help;
    void* family;  // prometheus::Family of `type`
    std::set<Labels> used;
    std::set<std::string> label_names;
  };

  prometheus::Registry registry;
  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;  // guarded by mutex
  std::vector<std::weak_ptr<Observed>> observed;        // guarded by mutex

  // The family of that name, made if it is new; under the lock.
  template <class Metric, class Build>
  prometheus::Family<Metric>& Of(std::string_view name, std::string_view help, Type type, const Labels& labels,
                                 Build build) {
    CheckName(name, type);
    CheckLabels(name, labels);
    if (help.empty()) Refuse(name, "has no help text");
    std::set<std::string> label_names;
    for (const auto& [label, value] : labels) label_names.insert(label);
    auto found = families.find(name);
    if (found == families.end()) {
      auto& family = build().Name(std::string(name)).Help(std::string(help)).Register(registry);
      found = families.emplace(std::string(name), Family{type, std::string(help), &family, {}, label_names}).first;
    }
    Family& known = found->second;
    if (known.type != type) Refuse(name, "exists with another type");
    if (known.help != help) Refuse(name, "exists with another help text");
    if (known.label_names != label_names) Refuse(name, "exists with other labels");
    if (!known.used.insert(labels).second) Refuse(name, "exists with the same labels");
    return *static_cast<prometheus::Family<Metric>*>(known.family);
  }
};

const std::vector<double>& LatencyBuckets() {
  static const auto* const buckets =
      new std::vector<double>{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
  return *buckets;
}

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

prometheus::Counter& Metrics::Counter(std::string_view name, std::string_view help, const Labels& labels) {
  std::lock_guard lock(state_->mutex);
  return state_->Of<prometheus::Counter>(name, help, Type::kCounter, labels, prometheus::BuildCounter).Add(labels);
}

prometheus::Gauge& Metrics::Gauge(std::string_view name, std::string_view help, const Labels& labels) {
  std::lock_guard lock(state_->mutex);
  return state_->Of<prometheus::Gauge>(name, help, Type::kGauge, labels, prometheus::BuildGauge).Add(labels);
}

prometheus::Histogram& Metrics::Histogram(std::string_view name, std::string_view help,
                                          const std::vector<double>& buckets, const Labels& labels) {
  std::lock_guard lock(state_->mutex);
  return state_->Of<prometheus::Histogram>(name, help, Type::kHistogram, labels, prometheus::BuildHistogram)
      .Add(labels, buckets);
}

Observation Metrics::Observe(std::string_view name, std::string_view help, std::function<double()> value,
                             const Labels& labels) {
  return Watch(std::move(value), [&gauge = Gauge(name, help, labels)](double v) { gauge.Set(v); });
}

Observation Metrics::ObserveTotal(std::string_view name, std::string_view help, std::function<double()> value,
                                  const Labels& labels) {
  return Watch(std::move(value), [&counter = Counter(name, help, labels)](double v) {
    if (v > counter.Value()) counter.Increment(v - counter.Value());
  });
}

Observation Metrics::Watch(std::function<double()> value, std::function<void(double)> set) {
  auto observed = std::make_shared<Observed>();
  observed->value = std::move(value);
  observed->set = std::move(set);
  {
    std::lock_guard lock(state_->mutex);
    state_->observed.push_back(observed);
  }
  // The scrape may hold the Observed a little longer than its owner; the function it may not.
  return Observation(std::shared_ptr<void>(observed.get(), [observed](void*) {
    std::lock_guard lock(observed->mutex);
    observed->value = nullptr;
  }));
}

std::string Metrics::Text() const {
  std::vector<std::shared_ptr<Observed>> live;
  {
    std::lock_guard lock(state_->mutex);
    for (const auto& weak : state_->observed) {
      if (auto observed = weak.lock()) live.push_back(std::move(observed));
    }
  }
  for (const auto& observed : live) {
    std::lock_guard lock(observed->mutex);
    if (observed->value) observed->set(observed->value());
  }
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

}  // namespace stafett::telemetry
