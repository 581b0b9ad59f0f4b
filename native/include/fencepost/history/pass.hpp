// One pass over a history whose rows come by their positions: what each property's breaches are, and how many.
//
// Kept of the rows before are the last number of each client and ring, the numbers that came out of turn, and rows that
// may still meet what comes: memory grows with clients and with what is wrong, not with rows. Rows that begin at one
// position are put in the order in which the checks of whole histories (model/histories/checks/searches.py) take them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "fencepost/history/numbers.hpp"
#include "fencepost/history/order.hpp"

namespace fencepost {

struct HistoryAsked {
  bool ring_order;
  bool client_order;
  bool numbers;  // gaps and copies of a client's numbers
  bool real_time;
};

struct HistoryRules {
  std::int64_t from_position;
  HistoryNumberRules numbers;
};

// The columns of some rows; one that nothing asked for needs is empty.
struct HistoryRows {
  enum Name : std::size_t { start, count, client, seq, broker, ring, sent, acked, row, column_count };
  std::array<std::span<const std::int64_t>, column_count> columns;

  std::size_t size() const noexcept { return columns[start].size(); }
  std::int64_t at(Name name, std::size_t index) const noexcept { return columns[name][index]; }

  HistoryRows from(std::size_t first, std::size_t size) const {
    HistoryRows part;
    for (std::size_t name = 0; name < column_count; ++name) {
      if (!columns[name].empty()) part.columns[name] = columns[name].subspan(first, size);
    }
    return part;
  }
};

class HistoryPass {
 public:
  enum class State : int { in_order = 0, out_of_order = 1, bad_value = 2 };

  HistoryPass(HistoryAsked asked, HistoryRules rules)
      : asked_(asked), rules_(rules), numbers_(rules.numbers), reached_(rules.from_position) {}

  // Goes on over the next rows. Returns whether the pass can go on: rows are in order, and all values are possible.
  bool add(const HistoryRows& rows) {
    std::size_t done = 0;
    while (state_ == State::in_order && done < rows.size()) {
      if (!held_back_[HistoryRows::start].empty()) {
        done += take_held_back(rows);
        continue;
      }
      const std::size_t size = std::min(block_size, rows.size() - done);
      const HistoryRows block = rows.from(done, size);
      if (!is_possible(block)) break;
      // The last run of one start waits for those that may follow it.
      std::size_t whole = size - 1;
      while (whole > 0 && block.at(HistoryRows::start, whole - 1) == block.at(HistoryRows::start, size - 1)) --whole;
      process(block.from(0, whole));
      if (whole == 0 || done + size == rows.size()) {
        hold_back(block.from(whole, size - whole));
        done += size;
      } else {
        done += whole;  // those that may follow are in the next block
      }
    }
    return state_ == State::in_order;
  }

  // What is held back is all there is.
  void finish() {
    if (state_ == State::in_order && !held_back_[HistoryRows::start].empty()) process_held_back();
  }

  State state() const noexcept { return state_; }
  const HistoryBreach& overlaps() const noexcept { return overlaps_; }
  const HistoryBreach& holes() const noexcept { return holes_; }
  const HistoryBreach& ring_breaches() const noexcept { return rings_.breach(); }
  const HistoryBreach& client_breaches() const noexcept { return clients_.breach(); }
  const HistoryBreach& time_breaches() const noexcept { return times_.breach(); }
  const HistoryNumbers& numbers() const noexcept { return numbers_; }
  std::int64_t latest_sent_ns() const noexcept { return latest_sent_ns_; }
  std::int64_t earliest_ack_ns() const noexcept { return earliest_ack_ns_; }

 private:
  using R = HistoryRows;
  static constexpr std::size_t block_size = 4096;  // rows; their columns stay in a core's cache between the checks

  bool is_possible(const R& block) {
    std::int64_t negative = 0;
    for (const R::Name name : {R::start, R::client, R::seq, R::broker, R::ring}) {
      for (const std::int64_t value : block.columns[name]) negative |= value;
    }
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    const auto starts = block.columns[R::start];
    const auto counts = block.columns[R::count];
    std::int64_t falls = 0;
    for (std::size_t i = 0; i < block.size(); ++i) negative |= (counts[i] - 1) | ((most - counts[i]) - starts[i]);
    for (std::size_t i = 1; i < block.size(); ++i) falls |= starts[i] - starts[i - 1];
    if (asked_.real_time) {
      for (std::size_t i = 0; i < block.size(); ++i) {
        const std::int64_t sent = block.columns[R::sent][i];
        const std::int64_t acked = block.columns[R::acked][i];
        negative |= (sent + 1) | (acked + 1) | ((acked - sent) & ~acked & ~sent);  // the last: acked before it was sent
      }
    }
    if (negative < 0) state_ = State::bad_value;
    else if (falls < 0 || starts[0] < last_start_) state_ = State::out_of_order;
    last_start_ = starts[block.size() - 1];
    return state_ == State::in_order;
  }

