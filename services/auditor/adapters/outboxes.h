// What services keep of what they sent: the outbox of each partition, and the notes of Kafka's acknowledgements. Read
// with the auditor's own rights; nothing of a service but this, its marks and its inputs is to be seen.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "auditor/domain/note.h"
#include "lib/gate/keys.h"
#include "lib/gate/store.h"
#include "lib/kafka/kafka.h"

namespace stafett::auditor::adapters {

struct Entry {
  std::uint64_t number = 0;
  kafka::Message message;  // to its partition
  bool mended = false;     // the store had garbled it; this is what the service's own list has
};
struct Noted {
  gate::StreamPlace place;  // when: ms by the store's clock
  std::vector<domain::Note> notes;
};

// What copies of a record have in common: stream and version; of what is no record, its bytes.
std::string IdentityOf(std::string_view bytes);

// One owner thread.
class Outboxes {
 public:
  explicit Outboxes(gate::Store& store) : store_(store), streams_(store.OpenStreams()) {}
  // At most `most` behind this number, in order; fewer if there are none.
  Result<std::vector<Entry>> EntriesAfter(const gate::Keys& of, int partition, std::uint64_t number, std::size_t most);
  Result<std::vector<Noted>> NotesAfter(const gate::Keys& of, int partition, const gate::StreamPlace& place,
                                        std::size_t most);

 private:
  gate::Store& store_;
  std::unique_ptr<gate::StreamReader> streams_;
};

}  // namespace stafett::auditor::adapters
