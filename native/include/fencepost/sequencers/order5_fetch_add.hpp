// Order 5: a total order of batches with one fetch_add each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/structures/columns.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/issued.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

// Orders every batch it is given, at once: no order among a client's batches, no memory of what was ordered before.
// A batch sent twice is ordered twice.
template <class Memory>
class Order5FetchAdd {
 public:
  static constexpr std::string_view name = "order5.fetch_add";
  static constexpr int level = 5;
  static constexpr bool parks = false;

  // No client is remembered.
  explicit Order5FetchAdd(const Configuration& configuration) noexcept : issued_(configuration.first_position) {}

  // Always `ordered`. Wait-free: one fetch_add, whatever other threads do.
  // Throws Refused when the positions are used up.
  Attempt try_order(std::uint64_t /*client_id*/, std::uint64_t /*batch_seq*/, std::uint64_t message_count) {
    return {AttemptOutcome::ordered, false, issued_.reserve(message_count)};
  }

  // Orders the rows one behind the other, with one fetch_add for every 65,536 of them, and writes where each begins.
  // Nothing is ordered if a value is out of range. Throws Refused when the positions are used up.
  void order_all(const BatchColumns& columns, std::span<std::int64_t> starts) {
    check_lengths(columns);
    std::vector<std::uint64_t> totals;
    totals.reserve(starts.size() / rows_at_once + 1);
    bool is_outside = false;
    for (std::size_t from = 0; from < starts.size(); from += rows_at_once) {
      const CopiedCounts copied = copy_counts(columns, from, rows_from(from, starts));
      is_outside |= copied.is_outside;
      totals.push_back(copied.total);
    }
    if (is_outside) refuse_columns(columns);
    for (std::size_t from = 0; from < starts.size(); from += rows_at_once) {
      const std::span<std::int64_t> rows = rows_from(from, starts);
      to_starts(rows, issued_.reserve(totals[from / rows_at_once]));
    }
  }

  std::uint64_t next_seq(std::uint64_t /*client_id*/) const noexcept { return 0; }  // no client has a next

  std::uint64_t issued() const noexcept { return issued_.value(); }

 private:
  static constexpr auto rows_at_once = static_cast<std::size_t>(epoch_batch_count_max);  // their sum stays below 2^48

  static std::span<std::int64_t> rows_from(std::size_t first_row, std::span<std::int64_t> rows) {
    return rows.subspan(first_row, std::min(rows_at_once, rows.size() - first_row));
  }

  // From how many messages each row has to where they begin.
  static void to_starts(std::span<std::int64_t> rows, std::uint64_t next) {
    for (std::int64_t& row : rows) {
      const auto message_count = static_cast<std::uint64_t>(row);
      row = static_cast<std::int64_t>(next);
      next += message_count;
    }
  }

  Issued<Memory> issued_;
  static_assert(sizeof(Issued<Memory>) == cache_line_size && alignof(Issued<Memory>) == cache_line_size,
                "the counter has a line of its own");
};

}  // namespace fencepost
