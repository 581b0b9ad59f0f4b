// order4.cas_then_reserve, wrong on purpose: the successor may reserve between the two steps. For the stepped build, so
// that what finds faults has one to find.
#pragma once

#include <cstdint>

#include "fencepost/pipeline_scanner_order4.hpp"

namespace fencepost::pipeline {

// The word is the next seq.
template <class Memory>
class CasThenReserve {
 public:
  static constexpr Value expected(Value word) { return word; }

  static Attempt attempt(Memory& memory, Scanner<Memory>& scanner, const Layout& layout, std::uint32_t ring,
                         const Slot& slot, Value& seen) {
    const Word word = layout.next_seq(slot.batch.client);
    const Value seq = slot.batch.seq;
    do {
      seen = memory.load(word, Memory::computed(look, ring, slot.index, seq, slot.parked ? 1 : 0));
      if (seen != seq) return {seen > seq ? Outcome::duplicate : Outcome::later, -1};
    } while (memory.compare_exchange(word, seq, seq + 1, Memory::at_if(seq, Action::claim, ring, slot.index)) != seq);
    const Value start = memory.fetch_add(layout.issued(), slot.batch.count, Memory::at(Action::reserve, ring));
    scanner.assign(slot, start);
    scanner.publish_in_turn(slot, start);
    return {Outcome::ordered, start};
  }

 private:
  static Step look(const Step& given, Value word) {
    const Value ring = given.arguments[0], index = given.arguments[1], seq = given.arguments[2];
    if (word > seq) return step(Action::drop, ring, index);
    return word < seq && given.arguments[3] == 0 ? step(Action::park, ring) : Step{};
  }
};

template <class Memory>
using ScannerCasThenReserve = ScannerOrder4<Memory, CasThenReserve>;

}  // namespace fencepost::pipeline
