#include "auditor/domain/repair.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace stafett::auditor::domain {

Repair::Repair(std::vector<Kept> kept) : kept_(std::move(kept)) {
  for (const auto& k : kept_) {
    if (!k.offset) continue;
    at_[*k.offset].insert(k.id);
    Taken(k.id, *k.offset);
  }
}

std::optional<std::int64_t> Repair::From() const {
  if (at_.empty()) return std::nullopt;
  return at_.begin()->first;
}

void Repair::Meet(std::int64_t offset, const std::string& id) {
  if (!differs_) {
    auto known = at_.find(offset);
    // Two at one place: the second was written there when the first was gone.
    if (known == at_.end() || known->second == std::set{id}) return;
    differs_ = true;
    cut_ = offset;
  }
  behind_[id].insert(offset);
}

void Repair::End(std::int64_t end) {
  end_ = end;
  if (!differs_) cut_ = end;
  Reached(end);
}

std::vector<std::pair<const Kept*, std::int64_t>> Repair::Moved() const {
  std::vector<std::pair<const Kept*, std::int64_t>> out;
  for (const auto& k : kept_) {
    if (!k.offset || *k.offset < cut_) continue;
    auto found = behind_.find(k.id);
    if (found != behind_.end() && !found->second.contains(*k.offset)) out.emplace_back(&k, *found->second.begin());
  }
  return out;
}

std::vector<Kept> Repair::Lost() const {
  std::vector<Kept> out;
  for (const auto& k : kept_) {
    if ((!k.offset || *k.offset >= cut_) && !behind_.contains(k.id)) out.push_back(k);
  }
  return out;
}

void Repair::Taken(const std::string& id, std::int64_t offset) {
  auto [it, added] = first_.try_emplace(id, offset);
  if (!added) it->second = std::min(it->second, offset);
  Reached(offset + 1);
}

void Repair::Reached(std::int64_t end) { reached_ = std::max(reached_, end); }

std::vector<Repair::Step> Repair::Steps() const {
  std::vector<std::pair<std::int64_t, const Kept*>> again;
  std::set<std::string> once;
  for (const auto& k : kept_) {
    auto place = first_.find(k.id);
    if ((k.offset && *k.offset < cut_) || behind_.contains(k.id) || place == first_.end()) continue;
    // Taken before the cut: it stands there, and what was acknowledged behind it is a repeat.
    if (place->second < cut_ || !once.insert(k.id).second) continue;
    again.emplace_back(place->second, &k);
  }
  std::sort(again.begin(), again.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first, a.second->service, a.second->number) <
           std::tie(b.first, b.second->service, b.second->number);
  });
  std::vector<Step> out;
  auto next = end_;
  auto fill_up_to = [&](std::int64_t place) {
    for (; next < place; ++next) out.push_back({next, nullptr});
  };
  for (const auto& [place, entry] : again) {
    fill_up_to(place);
    out.push_back({next++, entry});
  }
  fill_up_to(reached_);
  return out;
}

}  // namespace stafett::auditor::domain
