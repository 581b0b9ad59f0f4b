// Happened before: which events of a run must stay in their order for the run to be the same. model/explorer/search/order.py.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fencepost/stepped/system.hpp"

namespace fencepost::stepped {

// Sets of events, as bits: one for each event of the run. They are made and given up like a stack.
class EventSets {
 public:
  using Set = std::uint32_t;

  std::size_t width() const { return width_; }  // in words of 64 events
  Set size() const { return static_cast<Set>(bits_.size() / width_); }
  std::uint64_t* operator[](Set set) { return bits_.data() + set * width_; }
  const std::uint64_t* operator[](Set set) const { return bits_.data() + set * width_; }
  bool holds(Set set, std::size_t event) const { return ((*this)[set][event / 64] >> (event % 64) & 1U) != 0; }

  Set make() {
    bits_.resize(bits_.size() + width_);
    return size() - 1;
  }
  Set copy(Set set) {
    const Set made = make();
    std::copy_n((*this)[set], width_, (*this)[made]);
    return made;
  }
  void insert(Set set, std::size_t event) { (*this)[set][event / 64] |= std::uint64_t{1} << (event % 64); }
  void unite(Set set, Set other) {
    for (std::size_t at = 0; at < width_; ++at) (*this)[set][at] |= (*this)[other][at];
  }
  bool disjoint(Set set, Set other) const {
    for (std::size_t at = 0; at < width_; ++at) {
      if (((*this)[set][at] & (*this)[other][at]) != 0) return false;
    }
    return true;
  }
  void shrink(Set size) { bits_.resize(size * width_); }

  // Makes room for this many events.
  void widen(std::size_t events) {
    if (events <= width_ * 64) return;
    const std::size_t wider = width_ * 2;
    std::vector<std::uint64_t> bits(size() * wider);
    for (Set set = 0; set < size(); ++set) std::copy_n((*this)[set], width_, bits.data() + set * wider);
    bits_ = std::move(bits);
    width_ = wider;
  }

 private:
  std::size_t width_ = 1;
  std::vector<std::uint64_t> bits_;
};

// An earlier event that might as well have come after the later one.
struct Race {
  std::size_t earlier = 0;
  EventSets::Set before = 0;  // what must come before the later event all the same
};

// The order of the events of one run, kept while the run grows and shrinks at its end.
class RunOrder {
 public:
  using Set = EventSets::Set;

  explicit RunOrder(System& system) : system_(system), notes_(system.thread_count()) {}

  std::size_t size() const { return count_; }
  Actor actor(std::size_t event) const { return events_[event].actor; }
  bool after(std::size_t event, std::size_t earlier) const { return sets_.holds(events_[event].past, earlier); }
  Set past(std::size_t event) const { return events_[event].past; }
  EventSets& sets() { return sets_; }

  // Notes what happened at once before the first event of the run.
  void begin(const Event& event) {
    count_ = 0;
    changes_.clear();
    sets_.shrink(0);
    uses_.clear();
    widened_.clear();
    for (auto& each : notes_) each.clear();
    threads_.clear();
    for (std::size_t thread = 0; thread < notes_.size(); ++thread) threads_.push_back(sets_.make());
    note_acts(event, sets_.make());
  }

  // Adds an event at the end; finds its races with earlier ones. Their sets last until the event is taken away.
  void push(const Event& event, std::vector<Race>& races) {
    sets_.widen(count_ + 1);
    if (events_.size() == count_) events_.emplace_back();
    Record& record = events_[count_];
    record.actor = event.actor;
    record.sets_before = sets_.size();
    record.changes_before = changes_.size();
    races.clear();
    const Set base = base_of(event);
    find_conflicts(event.touched.touches());
    const Set past = sets_.copy(base);
    for (const std::size_t earlier : direct_) {
      const Set others = sets_.copy(base);
      for (const std::size_t other : direct_) {
        if (other != earlier) unite_event(others, other);
      }
      if (!sets_.holds(others, earlier)) races.push_back({earlier, others});
      unite_event(past, earlier);
    }
    find_widened(event.touched.touches(), past, races);
    find_lock_race(event, base, races);
    record.past = past;
    append(event, record);
  }

