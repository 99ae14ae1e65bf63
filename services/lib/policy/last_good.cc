#include "lib/policy/last_good.h"

#include <utility>

namespace stafett::policy {

LastGood::Seen LastGood::Look(const Result<std::string>& file) {
  const auto before = std::exchange(seen_, file ? *file : file.error().message);
  if (judged_ && (seen_ != before || seen_ == judged_)) return Seen::kSame;
  judged_ = seen_;
  auto rules = file ? LoadWithText(*file, source_name_) : tl::unexpected(file.error());
  if (!rules) {
    fault_ = std::move(rules).error();
    return Seen::kRefused;
  }
  rules_ = *std::move(rules);
  fault_.reset();
  return Seen::kGood;
}

}  // namespace stafett::policy
