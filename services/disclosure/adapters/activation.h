// Brings the rule file of this process into force once the gate is open, whenever the file is another, and again when a
// recipient has been mended. While it is refused, what is in force stays in force: the log has its whole text.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "disclosure/adapters/regimes.h"
#include "lib/host/host.h"
#include "lib/host/rule_file.h"

namespace stafett::disclosure::adapters {

// Not ready before something is in force: a process without rules tells nobody anything.
class Activation {
 public:
  Activation(host::Host& host, Regimes& regimes, const host::RuleFile& file);
  ~Activation();
  // A recipient whose topic refused when the policy was activated is not part of it: this makes a version with it.
  Status Again(Deadline deadline);

 private:
  void Run(const Beat& beat);
  // False: it did not go; not again at once.
  bool Turn();
  // Of the file; what was activated last, if the file was refused ever since this process began: then only who the
  // recipients are can be new. None: nothing was.
  Result<host::RuleFile::Rules> Wanted() const;
  host::Host& host_;
  Regimes& regimes_;
  const host::RuleFile& file_;
  prometheus::Gauge& waits_;
  std::mutex activating_;  // what was read first is activated first
  std::string activated_;  // hash of the rules that Turn brought into force last
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace stafett::disclosure::adapters
