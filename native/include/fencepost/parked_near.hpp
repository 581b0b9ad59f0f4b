// Batches parked a few numbers ahead of their client's next one. Private to one thread, bounded, no search.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fencepost/batch.hpp"

namespace fencepost {

// A client has as many places as are looked ahead, used round and round: the batch of number n is kept at n modulo that.
// Which of them are taken is a word of bits, seen from the client's next number: bit d is the batch of number next + d.
// A run of batches that may be released is then a run of ones, found in one instruction.
class ParkedNear {
 public:
  // A kept batch; of which client and of what number is said by where it lies.
  struct Place {
    std::uint64_t origin;
    std::uint64_t message_count;  // and was_parked
  };
  static_assert(sizeof(Place) == 16, "four of them share a line");

  // A bit above all message counts. Kept with the batch, so that who copies a place needs no branch to know it.
  static constexpr std::uint64_t was_parked = std::uint64_t{1} << 32;

  // Looks ahead 1 to 16 numbers: as many as leave no more than two places for each batch that may be parked, or one for
  // each client. Allocates up to 32 bytes per batch of parking_capacity and 20 per client here, and nothing later.
  ParkedNear(std::size_t parking_capacity, std::size_t client_index_count)
      : ahead_count_(std::bit_floor(std::clamp(2 * parking_capacity / client_index_count, std::size_t{1}, ahead_max))),
        bits_(client_index_count),
        places_(client_index_count * ahead_count_) {}

  void clear() noexcept {
    std::fill(bits_.begin(), bits_.end(), 0U);
    parked_count_ = 0;
  }

  std::size_t parked_count() const noexcept { return parked_count_; }
  void count_parked(std::size_t more_count, std::size_t released_count) noexcept {
    parked_count_ += more_count - released_count;
  }

  // Where things lie. Holds copies of what never changes, for loops whose stores the compiler cannot tell from ours.
  class View {
   public:
    bool reaches(std::uint64_t distance) const noexcept { return distance < ahead_count_; }
    std::uint32_t& bits(std::size_t client_index) const noexcept { return bits_[client_index]; }
    Place& place(std::size_t client_index, std::uint64_t batch_seq) const noexcept {
      return places_[client_index * ahead_count_ + (batch_seq & (ahead_count_ - 1))];
    }

   private:
    friend class ParkedNear;
    View(std::size_t ahead_count, std::uint32_t* bits, Place* places) noexcept
        : ahead_count_(ahead_count), bits_(bits), places_(places) {}
    std::size_t ahead_count_;
    std::uint32_t* bits_;
    Place* places_;
  };
  View view() noexcept { return {ahead_count_, bits_.data(), places_.data()}; }

 private:
  static constexpr std::size_t ahead_max = 16;

  std::size_t ahead_count_;
  std::vector<std::uint32_t> bits_;
  std::vector<Place> places_;
  std::size_t parked_count_ = 0;
};

}  // namespace fencepost
