// The client: numbers its batches, stripes them over rings, and keeps each until it is acknowledged.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

// One batch as a client sends it; the same seq again is a retransmission.
struct Sending {
  std::uint32_t ring = 0;
  Value seq = 0;
  Value count = 0;
};

// Sends what it has planned; after a restart, sends all that was not acknowledged again, to other rings. A level-4 ring
// acknowledges by seq, a level-5 ring by how many of the batches that came to it on this ring are ordered.
template <class Memory>
class Client {
 public:
  Client(Memory& memory, const Layout& layout, Value client, std::vector<Sending> plan, int level, bool restarts)
      : memory_(memory), layout_(layout), client_(client), plan_(std::move(plan)), level_(level), restarts_(restarts) {
    for (const Sending& each : plan_) waiting_.push_back(each.seq);
    sent_.resize(layout.ring_count);
  }

  // BLOCKS until every batch is acknowledged by a ring that it was sent to, or the run is to end.
  void run() {
    for (const Sending& each : plan_) send(each);
    if (restarts_) {
      for (const Sending& each : plan_) send({(each.ring + 1) % layout_.ring_count, each.seq, each.count});
    }
    while (!waiting_.empty()) {
      const Result message = memory_.receive(layout_.to_client(client_));
      if (message.stopped()) return;
      note(static_cast<std::size_t>(acknowledging_ring(message.value)), acknowledged_below(message.value));
    }
  }

 private:
  void send(const Sending& sending) {
    sent_[sending.ring].push_back(sending.seq);
    memory_.send(layout_.to_ring(sending.ring), pack(Batch{client_, sending.seq, sending.count}));
  }

  void note(std::size_t ring, Value below) {
    const std::vector<Value>& sent = sent_[ring];
    for (std::size_t at = 0; at < sent.size(); ++at) {
      if (level_ == 4 ? sent[at] < below : static_cast<Value>(at) < below) std::erase(waiting_, sent[at]);
    }
  }

  Memory& memory_;
  const Layout& layout_;
  const Value client_;
  const std::vector<Sending> plan_;
  const int level_;
  const bool restarts_;
  std::vector<Value> waiting_;            // seqs that no ring acknowledged
  std::vector<std::vector<Value>> sent_;  // to each ring, in order
};

}  // namespace fencepost::pipeline
