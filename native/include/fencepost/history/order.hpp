// Where an order is broken: position order is cut into pieces, each as long as it can be, that keep it.
//
// A batch has two numbers, and comes before another where its `high` is below the other's `low` (of a client's numbering
// both are batch_seq; of real time they are when it was acked, and when it was sent). Batches come by their starts, so that
// of one that ended before the next began nothing has to be kept but the highest `low` of its piece.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <span>
#include <vector>

#include "fencepost/history/groups.hpp"

namespace fencepost {

// One culprit: the rows that show it, from 0, -1 where there is none; and by how much it is wrong.
struct HistoryCulprit {
  std::int64_t first_row = -1;
  std::int64_t second_row = -1;
  std::uint64_t size = 0;
  std::int64_t start = 0;  // where culprits are not added in position order: of equal sizes the lowest is worse

  bool is_worse_than(const HistoryCulprit& other) const noexcept {
    return size != other.size ? size > other.size : start < other.start;
  }
};

// The culprits of the largest sizes, the largest first; of equal ones those that were added first.
class WorstCulprits {
 public:
  static constexpr std::size_t shown_max = 3;

  void add(const HistoryCulprit& culprit) noexcept {
    if (!culprit.is_worse_than(worst_[shown_max - 1])) return;
    std::size_t place = shown_max - 1;
    for (; place > 0 && culprit.is_worse_than(worst_[place - 1]); --place) worst_[place] = worst_[place - 1];
    worst_[place] = culprit;
  }

  // As many as there are; every culprit has a size.
  std::span<const HistoryCulprit> all() const noexcept {
    std::size_t count = 0;
    while (count < shown_max && worst_[count].size > 0) ++count;
    return {worst_.data(), count};
  }

 private:
  std::array<HistoryCulprit, shown_max> worst_;
};

// How often a property is broken, the rows of the place of the lowest position, and the worst places.
struct HistoryBreach {
  std::int64_t count = 0;
  std::int64_t first_row = -1;
  std::int64_t second_row = -1;
  WorstCulprits worst;

  // `size` is 1 at least. Of two numbers it is their difference, which as one without a sign is exact for any two.
  void add(std::int64_t first, std::int64_t second, std::uint64_t size) noexcept {
    if (count++ == 0) {
      first_row = first;
      second_row = second;
    }
    worst.add({first, second, size});
  }
};

constexpr std::uint64_t history_distance(std::int64_t low, std::int64_t high) noexcept {
  return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
}

constexpr std::int64_t history_never = std::numeric_limits<std::int64_t>::min();

struct PlacedBatch {
  std::int64_t start;
  std::int64_t end;
  std::int64_t low;   // history_never: it comes behind no other
  std::int64_t high;  // history_never: it comes before no other
  std::int64_t row;
};

// Those of a piece that end behind a position: by end, without any that one of a later end and lower `high` hides.
class ReachingBatches {
 public:
  // Forgets what ends at or before `start`; returns that of the lowest `high` of the others, or nothing.
  const PlacedBatch* lowest(std::int64_t start) {
    const auto reaches = [start](const PlacedBatch& each) { return each.end > start; };
    batches_.erase(batches_.begin(), std::find_if(batches_.begin(), batches_.end(), reaches));
    return batches_.empty() ? nullptr : &batches_.front();
  }

  void add(const PlacedBatch& batch) {
    if (batch.high == history_never) return;
    const auto ends_before = [](const PlacedBatch& each, std::int64_t end) { return each.end < end; };
    auto place = std::lower_bound(batches_.begin(), batches_.end(), batch.end, ends_before);
    if (place != batches_.end() && place->high <= batch.high) return;
    auto hidden = place;
    while (hidden != batches_.begin() && (hidden - 1)->high >= batch.high) --hidden;
    place = batches_.erase(hidden, place);
    batches_.insert(place, batch);
  }

  void clear() noexcept { batches_.clear(); }

 private:
  std::vector<PlacedBatch> batches_;
};

// The order inside each group. One group alone is group 0.
class HistoryOrder {
 public:
  HistoryOrder() : groups_(Piece{}) {}

