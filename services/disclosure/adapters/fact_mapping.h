// What cases and consent say on the log, as facts and items of disclosure; and disclosure's own ledger events.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "disclosure/app/ports.h"
#include "disclosure/domain/route.h"
#include "disclosure/domain/view.h"
#include "lib/gate/envelope.h"
#include "lib/host/journal.h"

namespace stafett::disclosure::adapters {

// monostate for a type that carries no fact (or is not known).
Result<domain::Fact> ToFact(const std::string& type, const std::string& bytes);
// Whether a record of this type can be done without: it says what somebody may be told, and nothing of who may. No, for
// a type that this version does not know.
bool IsContentAlone(const std::string& type);
// The event as something that might be told; nothing if its type is not disclosable.
std::optional<domain::Item> ToItem(const gate::Envelope& e, const std::string& bytes, std::int64_t offset);
// The state of a case for one whose consent has just become whole (design §4.8).
domain::Item ToSnapshot(const gate::Envelope& e, const std::string& case_id, const domain::CaseFacts& facts,
                        std::int64_t offset);

// What one record of the log taught a view.
struct LearnedRecord {
  domain::Learned learned;
  std::vector<std::string> items;                              // ids of new items: the event itself
  std::vector<std::pair<std::string, std::string>> snapshots;  // (item, recipient)
};
// The fact, and what the record brings that might be told. `bytes`: the opened body; nothing if its key was destroyed.
Result<LearnedRecord> LearnRecord(domain::View& view, const gate::Envelope& e, const std::optional<std::string>& bytes,
                                  std::int64_t offset, Time appended);
// Point into `view`.
std::vector<domain::Offer> OffersOf(const domain::View& view, const LearnedRecord& record);

host::Body ToBody(const domain::LedgerEvent& event);
Result<std::optional<domain::LedgerEvent>> FromBody(const std::string& type, const std::string& bytes);

class CutContents final : public app::Contents {
 public:
  Result<app::Content> Show(const std::string& who, const domain::Item& item, policy::CategorySet fields,
                            const std::string& case_ref) const override;
};

}  // namespace stafett::disclosure::adapters
