// Kafka in memory, behind the gate's ports: topics with partitions, offsets and append times; reports on a thread of
// the publisher, as librdkafka gives them, or by hand, when a simulation says so. The test says what becomes of each
// message:
//
//   MemoryLog log;
//   log.Decide([](const kafka::Message& m) { return m.topic == "log" ? Fate::kAck : Fate::kReject; });
//   Relay relay(store, keys, shards, acks, log.Publisher(), options);
//
// Thread-safe. Publishers and readers must not outlive it.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/gate/ports.h"

namespace stafett::test {

enum class Fate {
  kAck,         // appended, reported
  kHold,        // appended; the report waits for ReleaseReports, and is a failure if the publisher ends before
  kLate,        // on its way: appended and reported at Land(), even when its publisher is gone by then; so is whatever
                // this publisher sends behind it to the same partition
  kFail,        // not appended, reported as failed; the publisher is broken from then on
  kFailLanded,  // appended, yet reported as failed; the same
  kReject,      // not appended, reported as failed for good (the topic can not take it), and then broken. What was sent
                // before that report is refused, too, if the topic has taken anything from this publisher
  kRejectHeld,  // the same; the report waits for ReleaseReports
  kRefuse,      // Send says so at once (kFailedPrecondition)
  kFull,        // Send: kResourceExhausted
  kBroken,      // Send: kUnavailable
};

class MemoryLog {
 public:
  enum class Reports { kByThread, kByHand };
  explicit MemoryLog(Reports reports = Reports::kByThread) : by_hand_(reports == Reports::kByHand) {}

  gate::MakePublisher Publisher() {
    return [this]() -> Result<std::unique_ptr<gate::Publisher>> {
      {
        std::lock_guard lock(mutex_);
        ++publishers_made_;
        if (failing_publishers_ > 0) {
          --failing_publishers_;
          return Fail(Code::kUnavailable, "NO_PRODUCER", "no producer");
        }
      }
      return std::make_unique<MemoryPublisher>(*this);
    };
  }
  gate::MakeReader Reader() {
    return [this](const std::string& topic) -> Result<std::unique_ptr<gate::LogReader>> {
      return std::make_unique<MemoryReader>(*this, topic);
    };
  }

  // ---- what becomes of messages ----
  void Decide(std::function<Fate(const kafka::Message&)> decide) {
    std::lock_guard lock(mutex_);
    decide_ = std::move(decide);
  }
  void Always(Fate fate) {
    Decide([fate](const kafka::Message&) { return fate; });
  }
  // By hand: publishers that have reports to give, oldest publisher first; and all those of one, on the caller's
  // thread.
  std::vector<std::uint64_t> Reporting() const {
    std::lock_guard lock(mutex_);
    std::vector<std::uint64_t> out;
    for (const auto& [id, p] : publishers_) {
      if (p->HasReports()) out.push_back(id);
    }
    return out;
  }
  void GiveReports(std::uint64_t publisher) {
    while (true) {
      std::pair<kafka::OnDelivery, kafka::Delivery> report;
      {
        std::lock_guard lock(mutex_);
        auto it = publishers_.find(publisher);
        if (it == publishers_.end() || !it->second->HasReports()) return;
        report = it->second->NextReport();
      }
      report.first(report.second);
    }
  }
  // Gives held reports, of one topic or of all, in their order.
  void ReleaseReports(const std::string& topic = "") {
    std::lock_guard lock(mutex_);
    for (const auto& [id, p] : publishers_) p->Release(topic);
    changed_.notify_all();
  }
  // What was on its way arrives.
  void Land() {
    std::lock_guard lock(mutex_);
    for (auto& l : std::exchange(late_, {})) {
      auto delivery = Append(l.message);
      if (auto it = publishers_.find(l.publisher); it != publishers_.end()) it->second->Report(l.done, delivery);
    }
    changed_.notify_all();
  }
  void FailPublishers(int n) {
    std::lock_guard lock(mutex_);
    failing_publishers_ = n;
  }
  int PublishersMade() const {
    std::lock_guard lock(mutex_);
    return publishers_made_;
  }
  std::size_t Sent() const {  // Sends that were taken
    std::lock_guard lock(mutex_);
    return sent_;
  }

