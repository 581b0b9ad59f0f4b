// NewName: a sequencer of level 4 in C++, which keeps the order of each client's batches across all rings.
//
// Compare its answers with those that the contract allows, on drawn workloads and schedules:
//
//     fencepost compare new_name.cpp --level 4 --examples 500
//
// It is compiled into your cache with the headers of fencepost. Each ring has a scanner, which tries to order one batch
// after the other. What is here runs under every order of these attempts; where another scanner may go on in the middle
// of one, `turn.pass()`: between two accesses to what scanners share, and in every loop that waits. Everything here is
// yours to change; docs/own.md of fencepost says more.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/adapter.hpp"

class NewName {
 public:
  // Begins anew: nothing was ordered.
  void begin(std::size_t /*ring_count*/, std::size_t client_count) {
    next_of_.assign(client_count, 0);
    position_ = 0;
    is_locked_ = false;
  }

  // Tries once to order a batch of `count` messages.
  fencepost::Answer try_order(fencepost::Turn& turn, std::size_t /*ring*/, std::size_t client, std::uint64_t seq,
                              std::uint64_t count) {
    while (is_locked_) turn.pass();
    is_locked_ = true;
    const fencepost::Answer answer = ordered(turn, client, seq, count);
    is_locked_ = false;
    return answer;
  }

  // Returns how many batches a client may forget, from its first on.
  std::uint64_t acknowledged(std::size_t client) { return next_of_[client]; }

  // Returns the next position that was never handed out.
  std::uint64_t issued() { return position_; }

 private:
  fencepost::Answer ordered(fencepost::Turn& turn, std::size_t client, std::uint64_t seq, std::uint64_t count) {
    if (seq > next_of_[client]) return fencepost::Answer::later();  // a predecessor is missing: it is tried again
    if (seq < next_of_[client]) return fencepost::Answer::duplicate();
    const std::uint64_t start = position_;
    turn.pass();
    position_ = start + count;  // delete this line to see a difference
    turn.pass();
    next_of_[client] = seq + 1;
    return fencepost::Answer::ordered(start);
  }

  std::vector<std::uint64_t> next_of_;  // the number of the batch that a client's next one must have
  std::uint64_t position_ = 0;
  bool is_locked_ = false;
};

FENCEPOST_SEQUENCER(new_name, NewName)
