// What the scanners of both levels share: waiting for a slot, reading it, and publishing an ordered batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/issued.hpp"
#include "fencepost/structures/slot_id.hpp"
#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/mutants.hpp"
#include "fencepost/pipeline/receiver.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

// All that sequencers made of workers have in common.
template <class Policy>
struct SharedCounter {
  explicit SharedCounter(const Configuration& configuration) : counter(configuration.first_position) {}
  std::uint64_t issued() const noexcept { return counter.value(); }

  Issued<Policy> counter;
};

// A slot's batch as workers take it, and back again.
inline fencepost::Batch batch_of(const Slot& slot) {
  return {static_cast<std::uint64_t>(slot.batch.client), static_cast<std::uint64_t>(slot.batch.seq),
          static_cast<std::uint64_t>(slot.batch.count)};
}
inline std::uint64_t origin_index(const Slot& slot) { return static_cast<std::uint64_t>(slot.index); }
inline Slot slot_of(const fencepost::Batch& batch, std::uint64_t origin) {
  return {static_cast<Value>(SlotId::index(origin)),
          {static_cast<Value>(batch.client_id), static_cast<Value>(batch.batch_seq),
           static_cast<Value>(batch.message_count)},
          false};
}

// What a scanner hands over to the one that goes on in its place: what stands in its chain and in its acknowledgements.
struct HandedOver {
  Value released_count = 0;           // entries of the export chain, ever
  std::vector<Value> ordered_counts;  // of each client, where acknowledgements count
  bool is_member = true;
  std::vector<Value> unsettled;  // indices of slots that were read, and are to be read again
  Value following = 0;           // index of the slot behind all that were read
};

// Reads one ring in ring order. With `delegated`, a delegation says what is written; else the header's own guard does.
template <class Memory>
class Scanner {
 public:
  Scanner(Memory& memory, const Layout& layout, std::uint32_t ring, bool delegated)
      : Scanner(memory, layout, ring, delegated, layout.chain_of(ring, 0)) {}

  // `chain`: the number of its export chain.
  Scanner(Memory& memory, const Layout& layout, std::uint32_t ring, bool delegated, std::uint32_t chain)
      : memory_(memory),
        layout_(layout),
        ring_(ring),
        chain_(chain),
        delegated_(delegated),
        is_member_(!layout.joins_late(ring)) {}

  HandedOver hand_over() const { return {released_count_, {}, is_member_, {}, 0}; }
  void take_over(const HandedOver& from) {
    released_count_ = from.released_count;
    is_member_ = from.is_member;
    unsettled_ = from.unsettled;
    following_ = from.following;
  }

  // Slots are named below by which is read as the how-manieth, from 0: its index in the ring, unless others were left.
  //
  // The word to wait for until the slot may be read; none when it may be read now.
  std::optional<Watched> gate(Value number) const {
    const Value index = index_of(number);
    if (!is_member_) return Watched{layout_.joined(ring_), 0, true};
    if (!delegated_) return header_gate(index);
    if (written_count_ > index) return std::nullopt;
    return Watched{{layout_.written(ring_), 0}, written_count_, true};
  }

  // Takes note of what was seen at the gate of a slot; says whether it may be read.
  bool passes(Value number, Value seen) {
    const Value index = index_of(number);
    if (!is_member_) {
      is_member_ = true;
      return false;
    }
    if (!delegated_) {
      looked_index_ = index;
      looked_ = seen;
      return seen == full_index(index);
    }
    written_count_ = seen;
    return seen > index;
  }

  // BLOCKS until the slot may be read; false: the run is to end.
  bool wait(Value number) {
    while (const std::optional<Watched> watched = gate(number)) {
      const Result found = memory_.poll({&*watched, 1});
      if (found.stopped()) return false;
      if (passes(number, found.value)) return true;
    }
    return true;
  }

  // Looks once, without waiting, whether the slot may be read.
  bool is_readable(Value number) {
    const std::optional<Watched> watched = gate(number);
    if (!watched) return true;
    memory_.flush(watched->word.line);
    memory_.full_fence();
    const Value seen = memory_.load(watched->word);
    return seen != watched->seen && passes(number, seen);
  }

  // Reads the slot behind a gate. A header without messages is not written yet, whatever its guard says. That a
  // delegation counted the slot says that its own host can read it: the header may still be in that host's cache only,
  // so its guard is waited for as well.
  std::optional<Slot> read(Value number) {
    const Value index = index_of(number);
    if (delegated_) {
      const Watched guard = header_gate(index);
      if (memory_.poll({&guard, 1}).stopped()) return std::nullopt;
    }
    if (layout_.has_fields) return read_fields(index);
    const Word word{layout_.header(ring_, index), batch_word};
    Value packed = memory_.load(word);
    while (unpack_batch(packed).count < 1) {
      const Watched watched{word, packed, true};
      const Result found = memory_.poll({&watched, 1});
      if (found.stopped()) return std::nullopt;
      packed = found.value;
    }
    return Slot{index, unpack_batch(packed), false};
  }