  // ---- the log itself ----
  std::int64_t Append(const std::string& topic, int partition, std::string key, std::string value,
                      bool tombstone = false) {
    kafka::Message m;
    m.topic = topic;
    m.partition = partition;
    m.key = std::move(key);
    m.value = std::move(value);
    m.tombstone = tombstone;
    std::lock_guard lock(mutex_);
    auto delivery = Append(m);
    changed_.notify_all();
    return delivery.offset;
  }
  std::vector<kafka::Record> Records(const std::string& topic, int partition, std::int64_t from = 0) const {
    std::lock_guard lock(mutex_);
    auto it = topics_.find({topic, partition});
    if (it == topics_.end() || from >= static_cast<std::int64_t>(it->second.size())) return {};
    return {it->second.begin() + from, it->second.end()};
  }
  std::int64_t End(const std::string& topic, int partition) const {
    std::lock_guard lock(mutex_);
    auto it = topics_.find({topic, partition});
    return it == topics_.end() ? 0 : static_cast<std::int64_t>(it->second.size());
  }
  // All that there is, to go on from there in another log.
  using Topics = std::map<std::pair<std::string, int>, std::vector<kafka::Record>>;
  Topics Everything() const {
    std::lock_guard lock(mutex_);
    return topics_;
  }
  void Restore(const Topics& topics) {
    std::lock_guard lock(mutex_);
    topics_ = topics;
  }
  // What is on its way.
  std::size_t OnTheWay() const {
    std::lock_guard lock(mutex_);
    return late_.size();
  }
  // The broker forgets everything from `end` on; the next record gets that offset again.
  void CutTail(const std::string& topic, int partition, std::int64_t end) {
    std::lock_guard lock(mutex_);
    topics_[{topic, partition}].resize(static_cast<std::size_t>(end));
  }
  void SetTime(Time t) {
    std::lock_guard lock(mutex_);
    now_ms_ = t.ms;
  }

  // ---- what readers meet ----
  void WatermarksFail(bool fail) {
    std::lock_guard lock(mutex_);
    watermarks_fail_ = fail;
  }
  // Whoever reads the partition next is not given one record.
  void LeaveOutNext(const std::string& topic, int partition) {
    std::lock_guard lock(mutex_);
    left_out_.insert({topic, partition});
  }
  // Whoever reads the partition next is told once that what it wants is not there.
  void SayOutOfRange(const std::string& topic, int partition) {
    std::lock_guard lock(mutex_);
    out_of_range_.insert({topic, partition});
    changed_.notify_all();
  }
  // Called before a Watermarks is answered, on its thread, without a lock.
  void BeforeWatermarks(std::function<void(const std::string& topic, int partition)> hook) {
    std::lock_guard lock(mutex_);
    before_watermarks_ = std::move(hook);
  }

 private:
  class MemoryPublisher final : public gate::Publisher {
   public:
    explicit MemoryPublisher(MemoryLog& log) : log_(log) {
      {
        std::lock_guard lock(log_.mutex_);
        log_.publishers_.emplace(id_ = ++log_.last_publisher_, this);
      }
      if (!log_.by_hand_) thread_ = std::thread([this] { GiveAll(); });
    }
    ~MemoryPublisher() override {
      {
        std::lock_guard lock(log_.mutex_);
        broken_ = true;
        stop_ = true;
        for (auto& h : std::exchange(held_, {})) reports_.emplace_back(std::move(h.done), kafka::Delivery{});
        for (auto& l : log_.late_) {
          if (l.publisher == id_ && l.done) reports_.emplace_back(std::exchange(l.done, nullptr), kafka::Delivery{});
        }
        log_.publishers_.erase(id_);
      }
      log_.changed_.notify_all();
      thread_.joinable() ? thread_.join() : GiveAll();
    }

