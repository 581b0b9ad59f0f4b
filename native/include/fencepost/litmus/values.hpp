// Words, line contents, cells and buffer entries as small numbers, so that a state is a short row of 16-bit ids.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fencepost/litmus/program.hpp"

namespace fencepost::litmus {

using Id = std::uint16_t;

// More different values than ids, or more ids in a state than its length can say: the exploration ends with `unknown`.
class OutOfIds : public std::runtime_error {
 public:
  explicit OutOfIds(const char* what = "more than 65535 different values, contents or entries")
      : std::runtime_error(what) {}
};

inline Id next_id(std::size_t count) {
  if (count > UINT16_MAX) throw OutOfIds();
  return static_cast<Id>(count);
}

// Remembers results of operations on ids: open addressing, grows by doubling, key 0 means free.
class Memo {
 public:
  Memo() : slots_(1U << 10) {}

  template <class Compute>
  Id get(std::uint64_t key, Compute compute) {
    std::size_t at = place(key);
    if (slots_[at].key == key) return slots_[at].value;
    const Id value = compute();
    if (2 * ++count_ > slots_.size()) grow();
    at = place(key);
    slots_[at] = {key, value};
    return value;
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    Id value = 0;
  };

  std::size_t place(std::uint64_t key) const {
    const std::size_t last = slots_.size() - 1;
    std::size_t at = (key * 0x9E3779B97F4A7C15ULL >> 20U) & last;
    while (slots_[at].key != 0 && slots_[at].key != key) at = (at + 1) & last;
    return at;
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != 0) slots_[place(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

struct Entry {
  Kind kind{};
  std::uint16_t line = 0;
  std::uint16_t word = 0;
  Id value = 0;
  auto operator<=>(const Entry&) const = default;
};

// mask > 0: dirty, one content; 0: clean or absent, a load finds one of the contents or what memory has; -1: pinned.
struct Cell {
  std::int16_t mask = 0;
  std::vector<Id> contents;
  auto operator<=>(const Cell&) const = default;
};

inline constexpr Id absent = 0;

class Values {
 public:
  Values() { cell({}); }

  Id word(std::int64_t value) {
    const auto found = word_ids_.find(value);
    if (found != word_ids_.end()) return found->second;
    const Id id = next_id(words_.size());
    words_.push_back(value);
    word_ids_.emplace(value, id);
    return id;
  }
  std::int64_t number(Id word) const { return words_[word]; }

  Id content(const std::vector<Id>& words) { return intern(content_ids_, contents_, words); }
  const std::vector<Id>& content_words(Id content) const { return contents_[content]; }
  Id word_of(Id content, std::size_t word) const { return contents_[content][word]; }

  Id changed(Id content, std::size_t word, Id value) {
    return memo_.get(key(1, content, value, word), [&] {
      std::vector<Id> words = contents_[content];
      words[word] = value;
      return this->content(words);
    });
  }

  Id entry(const Entry& each) { return intern(entry_ids_, entries_, each); }
  const Entry& entry_of(Id id) const { return entries_[id]; }

  Id cell(const Cell& each) { return intern(cell_ids_, cells_, each); }
  const Cell& cell_of(Id id) const { return cells_[id]; }
  Id one(std::int16_t mask, Id content) {
    return memo_.get(key(2, content, static_cast<Id>(mask), 0), [&] { return cell({mask, {content}}); });
  }

  // The cell with one more content, kept sorted by the numbers, so that choices come in the model's order.
  Id joined(Id cell_id, Id content) {
    return memo_.get(key(3, cell_id, content, 0), [&] {
      Cell each = cells_[cell_id];
      const auto at = std::lower_bound(each.contents.begin(), each.contents.end(), content,
                                       [&](Id left, Id right) { return less(left, right); });
      if (at == each.contents.end() || *at != content) each.contents.insert(at, content);
      return cell(each);
    });
  }
  Id without(Id cell_id, Id content) {
    return memo_.get(key(4, cell_id, content, 0), [&] {
      Cell each = cells_[cell_id];
      std::erase(each.contents, content);
      return cell(each);
    });
  }

 private:
  static std::uint64_t key(std::uint64_t operation, std::uint64_t first, std::uint64_t second, std::uint64_t third) {
    return operation << 60U | third << 32U | first << 16U | second;
  }

  template <class Map, class Store, class Each>
  static Id intern(Map& ids, Store& store, const Each& each) {
    const auto found = ids.find(each);
    if (found != ids.end()) return found->second;
    const Id id = next_id(store.size());
    store.push_back(each);
    ids.emplace(each, id);
    return id;
  }

  bool less(Id left, Id right) const {
    const auto& a = contents_[left];
    const auto& b = contents_[right];
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [&](Id x, Id y) { return words_[x] < words_[y]; });
  }

  std::unordered_map<std::int64_t, Id> word_ids_;
  std::vector<std::int64_t> words_;
  std::map<std::vector<Id>, Id> content_ids_;
  std::vector<std::vector<Id>> contents_;
  std::map<Entry, Id> entry_ids_;
  std::vector<Entry> entries_;
  std::map<Cell, Id> cell_ids_;
  std::vector<Cell> cells_;
  Memo memo_;
};

}  // namespace fencepost::litmus