  // Takes the last event away.
  void pop() {
    const Record& record = events_[--count_];
    for (const Touch& each : record.touches) {
      if ((each.roles & (Touch::reads | Touch::writes)) != 0) uses_[each.key].pop_back();
      if ((each.roles & Touch::widens) != 0) widened_[each.key].pop_back();
    }
    while (changes_.size() > record.changes_before) {
      const Change& change = changes_.back();
      if (change.number < 0) {
        threads_[change.thread] = change.before.past;
      } else if (change.is_new) {
        notes_[change.thread].pop_back();
      } else {
        notes_[change.thread][static_cast<std::size_t>(change.number)] = change.before;
      }
      changes_.pop_back();
    }
    sets_.shrink(record.sets_before);
  }

  // The events that an operation which waits on these keys might as well have come before.
  void waiting(std::uint32_t thread, std::span<const Keys::Key> keys, std::vector<Race>& races) {
    races.clear();
    direct_.clear();
    const Set base = threads_[thread];
    for (const Keys::Key key : keys) {
      if (key >= uses_.size()) continue;
      for (const Use& use : uses_[key]) {
        if (use.writes && !sets_.holds(base, use.event)) direct_.push_back(use.event);
      }
    }
    sort_direct();
    for (const std::size_t earlier : direct_) races.push_back({earlier, base});
  }

 private:
  struct Use {
    std::size_t event;
    bool writes;
  };

  struct Record {
    Actor actor;
    bool is_lock = false;
    Set past = 0;
    Set sets_before = 0;
    std::size_t changes_before = 0;
    std::vector<Touch> touches;
  };

  struct Note {  // an entry of a store buffer: what it comes after, whether it drained
    Set past = 0;
    bool drained = false;
    Buffered kind = Buffered::store;
    Word word;  // of a flush or a fence, its line
  };

  struct Change {
    std::uint32_t thread;
    std::int32_t number;  // of the entry; -1: the thread itself
    bool is_new;
    Note before;
  };

  static constexpr unsigned any_kind = (1U << buffered_count) - 1;
  static constexpr unsigned dropping =
      1U << static_cast<unsigned>(Buffered::clflush) | 1U << static_cast<unsigned>(Buffered::clflushopt);

  void unite_event(Set set, std::size_t event) {
    sets_.unite(set, events_[event].past);
    sets_.insert(set, event);
  }

  void sort_direct() {
    std::ranges::sort(direct_, std::greater<>());
    direct_.erase(std::unique(direct_.begin(), direct_.end()), direct_.end());
  }

  // What comes before an event because of its thread and its buffer alone.
  Set base_of(const Event& event) {
    const std::uint32_t thread = event.actor.thread;
    if (event.actor.is_thread()) {
      const Set base = sets_.copy(threads_[thread]);
      if (waits_for_buffer(operation_of(event.acts.front()))) unite_drained(base, thread, any_kind);
      return base;
    }
    const auto number = static_cast<std::size_t>(event.actor.number);
    const Set base = sets_.copy(notes_[thread][number].past);
    unite_blockers(base, thread, number);
    return base;
  }

  void unite_drained(Set set, std::uint32_t thread, unsigned kinds) {
    for (const Note& each : notes_[thread]) {
      if (each.drained && (kinds >> static_cast<unsigned>(each.kind) & 1U) != 0) sets_.unite(set, each.past);
    }
  }

  void unite_blockers(Set set, std::uint32_t thread, std::size_t number) {
    const std::vector<Note>& notes = notes_[thread];
    const Note& younger = notes[number];
    for (std::size_t at = 0; at < number; ++at) {
      const bool same_line = (notes[at].kind == Buffered::fence) == (younger.kind == Buffered::fence) &&
                             notes[at].word.line == younger.word.line;
      const bool same_word = same_line && notes[at].word.word == younger.word.word;
      if (system_.matrix().blocks(notes[at].kind, younger.kind, same_line, same_word)) sets_.unite(set, notes[at].past);
    }
  }

  // The nearest earlier events that the event conflicts with.
  void find_conflicts(const std::vector<Touch>& touches) {
    direct_.clear();
    for (const Touch& touch : touches) {
      if ((touch.roles & (Touch::reads | Touch::writes | Touch::dates)) == 0 || touch.key >= uses_.size()) continue;
      const bool writes = (touch.roles & Touch::writes) != 0;
      const std::vector<Use>& uses = uses_[touch.key];
      for (std::size_t at = uses.size(); at-- > 0;) {
        if (uses[at].writes || writes) direct_.push_back(uses[at].event);
        if (uses[at].writes) break;
      }
    }
    sort_direct();
  }