    Status Send(kafka::Message message, kafka::OnDelivery done) override {
      std::function<Fate(const kafka::Message&)> decide;
      {
        std::lock_guard lock(log_.mutex_);
        decide = log_.decide_;
      }
      Fate fate = decide ? decide(message) : Fate::kAck;
      std::lock_guard lock(log_.mutex_);
      if (broken_) fate = Fate::kBroken;
      const bool behind = std::any_of(log_.late_.begin(), log_.late_.end(), [&](const Late& l) {
        return l.publisher == id_ && l.message.topic == message.topic && l.message.partition == message.partition;
      });
      if (fate == Fate::kAck && BehindGap(message)) fate = Fate::kFail;
      if (behind && (fate == Fate::kAck || fate == Fate::kHold || fate == Fate::kFailLanded)) fate = Fate::kLate;
      if (fate == Fate::kBroken) return Fail(Code::kUnavailable, "BROKEN", "producer must be replaced");
      if (fate == Fate::kFull) return Fail(Code::kResourceExhausted, "FULL", "queue full");
      if (fate == Fate::kRefuse) return Fail(Code::kFailedPrecondition, "MSG_SIZE_TOO_LARGE", "refused");
      ++log_.sent_;
      kafka::Delivery failed;
      failed.error = "FAILED";
      switch (fate) {
        case Fate::kAck: Report(done, Append(message)); break;
        case Fate::kHold: held_.push_back({message.topic, std::move(done), Append(message)}); break;
        case Fate::kLate: log_.late_.push_back({std::move(message), std::move(done), id_}); break;
        case Fate::kFailLanded: Append(message); [[fallthrough]];
        case Fate::kFail:
          broken_ = true;
          Report(done, failed);
          break;
        case Fate::kReject:
        case Fate::kRejectHeld:
          failed.permanent = true;
          gaps_.insert({message.topic, message.partition});
          if (fate == Fate::kReject)
            Report(done, failed);
          else
            held_.push_back({message.topic, std::move(done), failed});
          break;
        default: break;
      }
      log_.changed_.notify_all();
      return {};
    }

    // Under the log's mutex, as are the next.
    bool HasReports() const { return !reports_.empty(); }
    std::pair<kafka::OnDelivery, kafka::Delivery> NextReport() {
      auto report = std::move(reports_.front());
      reports_.pop_front();
      if (report.second.permanent) broken_ = true;
      return report;
    }
    void Report(kafka::OnDelivery done, const kafka::Delivery& delivery) {
      if (done) reports_.emplace_back(std::move(done), delivery);
    }
    void Release(const std::string& topic) {
      std::deque<Held> keep;
      for (auto& h : held_) {
        if (topic.empty() || h.topic == topic) {
          reports_.emplace_back(std::move(h.done), h.delivery);
        } else {
          keep.push_back(std::move(h));
        }
      }
      held_ = std::move(keep);
    }

   private:
    struct Held {
      std::string topic;
      kafka::OnDelivery done;
      kafka::Delivery delivery;
    };
    void GiveAll() {
      std::unique_lock lock(log_.mutex_);
      while (true) {
        log_.changed_.wait(lock, [this] { return stop_ || !reports_.empty(); });
        if (reports_.empty()) return;
        auto [done, delivery] = NextReport();
        lock.unlock();
        done(delivery);
        lock.lock();
      }
    }
    kafka::Delivery Append(const kafka::Message& message) {
      known_.insert({message.topic, message.partition});
      return log_.Append(message);
    }
    // A broker that knows the producer there takes only the number that comes next.
    bool BehindGap(const kafka::Message& message) const {
      const Place place{message.topic, message.partition};
      return gaps_.contains(place) && known_.contains(place);
    }
    using Place = std::pair<std::string, int>;
    MemoryLog& log_;
    std::uint64_t id_ = 0;
    std::set<Place> known_;  // where it has landed something
    std::set<Place> gaps_;   // where something of it was rejected
    bool broken_ = false;
    bool stop_ = false;
    std::deque<Held> held_;
    std::deque<std::pair<kafka::OnDelivery, kafka::Delivery>> reports_;
    std::thread thread_;
  };

