#include "lib/host/keyring.h"

#include <utility>

#include "lib/kafka/kafka.h"
#include "stafett/common/v1/record.pb.h"

namespace stafett::host {
namespace {
constexpr std::size_t kRemembered = 30'000;
constexpr char kDestroyed[] = "destroyed";
constexpr Millis kPatience{1000};
}  // namespace

KeyRing::KeyRing(gate::Store& store, gate::Keys keys, const seal::Secret& kek)
    : store_(store), keys_(std::move(keys)), kek_(kek) {}

KeyRing::Fresh KeyRing::Make(const std::string& child, const seal::DataKey& key, const std::string& keys_topic) const {
  common::v1::WrappedKey record;
  record.set_child(child);
  record.set_key_id(key.id);
  record.set_kek_id("kek-1");
  record.set_wrapped(seal::Wrap(kek_, key, child));
  auto bytes = record.SerializeAsString();
  auto p = kafka::PartitionOf(child, keys_.partitions());
  return {gate::Write::Set(keys_.ChildKey(p, child), bytes), gate::Message{keys_topic, child, bytes, ""}};
}

KeyRing::Fresh KeyRing::Create(const std::string& child, const std::string& keys_topic) {
  auto key = seal::NewDataKey();
  auto fresh = Make(child, key, keys_topic);
  Remember(child, key);
  return fresh;
}

Result<KeyRing::Fresh> KeyRing::Again(const std::string& child, const std::string& keys_topic, Deadline deadline) {
  STAFETT_TRY(auto key, Of(child, deadline));
  auto p = kafka::PartitionOf(child, keys_.partitions());
  STAFETT_TRY(auto read, store_.Read({gate::Get::String(keys_.ChildKey(p, child))}, deadline));
  const auto& bytes = read.values[0].string;
  if (bytes.empty()) return Make(child, key, keys_topic);
  return Fresh{gate::Write::Set(keys_.ChildKey(p, child), bytes), gate::Message{keys_topic, child, bytes, ""}};
}

void KeyRing::Remember(const std::string& child, const seal::DataKey& key) {
  std::lock_guard lock(mutex_);
  if (cache_.contains(child)) return;
  order_.push_front(child);
  cache_.emplace(child, std::make_pair(key, order_.begin()));
  if (cache_.size() > kRemembered) {
    cache_.erase(order_.back());
    order_.pop_back();
  }
}

void KeyRing::Forget(const std::string& child) {
  std::lock_guard lock(mutex_);
  auto it = cache_.find(child);
  if (it == cache_.end()) return;
  order_.erase(it->second.second);
  cache_.erase(it);
}

void KeyRing::Expect(int partition, const std::vector<std::string>& children) {
  std::vector<std::string> unknown;
  std::vector<gate::Get> gets;
  {
    std::lock_guard lock(mutex_);
    for (const auto& child : children) {
      if (cache_.contains(child)) continue;
      unknown.push_back(child);
      gets.push_back(gate::Get::String(keys_.ChildKey(partition, child)));
    }
  }
  if (gets.empty()) return;
  auto read = store_.Read(gets, Deadline::In(kPatience));
  if (!read) return;
  for (std::size_t i = 0; i < unknown.size(); ++i) {
    if (read->values[i].present) (void)Learn(unknown[i], read->values[i].string);
  }
}

Result<seal::DataKey> KeyRing::Learn(const std::string& child, const std::string& stored) {
  if (stored == kDestroyed) return Fail(Code::kGone, "KEY_DESTROYED", "this content was erased");
  common::v1::WrappedKey record;
  if (!record.ParseFromString(stored)) return Fail(Code::kInternal, "BAD_KEY", "a wrapped key does not parse");
  STAFETT_TRY(auto key, seal::Unwrap(kek_, record.key_id(), child, record.wrapped()));
  Remember(child, key);
  return key;
}

Result<seal::DataKey> KeyRing::Of(const std::string& child, Deadline deadline) {
  {
    std::lock_guard lock(mutex_);
    auto it = cache_.find(child);
    if (it != cache_.end()) return it->second.first;
  }
  auto p = kafka::PartitionOf(child, keys_.partitions());
  STAFETT_TRY(auto read, store_.Read({gate::Get::String(keys_.ChildKey(p, child))}, deadline));
  const auto& v = read.values[0];
  if (!v.present) return Fail(Code::kUnavailable, "KEY_NOT_HERE", "the child's key has not come yet; try again");
  return Learn(child, v.string);
}

Result<seal::Box> KeyRing::Seal(const std::string& child, std::string_view body, std::string_view bound) {
  STAFETT_TRY(auto key, Of(child, Deadline::In(kPatience)));
  return seal::Seal(key, body, bound);
}

Result<std::string> KeyRing::Open(const std::string& child, const seal::Box& box, std::string_view bound) {
  STAFETT_TRY(auto key, Of(child, Deadline::In(kPatience)));
  if (key.id != box.key_id) return Fail(Code::kInternal, "OTHER_KEY", "sealed with another key than the child has");
  return seal::Open(key, box, bound);
}

std::vector<gate::Write> KeyRing::FromRecord(const gate::Keys& keys, int partition, const kafka::Record& record) {
  return {gate::Write::Set(keys.ChildKey(partition, record.key), record.tombstone ? kDestroyed : record.value)};
}

}  // namespace stafett::host