  void hold_back(const R& rows) {
    for (std::size_t name = 0; name < R::column_count; ++name) {
      held_back_[name].insert(held_back_[name].end(), rows.columns[name].begin(), rows.columns[name].end());
    }
  }

  // Takes the rows that begin where those held back do; if any other follows, the run is whole. Returns how many.
  std::size_t take_held_back(const R& rows) {
    const auto starts = rows.columns[R::start];
    const std::int64_t start = held_back_[R::start].front();
    std::size_t size = 0;
    while (size < starts.size() && starts[size] == start) ++size;
    if (size > 0) {
      const R same = rows.from(0, size);
      if (!is_possible(same)) return size;
      hold_back(same);
    }
    if (size < starts.size()) process_held_back();
    return size;
  }

  void process_held_back() {
    R rows;
    for (std::size_t name = 0; name < R::column_count; ++name) rows.columns[name] = held_back_[name];
    process(rows);
    for (auto& column : held_back_) column.clear();
  }

  void process(const R& rows) {
    if (rows.size() == 0) return;
    if (asked_.numbers) numbers(rows);
    if (are_apart(rows)) process_apart(rows);
    else process_met(rows);
  }

  // Whether each batch begins at or behind the end of the one before, and the first behind all that came before.
  bool are_apart(const R& rows) const {
    const auto starts = rows.columns[R::start];
    const auto counts = rows.columns[R::count];
    std::int64_t meets = starts[0] - std::max(furthest_end_, kept_end_);
    for (std::size_t i = 1; i < rows.size(); ++i) meets |= starts[i] - (starts[i - 1] + counts[i - 1]);
    return meets >= 0;
  }

  void process_apart(const R& rows) {
    const auto row_numbers = rows.columns[R::row];
    const std::size_t last = rows.size() - 1;
    if (is_dense(rows)) {
      reached_ = kept_end_ = furthest_end_ = rows.at(R::start, last) + rows.at(R::count, last);
      reached_row_ = kept_row_ = row_numbers[last];
    } else {
      positions(rows, false);
    }
    if (asked_.ring_order) order_apart(rows, rings_, R::broker, R::ring, 1);
    if (asked_.client_order) order_apart(rows, clients_, R::client, R::seq, 0);
    if (!asked_.real_time) return;
    const auto sent = rows.columns[R::sent];
    const auto acked = rows.columns[R::acked];
    if (times_.add_times_apart(sent, acked, row_numbers)) {
      note_times(sent, acked);
      times_.keep_last(0, placed_by_times(rows, last));
    } else {
      times(rows, false);
    }
  }

  bool is_dense(const R& rows) const {
    const auto starts = rows.columns[R::start];
    const auto counts = rows.columns[R::count];
    std::int64_t holes = starts[0] ^ reached_;
    for (std::size_t i = 1; i < rows.size(); ++i) holes |= starts[i] ^ (starts[i - 1] + counts[i - 1]);
    return holes == 0;
  }

  void order_apart(const R& rows, HistoryOrder& in, R::Name group, R::Name number, std::int64_t repeats) {
    const auto groups = rows.columns[group];
    const auto values = rows.columns[number];
    const auto row_numbers = rows.columns[R::row];
    for (std::size_t i = 0; i < groups.size(); ++i) in.add_apart(groups[i], values[i], repeats, row_numbers[i]);
    const std::size_t last = groups.size() - 1;
    const std::int64_t start = rows.at(R::start, last);
    in.keep_last(groups[last], {start, start + rows.at(R::count, last), values[last], values[last] - repeats,
                                row_numbers[last]});
  }

  void process_met(const R& rows) {
    const auto starts = rows.columns[R::start];
    bool ties = false;
    for (std::size_t i = 1; i < rows.size(); ++i) ties |= starts[i] == starts[i - 1];
    positions(rows, ties);
    if (asked_.ring_order) order(rows, rings_, R::broker, R::ring, 1, ties);
    if (asked_.client_order) order(rows, clients_, R::client, R::seq, 0, ties);
    if (asked_.real_time) times(rows, ties);
  }

  // Calls `visit` with the index of each row, of one start by what `before` says.
  template <class Before, class Visit>
  void in_order(const R& rows, bool ties, Before before, Visit visit) {
    if (!ties) {
      for (std::size_t i = 0; i < rows.size(); ++i) visit(i);
      return;
    }
    indexes_.resize(rows.size());
    std::iota(indexes_.begin(), indexes_.end(), std::size_t{0});
    std::stable_sort(indexes_.begin(), indexes_.end(), [&](std::size_t one, std::size_t other) {
      const std::int64_t starts[] = {rows.at(R::start, one), rows.at(R::start, other)};
      return starts[0] != starts[1] ? starts[0] < starts[1] : before(one, other);
    });
    for (const std::size_t index : indexes_) visit(index);
  }