  // Gives the batch its range: from here on it has a position, whoever may see it.
  void assign(const Slot& slot, Value start) {
    memory_.witness(Memory::at(Action::assign, ring_, slot.index, slot.batch.client, slot.batch.seq, slot.batch.count,
                               start));
  }

  // Offers an ordered batch to readers; when that has reached memory, lets its broker acknowledge it.
  void publish(const Slot& slot, Value start, Value below) {
    publish(slot, start, below, Memory::at(Action::publish, ring_));
  }
  void publish(const Slot& slot, Value start, Value below, typename Memory::Label label) {
    add_entry({slot.index, start, deliver_entry}, deliver_entry, label);
    acknowledge(slot, below);
  }

  // The same at level 4, where an acknowledgement covers copies that were dropped here and ordered elsewhere: BLOCKS
  // until the client's batch before this one is offered too, by whoever claimed it. That ends: it was claimed earlier,
  // its scanner has nothing else in hand, and waits for an earlier one at most. False: the run is to end.
  bool publish_in_turn(const Slot& slot, Value start) {
    add_entry({slot.index, start, deliver_entry}, deliver_entry, Memory::at(Action::publish, ring_));
    const Word word = layout_.exported(slot.batch.client);
    for (Value seen = memory_.load(word); seen < slot.batch.seq;) {
      const Watched watched{word, seen, false};
      const Result found = memory_.poll({&watched, 1});
      if (found.stopped()) return false;
      seen = found.value;
    }
    memory_.store(word, slot.batch.seq + 1);
    acknowledge(slot, slot.batch.seq + 1);
    return true;
  }

  void acknowledge(const Slot& slot, Value below) {
    const LineIndex line = layout_.acked(ring_, slot.batch.client);
    memory_.store({line, 0}, below, Memory::at(Action::frontier, ring_, slot.batch.client, below));
    memory_.flush(line);
    memory_.store_fence();
  }

  // Gives the slot back unordered: its batch was ordered before.
  void discard(const Slot& slot) {
    memory_.witness(Memory::at(Action::discard, ring_, slot.index));
    add_entry({slot.index, -1, drop_entry}, drop_entry, Memory::unlabelled());
  }

  // Gives the slot back as another worker's, who has an entry for it in a chain of its own.
  void pass_over(const Slot& slot) { add_entry({slot.index, -1, drop_entry}, pass_entry, Memory::unlabelled()); }

 protected:
  // The same where the fields of a header are words of their own, loaded one after the other.
  std::optional<Slot> read_fields(Value index) {
    const LineIndex header = layout_.header(ring_, index);
    const Value client = memory_.load({header, client_word});
    const Value seq = memory_.load({header, seq_word});
    Value count = memory_.load({header, count_word});
    while (count == 0) {
      const Watched watched{{header, count_word}, 0, true};
      const Result found = memory_.poll({&watched, 1});
      if (found.stopped()) return std::nullopt;
      count = found.value;
    }
    return Slot{index, {client, seq, count}, false};
  }

  Value index_of(Value number) const {
    const auto left_count = static_cast<Value>(unsettled_.size());
    return number < left_count ? unsettled_[static_cast<std::size_t>(number)] : following_ + number - left_count;
  }

  // The guard of a slot's header, and what it was when last seen: at first, that of a lap before.
  Watched header_gate(Value index) const {
    const Value lap_before = index - static_cast<Value>(layout_.slots);
    const Value before = lap_before >= 0 ? full_index(lap_before) : 0;
    return {layout_.header_guard(ring_, index), looked_index_ == index ? looked_ : before, true};
  }

  Memory& memory_;
  const Layout& layout_;
  const std::uint32_t ring_;
  const std::uint32_t chain_;

 private:
  // One entry of the ring's export chain for each slot in use, so the chain is never longer than the ring.
  void add_entry(const ChainEntry& entry, Value kind, typename Memory::Label label) {
    const LineIndex line = layout_.chain(chain_, released_count_);
    ++released_count_;
    memory_.witness(Memory::at(Action::exported, ring_, entry.index, kind, chain_));
    if constexpr (Memory::mutant == Mutant::guard_before_entry) {
      memory_.store({line, guard_word}, released_count_, label);
      memory_.flush(line);
      memory_.store_fence();
      memory_.store({line, entry_word}, pack(entry));
    } else {
      memory_.store({line, entry_word}, pack(entry));
      memory_.store({line, guard_word}, released_count_, label);
    }
    memory_.flush(line);
    memory_.store_fence();
  }

  const bool delegated_;
  bool is_member_;            // the broker of the ring has joined, as far as is known here
  Value released_count_ = 0;  // entries of the export chain, ever
  Value written_count_ = 0;   // as last seen
  Value looked_index_ = -1;   // of the slot whose guard was last looked at, and what it was
  Value looked_ = 0;
  std::vector<Value> unsettled_;  // what the scanner before this one left, and where the ring goes on behind it
  Value following_ = 0;
};

}  // namespace fencepost::pipeline
