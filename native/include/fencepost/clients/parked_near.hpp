// Batches parked a few numbers ahead of their client's next one. Private to one thread, bounded, no search.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>


namespace fencepost {

// A client has as many places as are looked ahead, used round and round: the batch of number n is kept at n modulo that.
// Which of them are taken is a word of bits, seen from the client's next number: bit d is the batch of number next + d.
// A run of batches that may be released is then a run of ones, found in one instruction.
//
// How far is looked ahead grows with what comes, as every place more is memory that the batches pass through: where they
// are out of order by one or two, four places a client need a quarter of the cache that sixteen do.
class ParkedNear {
 public:
  // A kept batch; of which client and of what number is said by where it lies.
  struct Place {
    std::uint64_t origin;
    std::uint64_t message_count;
  };
  static_assert(sizeof(Place) == 16, "four of them share a line");

  // Looks ahead 4 numbers at first and up to 16: as many as leave no more than two places for each batch that may be
  // parked, or one for each client. Allocates up to 32 bytes per batch of parking_capacity and 20 per client here, and
  // nothing later.
  ParkedNear(std::size_t parking_capacity, std::size_t client_index_count)
      : ahead_max_(std::bit_floor(std::clamp(2 * parking_capacity / client_index_count, std::size_t{1}, longest))),
        ahead_count_(std::min(ahead_max_, ahead_first)),
        bits_(client_index_count),
        places_(client_index_count * ahead_max_) {}

  void clear() noexcept {
    std::fill(bits_.begin(), bits_.end(), 0U);
    parked_count_ = 0;
  }

  std::size_t parked_count() const noexcept { return parked_count_; }
  void count_parked(std::size_t more_count, std::size_t released_count) noexcept {
    parked_count_ += more_count - released_count;
  }

  // Whether a batch so far ahead can be kept, looking further ahead from now on if need be; every View is void then. That
  // moves all that is parked, twice in the life of this at most. `next_seq_of(client_index)` is a client's next number.
  template <class NextSeqOf>
  bool try_reach(std::uint64_t distance, NextSeqOf&& next_seq_of) {
    if (distance >= ahead_max_) return false;
    if (distance >= ahead_count_) look_ahead(std::bit_ceil(distance + 1), next_seq_of);
    return true;
  }

  // How many batches may be released. Asked of the zero behind them, which is always there: std::countr_one would look
  // for it first.
  static std::uint32_t run_count(std::uint32_t bits) noexcept { return static_cast<std::uint32_t>(__builtin_ctz(~bits)); }

  // Where things lie, until try_reach(). Holds copies, for loops whose stores the compiler cannot tell from ours.
  class View {
   public:
    bool reaches(std::uint64_t distance) const noexcept { return distance <= last_; }
    std::uint32_t& bits(std::size_t client_index) const noexcept { return bits_[client_index]; }
    Place& place(std::size_t client_index, std::uint64_t batch_seq) const noexcept {
      return places_[client_index * ahead_count_ + (batch_seq & last_)];
    }

   private:
    friend class ParkedNear;
    View(std::size_t ahead_count, std::uint32_t* bits, Place* places) noexcept
        : ahead_count_(ahead_count), last_(ahead_count - 1), bits_(bits), places_(places) {}
    std::size_t ahead_count_;
    std::size_t last_;
    std::uint32_t* bits_;
    Place* places_;
  };
  View view() noexcept { return {ahead_count_, bits_.data(), places_.data()}; }

 private:
  static constexpr std::size_t ahead_first = 4;
  static constexpr std::size_t longest = 16;

  // From the last client to the first, as each one's places come to lie behind where they were.
  template <class NextSeqOf>
  void look_ahead(std::size_t ahead_count, NextSeqOf& next_seq_of) {
    const View from = view();
    ahead_count_ = ahead_count;
    const View to = view();
    for (std::size_t client_index = bits_.size(); client_index-- > 0;) {
      if (bits_[client_index] == 0) continue;
      const std::uint64_t next_seq = next_seq_of(client_index);
      std::array<Place, longest> kept;
      for (std::size_t ahead = 0; ahead <= from.last_; ++ahead) kept[ahead] = from.place(client_index, next_seq + ahead);
      for (std::size_t ahead = 0; ahead <= from.last_; ++ahead) to.place(client_index, next_seq + ahead) = kept[ahead];
    }
  }

  std::size_t ahead_max_;
  std::size_t ahead_count_;
  std::vector<std::uint32_t> bits_;
  std::vector<Place> places_;
  std::size_t parked_count_ = 0;
};

}  // namespace fencepost