  void add(std::int64_t group, const PlacedBatch& batch) {
    Piece& piece = groups_.of(group);
    if (batch.start < piece.last.end || piece.reaching >= 0) {
      add_to_met(piece, batch);
    } else if (batch.high < piece.highest && batch.high != history_never) {
      breach_.add(piece.highest_row, batch.row, history_distance(batch.high, piece.highest));
      piece.highest = batch.low;
      piece.highest_row = batch.row;
    } else if (batch.low > piece.highest) {
      piece.highest = batch.low;
      piece.highest_row = batch.row;
    }
    piece.last = batch;
  }

  // The same of a batch that meets none before it, nor one behind it unless `keep_last` follows.
  void add_apart(std::int64_t group, std::int64_t number, std::int64_t repeats, std::int64_t row) {
    Piece& piece = groups_.of(group);
    if (number - repeats < piece.highest) [[unlikely]] {
      breach_.add(piece.highest_row, row, history_distance(number - repeats, piece.highest));
    }
    piece.highest = number;
    piece.highest_row = row;
  }

  // What may meet batches that come: the last of those that were added apart.
  void keep_last(std::int64_t group, const PlacedBatch& batch) {
    Piece& piece = groups_.of(group);
    if (piece.reaching >= 0) {
      ReachingBatches& reaching = reaching_[static_cast<std::size_t>(piece.reaching)];
      reaching.clear();
      reaching.add(batch);
    }
    piece.last = batch;
  }

  // Real time of batches apart, all of group 0: nothing is added, and false returned, where a breach is among them.
  bool add_times_apart(std::span<const std::int64_t> sent, std::span<const std::int64_t> acked,
                       std::span<const std::int64_t> rows) {
    Piece& piece = groups_.of(0);
    std::int64_t highest = piece.highest == history_never ? -1 : piece.highest;
    std::int64_t highest_row = piece.highest_row;
    std::int64_t late = 0;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      late |= (acked[i] - highest) & ~acked[i];  // below 0 where it was acked, and before another was sent
      highest_row = sent[i] > highest ? rows[i] : highest_row;
      highest = std::max(highest, sent[i]);
    }
    if (late < 0) return false;
    piece.highest = highest == -1 ? history_never : highest;
    piece.highest_row = highest_row;
    return true;
  }

  const HistoryBreach& breach() const noexcept { return breach_; }

 private:
  struct Piece {
    std::int64_t highest = history_never;  // of the piece: the highest `low`, before which no later batch may come
    std::int64_t highest_row = -1;
    std::int64_t reaching = -1;  // from the first batch on that meets one of its group: which of reaching_
    PlacedBatch last{0, 0, history_never, history_never, -1};
  };

  // Until batches of a group meet, only the last can reach behind the next start: it alone has to be kept.
  void add_to_met(Piece& piece, const PlacedBatch& batch) {
    if (piece.reaching < 0) {
      piece.reaching = static_cast<std::int64_t>(reaching_.size());
      reaching_.emplace_back().add(piece.last);
    }
    ReachingBatches& reaching = reaching_[static_cast<std::size_t>(piece.reaching)];
    const PlacedBatch* const under = reaching.lowest(batch.start);
    const bool comes_late = batch.high != history_never && batch.high < piece.highest;
    if (comes_late || (under != nullptr && under->high < batch.low)) {
      if (comes_late) breach_.add(piece.highest_row, batch.row, history_distance(batch.high, piece.highest));
      else breach_.add(under->row, batch.row, history_distance(under->high, batch.low));
      reaching.clear();
      piece.highest = history_never;
    }
    reaching.add(batch);
    if (comes_late || batch.low > piece.highest || piece.highest == history_never) {
      piece.highest = batch.low;
      piece.highest_row = batch.row;
    }
  }

  HistoryGroups<Piece> groups_;
  std::deque<ReachingBatches> reaching_;
  HistoryBreach breach_;
};

}  // namespace fencepost
