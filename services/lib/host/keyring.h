// Data keys of children: wrapped in the store, unwrapped here for use, remembered for a short while.
// Thread-safe. The key-encryption key is read from a file and never lies in Redis or Kafka.
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "lib/gate/commit.h"
#include "lib/gate/keys.h"
#include "lib/gate/store.h"
#include "lib/kafka/kafka.h"
#include "lib/seal/seal.h"

namespace stafett::host {

class KeyRing {
 public:
  KeyRing(gate::Store& store, gate::Keys keys, const seal::Secret& kek);

  // kUnavailable/KEY_NOT_HERE: it has not come yet over stafett.keys. kGone/KEY_DESTROYED: and never will.
  Result<seal::DataKey> Of(const std::string& child, Deadline deadline);
  // A new key, held in memory, with what must be written for it to exist: its place in the store and its record.
  struct Fresh {
    gate::Write store;
    gate::Message record;
  };
  Fresh Create(const std::string& child, const std::string& keys_topic);
  // The same two for a key that exists: repeating them changes nothing.
  Result<Fresh> Again(const std::string& child, const std::string& keys_topic, Deadline deadline);

  // The keys of these children of one partition, read at once where they are not known: a hint, errors come later.
  void Expect(int partition, const std::vector<std::string>& children);
  Result<seal::Box> Seal(const std::string& child, std::string_view body, std::string_view bound);
  Result<std::string> Open(const std::string& child, const seal::Box& box, std::string_view bound);

  // What a record of stafett.keys means for the store; a tombstone leaves the mark of a destroyed key.
  static std::vector<gate::Write> FromRecord(const gate::Keys& keys, int partition, const kafka::Record& record);
  void Forget(const std::string& child);

 private:
  Fresh Make(const std::string& child, const seal::DataKey& key, const std::string& keys_topic) const;
  void Remember(const std::string& child, const seal::DataKey& key);
  Result<seal::DataKey> Learn(const std::string& child, const std::string& stored);
  gate::Store& store_;
  gate::Keys keys_;
  seal::Secret kek_;
  std::mutex mutex_;
  std::list<std::string> order_;
  std::unordered_map<std::string, std::pair<seal::DataKey, std::list<std::string>::iterator>> cache_;
};

}  // namespace stafett::host
