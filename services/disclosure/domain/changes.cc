#include "disclosure/domain/changes.h"

#include <map>

namespace stafett::disclosure::domain {
namespace {

std::optional<Told> ToldBy(const Delivery* d) {
  if (d == nullptr || d->untold) return std::nullopt;
  return Told{d->rule, d->fields};
}

}  // namespace

std::vector<Change> Changes(const View& before, const View& after) {
  std::map<std::string, const Delivery*> all;
  for (const auto* view : {&before, &after}) {
    for (const auto& [id, d] : view->deliveries) all.emplace(id, &d);
  }
  std::vector<Change> out;
  for (const auto& [id, d] : all) {
    auto was = ToldBy(before.FindDelivery(id)), is = ToldBy(after.FindDelivery(id));
    if (was.has_value() == is.has_value() && (!was || was->fields == is->fields)) continue;
    out.push_back({id, d->recipient, d->item_type, d->kind, std::move(was), std::move(is)});
  }
  return out;
}

}  // namespace stafett::disclosure::domain
