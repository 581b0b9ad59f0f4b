// What the measured paths work on: headers of batches in the order of their arrival, and the check of what was ordered.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/clients/client_ids.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

// One line: all that a scanner reads of a batch, and where it writes the batch's first position.
struct alignas(cache_line_size) BenchHeader {
  std::uint64_t client_id = 0;
  std::uint64_t batch_seq = 0;
  std::uint64_t message_count = 0;
  std::uint64_t start = 0;
  std::atomic<std::uint64_t> is_complete{0};
};
static_assert(sizeof(BenchHeader) == cache_line_size);

// What the scanner appends for each batch that it orders.
struct LogEntry {
  std::uint64_t start;
  std::uint64_t header_index;
};

struct Arrival {
  std::uint64_t client_number;  // from 0
  std::uint64_t batch_seq;
};

inline std::uint64_t bench_message_count(std::size_t header_index) noexcept { return header_index % 7 + 1; }

// The id of the client of that number: drawn at random once and for all, as ids of clients are, so that tables are
// measured with the collisions that such ids have. A bijection and a shift: no two of a few thousand are the same.
inline std::uint64_t bench_client_id(std::uint64_t client_number) noexcept { return mixed_client(client_number) >> 1; }

// Clients in turn, each with its batches in order.
inline std::vector<Arrival> arrivals_in_order(std::size_t batch_count, std::size_t client_count) {
  std::vector<Arrival> arrivals;
  arrivals.reserve(batch_count);
  for (std::size_t index = 0; index < batch_count; ++index) {
    arrivals.push_back({index % client_count, index / client_count});
  }
  return arrivals;
}

// Two rings, the second behind the first, each with clients in turn. A client's batches are all in one ring, or by turns
// in both (`is_shared`), so that each scanner waits for the other's.
inline std::vector<Arrival> arrivals_in_two_rings(std::size_t batch_count, std::size_t client_count, bool is_shared) {
  std::vector<Arrival> rings[2];
  for (const Arrival& each : arrivals_in_order(batch_count, client_count)) {
    rings[(each.client_number + (is_shared ? each.batch_seq : 0)) % 2].push_back(each);
  }
  rings[0].insert(rings[0].end(), rings[1].begin(), rings[1].end());
  return rings[0];
}

inline constexpr double skew_max = 8;

// A client for each batch, drawn once and for all by Zipf's law: client n sends in proportion to 1 / (n + 1)^skew, so that
// at 0 all send alike and at 1 the first of 1,024 sends one batch in seven. Rings take the batches by turns, the second
// behind the first: a client that sends much is in the hands of both scanners at once.
inline std::vector<Arrival> arrivals_skewed(std::size_t batch_count, std::size_t client_count, double skew,
                                            std::size_t ring_count) {
  std::vector<double> shares(client_count);
  for (std::size_t client = 0; client < client_count; ++client) {
    shares[client] = std::pow(static_cast<double>(client + 1), -skew);
  }
  std::discrete_distribution<std::size_t> client_of(shares.begin(), shares.end());
  std::mt19937_64 random(batch_count);
  std::vector<std::uint64_t> next_seq(client_count, 0);
  std::vector<Arrival> arrivals(batch_count);
  const std::size_t ring_size = batch_count / ring_count;
  for (std::size_t index = 0; index < ring_size * ring_count; ++index) {
    const std::size_t client = client_of(random);
    arrivals[index % ring_count * ring_size + index / ring_count] = {client, next_seq[client]++};
  }
  return arrivals;
}

// The share of the batches that have to wait for a predecessor which arrives later. (Their number does not depend on
// who orders: a batch is parked if any earlier batch of its client comes after it.)
inline double parked_share(const std::vector<Arrival>& arrivals, std::size_t client_count) {
  std::vector<std::uint64_t> next_seq(client_count, 0);
  std::vector<std::vector<bool>> seen(client_count);
  std::size_t parked_count = 0;
  for (const Arrival& each : arrivals) {
    std::vector<bool>& of_client = seen[each.client_number];
    if (of_client.size() <= each.batch_seq) of_client.resize(each.batch_seq + 1, false);
    of_client[each.batch_seq] = true;
    std::uint64_t& next = next_seq[each.client_number];
    parked_count += each.batch_seq > next ? 1U : 0U;
    while (next < of_client.size() && of_client[next]) ++next;
  }
  return static_cast<double>(parked_count) / static_cast<double>(arrivals.size());
}

