// The ranges that a batch's numbers may have, and the one exception for whatever lies outside them.
//
// Values are checked where they enter (columns, single attempts), each read once; behind that door every number is an
// unsigned 64-bit integer inside its range and the sequencers do not look again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>


namespace fencepost {

// The unit of write-back, invalidation and false sharing. Fixed, not asked of the compiler: the model has it, too.
inline constexpr std::size_t cache_line_size = 64;

inline constexpr std::int64_t client_id_max = INT64_MAX;
inline constexpr std::int64_t broker_id_max = INT64_MAX;
// One bit below the sign is left so that batch_seq + 1 and a busy bit share a 64-bit word (order4_claim.hpp).
inline constexpr std::int64_t batch_seq_max = std::int64_t{1} << 62;
// A header keeps it in 32 bits. The bound also keeps a refused fetch_add far away from wrapping (issued.hpp).
inline constexpr std::int64_t message_count_max = (std::int64_t{1} << 32) - 1;
// No range ends above this, so `issued` always fits a signed 64-bit column.
inline constexpr std::int64_t issued_max = INT64_MAX;
// A client takes one line of the client table: at most 1 GiB.
inline constexpr std::int64_t client_capacity_max = std::int64_t{1} << 24;
// A parked batch takes up to 66 bytes: at most 2.1 GiB a worker.
inline constexpr std::int64_t parking_capacity_max = std::int64_t{1} << 25;
// A planned batch takes 32 bytes; and a sum of so many message counts is far from wrapping.
inline constexpr std::int64_t epoch_batch_count_max = std::int64_t{1} << 16;
// A slot is a line: at most 1 GiB.
inline constexpr std::int64_t slot_count_max = std::int64_t{1} << 24;
// A few threads each.
inline constexpr std::size_t ring_count_max = 64;

// What was asked cannot be done; the message is one line with the value and what was expected.
class Refused : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

[[noreturn]] inline void refuse_value(std::string_view what, std::int64_t value, std::int64_t low, std::int64_t high) {
  throw Refused(std::string(what) + " is " + std::to_string(value) + ": expected " + std::to_string(low) + ".." +
                std::to_string(high));
}

// Returns `value` as unsigned if it is in low..high, refuses it under the name `what` otherwise.
inline std::uint64_t checked(std::string_view what, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) [[unlikely]] refuse_value(what, value, low, high);
  return static_cast<std::uint64_t>(value);
}

// The same for row `index` of a column.
inline std::uint64_t checked_row(std::string_view column, std::size_t index, std::int64_t value, std::int64_t low,
                                 std::int64_t high) {
  if (value < low || value > high) [[unlikely]] {
    refuse_value(std::string(column) + "[" + std::to_string(index) + "]", value, low, high);
  }
  return static_cast<std::uint64_t>(value);
}

}  // namespace fencepost
