// The acknowledger: tells clients which of their batches they may forget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

// Watches one ring's acknowledgement words, one for each of its clients, with a view of its own of each.
template <class Memory>
class Acknowledger {
 public:
  Acknowledger(Memory& memory, const Layout& layout, std::uint32_t ring, std::vector<Value> clients)
      : memory_(memory), layout_(layout), ring_(ring), clients_(std::move(clients)) {
    for (const Value client : clients_) watched_.push_back({{layout.acked(ring, client), 0}, 0, true});
  }

  // BLOCKS until the run is to end: passes on what is new. Allocates nothing.
  void run() {
    while (true) {
      const Result found = memory_.poll(watched_);
      if (found.stopped()) return;
      tell(found.index, found.value);
    }
  }

 protected:
  // Tells one of the clients that its batches below this one are ordered and can be read.
  void tell(std::size_t place, Value below) {
    watched_[place].seen = below;
    memory_.send(layout_.to_client(clients_[place]), pack_acknowledgement(ring_, below),
                 Memory::at(Action::acknowledge, ring_, clients_[place], below));
  }

  std::size_t client_count() const { return clients_.size(); }

 private:
  Memory& memory_;
  const Layout& layout_;
  const std::uint32_t ring_;
  const std::vector<Value> clients_;
  std::vector<Watched> watched_;
};

}  // namespace fencepost::pipeline