// The same batches, each delayed by a random part of `delay_max` places.
inline std::vector<Arrival> arrivals_delayed(std::size_t batch_count, std::size_t client_count, double delay_max) {
  const std::vector<Arrival> in_order = arrivals_in_order(batch_count, client_count);
  std::mt19937_64 random(batch_count);
  std::uniform_real_distribution<double> part(0.0, delay_max);
  std::vector<std::pair<double, std::size_t>> places;
  places.reserve(batch_count);
  for (std::size_t index = 0; index < batch_count; ++index) {
    places.emplace_back(static_cast<double>(index) + part(random), index);
  }
  std::sort(places.begin(), places.end());
  std::vector<Arrival> arrivals;
  arrivals.reserve(batch_count);
  for (const auto& [place, index] : places) arrivals.push_back(in_order[index]);
  return arrivals;
}

// Delayed so that about `share` of the batches are parked: found by halving, as more delay parks more. A part of the
// batches is enough to find it, since delays are short against all of them.
inline std::vector<Arrival> arrivals_with_parked_share(std::size_t batch_count, std::size_t client_count,
                                                       double share) {
  const std::size_t sample_count = std::min(batch_count, client_count * 64);
  double low = 0;
  double high = static_cast<double>(sample_count);
  for (int step = 0; step < 12; ++step) {
    const double middle = (low + high) / 2;
    const double parked = parked_share(arrivals_delayed(sample_count, client_count, middle), client_count);
    (parked < share ? low : high) = middle;
  }
  return arrivals_delayed(batch_count, client_count, high);
}

class BenchHeaders {
 public:
  explicit BenchHeaders(const std::vector<Arrival>& arrivals)
      : count_(arrivals.size()), headers_(std::make_unique<BenchHeader[]>(arrivals.size())), arrivals_(arrivals) {
    for (std::size_t index = 0; index < count_; ++index) {
      BenchHeader& header = headers_[index];
      header.client_id = bench_client_id(arrivals[index].client_number);
      header.batch_seq = arrivals[index].batch_seq;
      header.message_count = bench_message_count(index);
      message_count_ += header.message_count;
      header.is_complete.store(1, std::memory_order_relaxed);
    }
  }

  std::size_t count() const noexcept { return count_; }
  std::uint64_t message_count() const noexcept { return message_count_; }
  BenchHeader& operator[](std::size_t index) noexcept { return headers_[index]; }
  const BenchHeader& operator[](std::size_t index) const noexcept { return headers_[index]; }
  std::uint64_t client_number(std::size_t index) const noexcept { return arrivals_[index].client_number; }

 private:
  std::size_t count_;
  std::unique_ptr<BenchHeader[]> headers_;
  std::vector<Arrival> arrivals_;
  std::uint64_t message_count_ = 0;
};

// Which batch begins at each position. `ordered` entries must be unique and dense: every header exactly once, the
// ranges without a hole from 0 to the sum of all messages. Throws Miscounted where they are not.
class OrderCheck {
 public:
  explicit OrderCheck(const BenchHeaders& headers) : headers_(headers), at_(headers.message_count(), nobody) {}

  void begin() { std::fill(at_.begin(), at_.end(), nobody); }

  void ordered(std::uint64_t start, std::size_t header_index) {
    if (header_index >= headers_.count() || start >= at_.size() || at_[start] != nobody) {
      throw Miscounted("batch " + std::to_string(header_index) + " at position " + std::to_string(start) +
                       ": no such batch, no such position, or taken by another batch");
    }
    at_[start] = static_cast<std::uint32_t>(header_index);
  }

  // Walks the positions once: range by range, without a hole; at level 4 also each client's batches in order.
  void finish(bool checks_client_order, std::size_t client_count) {
    std::vector<std::uint64_t> next_seq(checks_client_order ? client_count : 0, 0);
    std::size_t batch_count = 0;
    for (std::size_t position = 0; position < at_.size(); ++batch_count) {
      const std::uint32_t header_index = at_[position];
      if (header_index == nobody) throw Miscounted("position " + std::to_string(position) + " belongs to no batch");
      const BenchHeader& header = headers_[header_index];
      if (checks_client_order && next_seq[headers_.client_number(header_index)]++ != header.batch_seq) {
        throw Miscounted("batch " + std::to_string(header.batch_seq) + " of client " +
                         std::to_string(header.client_id) + " is out of its client's order");
      }
      position += header.message_count;
    }
    check_count("batches ordered", headers_.count(), batch_count);
  }

 private:
  static constexpr std::uint32_t nobody = UINT32_MAX;

  const BenchHeaders& headers_;
  std::vector<std::uint32_t> at_;
};

}  // namespace fencepost
