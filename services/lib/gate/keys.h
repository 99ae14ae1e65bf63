// Every key of a service, by name, in one place. All begin with the service's own prefix (its Redis user reaches no
// other) and carry the partition as a hash tag. Volatile ones are left out of digests (tests/e2e/test_rebuild.py).
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace stafett::gate {

class Keys {
 public:
  Keys(std::string service, int partitions) : service_(std::move(service)), partitions_(partitions) {}
  const std::string& service() const { return service_; }
  int partitions() const { return partitions_; }

  // Lists. own: this service's records about a child, in version order. in: what it took from the log about it.
  std::string Own(int p, std::string_view child) const { return In(p, "own:", child); }
  std::string Inputs(int p, std::string_view child) const { return In(p, "in:", child); }
  // Hash: stream of another service -> last version taken.
  std::string Seen(int p) const { return In(p, "seen", ""); }
  // String: next offset wanted of a topic ("log", "ledger", "keys", "identity").
  std::string Mark(int p, std::string_view topic) const { return In(p, "mark:", topic); }
  // String: wrapped data key of a child.
  std::string ChildKey(int p, std::string_view child) const { return In(p, "key:", child); }
  // Outbox and what is known of it. Volatile after a rebuild: the log has it all.
  std::string Outbox(int p) const { return In(p, "ob", ""); }
  std::string Acked(int p) const { return In(p, "acked", ""); }
  std::string AckLog(int p) const { return In(p, "ack", ""); }
  std::string Fence(int p) const { return In(p, "fence", ""); }
  std::string Top(int p, std::string_view topic) const { return In(p, "top:", topic); }  // highest acknowledged offset
  std::string Lease(int p) const { return In(p, "lease", ""); }
  std::string Fresh(int p) const { return In(p, "fresh", ""); }  // when the reader last stood at the log's end
  std::string Halt(int p) const { return In(p, "halt", ""); }    // why relays and readers of p stand still
  std::string Index(int p, std::string_view name) const { return In(p, "ix:", name); }
  // Sorted set: of a child that is set aside, what waits (parked.h).
  std::string Waiting(int p, std::string_view child) const { return In(p, "ix:waiting:", child); }
  // Hashes: records that are left out for good -> their digest; and what other services said of the same ones.
  std::string Discarded(int p) const { return Index(p, "discarded"); }
  std::string Vouched(int p) const { return Index(p, "vouched"); }
  // Without a partition: found before the child is known.
  std::string Global(std::string_view name) const { return service_ + ":g:" + std::string(name); }
  std::string Command(std::string_view scope, std::string_view request_id) const {
    return service_ + ":cmd:" + std::string(scope) + ":" + std::string(request_id);
  }
  // Hash: the same of all requests that a rebuild gave back, by RestoredAs.
  std::string Restored() const { return service_ + ":cmds"; }
  static std::string RestoredAs(std::string_view scope, std::string_view request_id) {
    return std::string(scope) + ":" + std::string(request_id);
  }
  static std::string Clock(const std::string& service) { return service + ":clock"; }

 private:
  std::string In(int p, const char* what, std::string_view rest) const {
    char tag[16];
    std::snprintf(tag, sizeof tag, ":{p%02d}:", p);
    return service_ + tag + what + std::string(rest);
  }
  std::string service_;
  int partitions_;
};

}  // namespace stafett::gate
