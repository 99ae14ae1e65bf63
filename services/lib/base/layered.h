// An ordered map that is cheap to copy: copies share what they had when they were made, and each keeps beside it what
// was written to it since. Nothing is ever taken out of it.
//
// For the story of a child: a decision is tried on a copy that has learned one record more, and a copy that costs as
// much as the story would make the thousandth record a thousand times dearer than the first.
//
// Lookup O(log n), twice while layers differ. A write to a map of which there is no other copy goes where it belongs.
// Threads: as std::map. Different copies may be used by different threads at once.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>

namespace stafett {

template <class Key, class Value>
class Layered {
  using Map = std::map<Key, Value>;

 public:
  using value_type = typename Map::value_type;

  Layered() = default;
  // Moved from, it would have no layer at all: so it is copied then, too.
  Layered(const Layered&) = default;
  Layered& operator=(const Layered&) = default;

  // Both layers in the order of their keys; where both have a key, the upper one says what it stands for.
  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = typename Map::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() = default;
    reference operator*() const { return FromUpper() ? *upper_ : *lower_; }
    pointer operator->() const { return &**this; }
    const_iterator& operator++() {
      const bool same = lower_ != lower_end_ && upper_ != upper_end_ && lower_->first == upper_->first;
      const bool from_upper = FromUpper();
      if (from_upper) ++upper_;
      if (!from_upper || same) ++lower_;
      return *this;
    }
    const_iterator operator++(int) {
      auto old = *this;
      ++*this;
      return old;
    }
    bool operator==(const const_iterator& o) const { return lower_ == o.lower_ && upper_ == o.upper_; }

   private:
    friend class Layered;
    using At = typename Map::const_iterator;
    const_iterator(At lower, At lower_end, At upper, At upper_end)
        : lower_(lower), lower_end_(lower_end), upper_(upper), upper_end_(upper_end) {}
    bool FromUpper() const {
      return lower_ == lower_end_ || (upper_ != upper_end_ && !(lower_->first < upper_->first));
    }
    At lower_, lower_end_, upper_, upper_end_;
  };
  using iterator = const_iterator;

  const_iterator begin() const { return {lower_->begin(), lower_->end(), upper_.begin(), upper_.end()}; }
  const_iterator end() const { return {lower_->end(), lower_->end(), upper_.end(), upper_.end()}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  const_iterator find(const Key& key) const {
    const const_iterator it{lower_->lower_bound(key), lower_->end(), upper_.lower_bound(key), upper_.end()};
    return it != end() && it->first == key ? it : end();
  }
  bool contains(const Key& key) const { return find(key) != end(); }
  // Throws std::out_of_range.
  const Value& at(const Key& key) const {
    const auto it = find(key);
    if (it == end()) throw std::out_of_range("no such key");
    return it->second;
  }

  // To be written: as it is, or a fresh one.
  Value& operator[](const Key& key) {
    if (auto* value = Change(key)) return *value;
    ++size_;
    return Writable()[key];
  }
  // To be written; null if there is none.
  Value* Change(const Key& key) {
    auto& writable = Writable();
    if (auto it = writable.find(key); it != writable.end()) return &it->second;
    if (&writable == lower_.get()) return nullptr;
    const auto below = lower_->find(key);
    return below == lower_->end() ? nullptr : &writable.emplace(key, below->second).first->second;
  }

  bool operator==(const Layered& o) const { return size_ == o.size_ && std::equal(begin(), end(), o.begin(), o.end()); }

 private:
  // The layer that may be written: the lower one if there is no other copy, with all of the upper one in it then.
  Map& Writable() {
    if (lower_.use_count() != 1) return upper_;
      // The last other copy may have been read by another thread until now.
#ifndef __SANITIZE_THREAD__  // which knows no fences
    std::atomic_thread_fence(std::memory_order_acquire);
#endif
    while (!upper_.empty()) {
      auto node = upper_.extract(upper_.begin());
      if (auto it = lower_->find(node.key()); it != lower_->end()) {
        it->second = std::move(node.mapped());
      } else {
        lower_->insert(std::move(node));
      }
    }
    return *lower_;
  }

  std::shared_ptr<Map> lower_ = std::make_shared<Map>();
  Map upper_;
  std::size_t size_ = 0;
};

}  // namespace stafett