  class MemoryReader final : public gate::LogReader {
   public:
    MemoryReader(MemoryLog& log, std::string topic) : log_(log), topic_(std::move(topic)) {}
    Status Assign(const std::map<int, std::int64_t>& next_offsets) override {
      for (const auto& [p, next] : next_offsets) {
        at_[p] = next;
        told_end_[p] = -1;
      }
      return {};
    }
    Status Stop(const std::vector<int>& partitions) override {
      for (int p : partitions) at_.erase(p);
      return {};
    }
    kafka::Polled Poll(std::size_t max, Millis wait) override {
      kafka::Polled polled;
      std::unique_lock lock(log_.mutex_);
      const auto collect = [&] {
        Collect(max, polled);
        return !polled.records.empty() || !polled.at_end.empty() || !polled.out_of_range.empty();
      };
      if (wait > Millis(0)) {
        log_.changed_.wait_for(lock, wait, collect);
      } else {
        (void)collect();
      }
      return polled;
    }
    Result<std::pair<std::int64_t, std::int64_t>> Watermarks(int partition, Millis /*timeout*/) override {
      std::function<void(const std::string&, int)> hook;
      {
        std::lock_guard lock(log_.mutex_);
        if (log_.watermarks_fail_) return Fail(Code::kUnavailable, "KAFKA__TRANSPORT", "kafka");
        hook = log_.before_watermarks_;
      }
      if (hook) hook(topic_, partition);
      return std::pair<std::int64_t, std::int64_t>{0, log_.End(topic_, partition)};
    }

   private:
    void Collect(std::size_t max, kafka::Polled& polled) {
      for (auto& [p, next] : at_) {
        const auto& records = log_.topics_[{topic_, p}];
        const auto end = static_cast<std::int64_t>(records.size());
        if (log_.out_of_range_.erase({topic_, p}) != 0) polled.out_of_range.push_back(p);
        if (next > end) {
          if (std::exchange(told_end_[p], -2) != -2) polled.out_of_range.push_back(p);
          continue;
        }
        if (next < end && log_.left_out_.erase({topic_, p}) != 0) ++next;
        while (next < end && polled.records.size() < max)
          polled.records.push_back(records[static_cast<std::size_t>(next++)]);
        if (next == end && std::exchange(told_end_[p], end) != end) polled.at_end.push_back(p);
      }
    }
    MemoryLog& log_;
    std::string topic_;
    std::map<int, std::int64_t> at_;
    std::map<int, std::int64_t> told_end_;
  };

  struct Late {
    kafka::Message message;
    kafka::OnDelivery done;
    std::uint64_t publisher;
  };

  kafka::Delivery Append(const kafka::Message& m) {
    auto& records = topics_[{m.topic, m.partition}];
    kafka::Record r;
    r.partition = m.partition;
    r.offset = static_cast<std::int64_t>(records.size());
    r.timestamp_ms = ++now_ms_;
    r.key = m.key;
    r.value = m.tombstone ? std::string() : m.value;
    r.tombstone = m.tombstone;
    r.headers = m.headers;
    kafka::Delivery d;
    d.ok = true;
    d.offset = r.offset;
    d.timestamp_ms = r.timestamp_ms;
    records.push_back(std::move(r));
    return d;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::function<Fate(const kafka::Message&)> decide_;
  Topics topics_;
  const bool by_hand_ = false;
  std::map<std::uint64_t, MemoryPublisher*> publishers_;  // by age
  std::uint64_t last_publisher_ = 0;
  std::vector<Late> late_;
  int failing_publishers_ = 0;
  int publishers_made_ = 0;
  std::size_t sent_ = 0;
  std::int64_t now_ms_ = 1'700'000'000'000;
  std::set<std::pair<std::string, int>> out_of_range_, left_out_;
  bool watermarks_fail_ = false;
  std::function<void(const std::string&, int)> before_watermarks_;
};

}  // namespace stafett::test