  void positions(const R& rows, bool ties) {
    const auto shorter = [&rows](std::size_t one, std::size_t other) {
      return rows.at(R::count, one) < rows.at(R::count, other);
    };
    in_order(rows, ties, shorter, [&](std::size_t i) {
      const std::int64_t start = rows.at(R::start, i);
      const std::int64_t end = start + rows.at(R::count, i);
      const std::int64_t row = rows.at(R::row, i);
      // Of two that meet, the one that ends later goes: what is kept leaves the most room.
      if (start < kept_end_) [[unlikely]] {
        overlaps_.add(kept_row_, row, history_distance(start, std::min(end, kept_end_)));
      }
      if (start >= kept_end_ || end < kept_end_) {
        kept_end_ = end;
        kept_row_ = row;
      }
      if (start > reached_) [[unlikely]] holes_.add(reached_row_, row, history_distance(reached_, start));
      if (end > reached_ || reached_row_ < 0) {
        reached_ = std::max(reached_, end);
        reached_row_ = row;
      }
      furthest_end_ = std::max(furthest_end_, end);
    });
  }

  void order(const R& rows, HistoryOrder& in, R::Name group, R::Name number, std::int64_t repeats, bool ties) {
    const auto before = [&rows, number](std::size_t one, std::size_t other) {
      const std::int64_t numbers[] = {rows.at(number, one), rows.at(number, other)};
      return numbers[0] != numbers[1] ? numbers[0] < numbers[1] : rows.at(R::count, one) < rows.at(R::count, other);
    };
    in_order(rows, ties, before, [&](std::size_t i) {
      const std::int64_t start = rows.at(R::start, i);
      const std::int64_t value = rows.at(number, i);
      in.add(rows.at(group, i), {start, start + rows.at(R::count, i), value, value - repeats, rows.at(R::row, i)});
    });
  }

  void numbers(const R& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto step = rules_.numbers.counts_messages ? static_cast<std::uint64_t>(rows.at(R::count, i)) : 1;
      numbers_.add(rows.at(R::client, i), static_cast<std::uint64_t>(rows.at(R::seq, i)), step, rows.at(R::start, i),
                   rows.at(R::row, i));
    }
  }

  void times(const R& rows, bool ties) {
    const auto before = [&rows](std::size_t one, std::size_t other) {
      for (const R::Name name : {R::count, R::sent}) {
        if (rows.at(name, one) != rows.at(name, other)) return rows.at(name, one) < rows.at(name, other);
      }
      return rows.at(R::acked, one) < rows.at(R::acked, other);
    };
    in_order(rows, ties, before, [&](std::size_t i) { times_.add(0, placed_by_times(rows, i)); });
    note_times(rows.columns[R::sent], rows.columns[R::acked]);
  }

  static PlacedBatch placed_by_times(const R& rows, std::size_t index) {
    const std::int64_t start = rows.at(R::start, index);
    const std::int64_t sent = rows.at(R::sent, index);
    const std::int64_t acked = rows.at(R::acked, index);
    return {start, start + rows.at(R::count, index), sent == -1 ? history_never : sent,
            acked == -1 ? history_never : acked, rows.at(R::row, index)};
  }

  void note_times(std::span<const std::int64_t> sent, std::span<const std::int64_t> acked) {
    for (const std::int64_t each : sent) latest_sent_ns_ = std::max(latest_sent_ns_, each);
    // As unsigned, never is later than any moment.
    auto earliest = static_cast<std::uint64_t>(earliest_ack_ns_);
    for (const std::int64_t each : acked) earliest = std::min(earliest, static_cast<std::uint64_t>(each));
    earliest_ack_ns_ = static_cast<std::int64_t>(earliest);
  }

  HistoryAsked asked_;
  HistoryRules rules_;
  State state_ = State::in_order;
  HistoryOrder rings_;
  HistoryOrder clients_;
  HistoryOrder times_;
  HistoryNumbers numbers_;
  HistoryBreach overlaps_;
  HistoryBreach holes_;
  std::int64_t last_start_ = 0;
  std::int64_t kept_end_ = 0;
  std::int64_t kept_row_ = -1;
  std::int64_t furthest_end_ = 0;
  std::int64_t reached_;  // the position behind the furthest end so far
  std::int64_t reached_row_ = -1;
  std::int64_t latest_sent_ns_ = -1;
  std::int64_t earliest_ack_ns_ = std::numeric_limits<std::int64_t>::max();
  std::array<std::vector<std::int64_t>, HistoryRows::column_count> held_back_;
  std::vector<std::size_t> indexes_;
};

}  // namespace fencepost
