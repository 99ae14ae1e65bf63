// Visits every state that a model can reach, breadth first, and stops at the first step that violates a property: no
// shorter way leads to any violation. Pure; knows nothing of what is modelled.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace stafett::model {

struct Explored {
  std::uint64_t states = 0;
  std::uint64_t steps = 0;
  int depth = 0;                 // steps to the state that is furthest away
  std::string violates;          // empty: every state was visited, and every property holds in all of them
  std::vector<std::string> way;  // the steps to the violation, it being the last
};

// States are told apart by 64 bits: two of n fall together with a chance of about n²/2^65 (10^6 states: 3 in 10^8).
template <class State>
std::uint64_t Hash(const State& state) {
  static_assert(std::has_unique_object_representations_v<State> && std::is_trivially_copyable_v<State>);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&state);
  std::uint64_t h = 0x9e3779b97f4a7c15U;
  for (std::size_t i = 0; i < sizeof(State); i += sizeof h) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, sizeof(State) - i < sizeof h ? sizeof(State) - i : sizeof h);
    h = (h ^ word) * 0xff51afd7ed558ccdU;
    h ^= h >> 32U;
  }
  h *= 0xc4ceb9fe1a85ec53U;
  return (h ^ (h >> 29U)) | 1U;  // 0 stands for a free place
}

// Numbers hashes in the order in which they come.
class Visited {
 public:
  // The number, and whether it is new.
  std::pair<std::uint32_t, bool> Add(std::uint64_t hash) {
    if (count_ * 2 >= places_.size()) Grow();
    auto at = Place(hash);
    if (places_[at].hash == hash) return {places_[at].number, false};
    places_[at] = {hash, static_cast<std::uint32_t>(count_)};
    return {static_cast<std::uint32_t>(count_++), true};
  }
  std::uint64_t size() const { return count_; }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint32_t number = 0;
  };
  std::size_t Place(std::uint64_t hash) const {
    auto at = static_cast<std::size_t>(hash >> 8U) & (places_.size() - 1);
    while (places_[at].hash != 0 && places_[at].hash != hash) at = (at + 1) & (places_.size() - 1);
    return at;
  }
  void Grow() {
    auto old = std::exchange(places_, std::vector<Entry>(places_.size() * 2));
    for (const auto& e : old) {
      if (e.hash != 0) places_[Place(e.hash)] = e;
    }
  }
  std::vector<Entry> places_ = std::vector<Entry>(1U << 12U);
  std::uint64_t count_ = 0;
};

// A model has: State, Initial(), Canonical(State) (one state for all that differ in names only) and
// Next(state, emit), which calls emit(next, violates, name) for each step that is possible; `name` makes the text.
// `only`: the one property that is judged; empty: all. More than `most` states: an exception, never a silent end.
template <class Model>
Explored Explore(const Model& model, std::uint64_t most, const std::string& only = "") {
  using S = typename Model::State;
  struct Came {
    std::uint32_t from = 0;
    std::uint64_t hash = 0;
  };
  Explored out;
  Visited visited;
  std::vector<Came> came;
  std::vector<std::pair<std::uint32_t, S>> level{{0, model.Canonical(model.Initial())}}, next;
  visited.Add(Hash(level[0].second));
  came.push_back({0, Hash(level[0].second)});
  std::uint32_t bad = 0;  // the state from which the violation is one step

  while (!level.empty() && out.violates.empty()) {
    next.clear();
    for (const auto& [number, state] : level) {
      model.Next(state, [&, number = number](const S& to, const char* violates, const auto&) {
        ++out.steps;
        if (!out.violates.empty()) return;
        if (violates != nullptr && (only.empty() || only == violates)) {
          out.violates = violates;
          bad = number;
          return;
        }
        auto canonical = model.Canonical(to);
        auto hash = Hash(canonical);
        auto [as, is_new] = visited.Add(hash);
        if (!is_new) return;
        if (visited.size() > most) throw std::length_error("more states than the test allows");
        came.push_back({number, hash});
        next.emplace_back(as, std::move(canonical));
      });
      if (!out.violates.empty()) break;
    }
    if (!next.empty() || !out.violates.empty()) ++out.depth;
    level.swap(next);
  }
  out.states = visited.size();
  if (out.violates.empty()) return out;

  // Played again from the start, without the canonical form, so that names stay those of the same things.
  std::vector<std::uint64_t> hashes;
  for (auto at = bad; at != 0; at = came[at].from) hashes.insert(hashes.begin(), came[at].hash);
  auto state = model.Initial();
  for (std::size_t i = 0; i <= hashes.size(); ++i) {
    S then = state;
    std::string name;
    model.Next(state, [&](const S& to, const char* violates, const auto& text) {
      if (!name.empty()) return;
      const bool wanted =
          i == hashes.size() ? violates != nullptr && out.violates == violates : Hash(model.Canonical(to)) == hashes[i];
      if (!wanted) return;
      name = text();
      then = to;
    });
    out.way.push_back(name);
    state = then;
  }
  return out;
}

}  // namespace stafett::model