  void find_widened(const std::vector<Touch>& touches, Set past, std::vector<Race>& races) const {
    for (const Touch& touch : touches) {
      if ((touch.roles & Touch::writes) == 0 || touch.key >= widened_.size()) continue;
      for (const std::size_t earlier : widened_[touch.key]) {
        if (!sets_.holds(past, earlier)) races.push_back({earlier, past});
      }
    }
  }

  // A lock's race with the lock before it: the unlock between the two cannot be passed, the lock can.
  void find_lock_race(const Event& event, Set base, std::vector<Race>& races) {
    if (!is_lock(event)) return;
    const Keys::Key key = system_.keys().word(operation_of(event.acts.front()).word);
    if (key >= uses_.size()) return;
    for (std::size_t at = uses_[key].size(); at-- > 0;) {
      const std::size_t earlier = uses_[key][at].event;
      if (events_[earlier].is_lock && !sets_.holds(base, earlier)) {
        races.push_back({earlier, base});
        return;
      }
    }
  }

  const Operation& operation_of(const Act& act) const { return system_.nodes(act.thread).operation(act.node); }
  bool is_lock(const Event& event) const {
    return !event.acts.front().is_drain && operation_of(event.acts.front()).kind == Kind::lock;
  }

  // --- bookkeeping ---

  void append(const Event& event, Record& record) {
    record.is_lock = is_lock(event);
    record.touches = event.touched.touches();
    for (const Touch& each : record.touches) {
      if ((each.roles & (Touch::reads | Touch::writes)) != 0) {
        if (each.key >= uses_.size()) uses_.resize(each.key + 1);
        uses_[each.key].push_back({count_, (each.roles & Touch::writes) != 0});
      }
      if ((each.roles & Touch::widens) != 0) {
        if (each.key >= widened_.size()) widened_.resize(each.key + 1);
        widened_[each.key].push_back(count_);
      }
    }
    const Set done = sets_.copy(record.past);
    sets_.insert(done, count_);
    ++count_;
    note_acts(event, done);
  }

  // Notes what the threads and buffers come after from now on.
  void note_acts(const Event& event, Set done) {
    for (std::size_t index = 0; index < event.acts.size(); ++index) {
      const Act& act = event.acts[index];
      if (act.is_drain) {
        note_drain(act, index == 0, done);
        continue;
      }
      const Operation& operation = operation_of(act);
      const bool is_event = index == 0 && event.actor.is_thread() && count_ > 0;
      const bool waits = index > 0 && waits_for_buffer(operation);
      if (is_event || waits || operation.kind == Kind::load_fence) {
        const Set set = sets_.copy(threads_[act.thread]);
        if (is_event) sets_.unite(set, done);
        if (waits) unite_drained(set, act.thread, any_kind);
        if (operation.kind == Kind::load_fence) unite_drained(set, act.thread, dropping);
        changes_.push_back({act.thread, -1, false, {threads_[act.thread], false, Buffered::store, {}}});
        threads_[act.thread] = set;
      }
      if (act.entry != Act::no_entry) {
        notes_[act.thread].push_back({threads_[act.thread], false, buffered(operation), operation.word});
        changes_.push_back({act.thread, static_cast<std::int32_t>(notes_[act.thread].size() - 1), true, {}});
      }
    }
  }

  void note_drain(const Act& act, bool is_event, Set done) {
    const std::int32_t number = system_.cells().entry(act.entry).number;
    const auto at = static_cast<std::size_t>(number);
    const Note before = notes_[act.thread][at];
    const Set set = sets_.copy(before.past);
    if (is_event) sets_.unite(set, done);
    unite_blockers(set, act.thread, at);
    changes_.push_back({act.thread, number, false, before});
    notes_[act.thread][at].past = set;
    notes_[act.thread][at].drained = true;
  }

  System& system_;
  EventSets sets_;
  std::vector<Record> events_;  // of the run, and records left over from longer runs
  std::size_t count_ = 0;
  std::vector<Set> threads_;               // of each thread, all that it comes after
  std::vector<std::vector<Note>> notes_;   // of each thread, the entries that it ever put into its buffer
  std::vector<Change> changes_;
  std::vector<std::vector<Use>> uses_;                // of each key
  std::vector<std::vector<std::size_t>> widened_;     // of each key
  std::vector<std::size_t> direct_;
};

}  // namespace fencepost::stepped
