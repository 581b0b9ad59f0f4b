// The floor: loads that hit and that miss, the scan of a ring's headers, and plain copies.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/floor/lanes.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

// A walk through all lines of a set, in an order that no prefetcher guesses, each load's address read by the one before:
// an operation is the latency of one load. The walk is one cycle through all lines, and goes on where the last
// repetition ended, so a set much larger than the caches is never met in them.
class LoadProbe final : public Probe {
 public:
  LoadProbe(std::size_t line_count, std::uint64_t operation_count)
      : operation_count_(operation_count), lines_(std::make_unique<Node[]>(line_count)), order_(line_count) {
    for (std::size_t index = 0; index < line_count; ++index) order_[index] = index;
    std::mt19937_64 random(line_count);
    for (std::size_t index = line_count; index > 1; --index) std::swap(order_[index - 1], order_[random() % index]);
    for (std::size_t index = 0; index < line_count; ++index) {
      lines_[order_[index]].next = order_[index + 1 == line_count ? 0 : index + 1];
    }
    at_ = order_[0];
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    std::size_t at = at_;
    for (std::uint64_t count = 0; count < operation_count_; ++count) at = lines_[at].next;
    at_ = at;
    walked_count_ += operation_count_;
  }

  void verify() override { check_count("loads, by the line reached", order_[walked_count_ % order_.size()], at_); }

 private:
  struct alignas(cache_line_size) Node {
    std::size_t next = 0;
  };

  const std::uint64_t operation_count_;
  const std::unique_ptr<Node[]> lines_;
  std::vector<std::size_t> order_;
  std::size_t at_ = 0;
  std::uint64_t walked_count_ = 0;
};

// A header as a scanner looks at it: a flag, and what it needs to order the batch. In 128 bytes the flag has the second
// line to itself, in 64 all is on one.
template <std::size_t HeaderSize>
struct alignas(HeaderSize) BareHeader {
  static_assert(HeaderSize == 64 || HeaderSize == 128);
  std::uint64_t client_id = 0;
  std::uint64_t batch_seq = 0;
  std::uint64_t message_count = 0;
  std::uint64_t start = 0;
  std::uint64_t unused[HeaderSize == 64 ? 3 : 4] = {};  // the flag's offset is 56, or 64
  std::atomic<std::uint64_t> is_complete{0};
};
static_assert(sizeof(BareHeader<64>) == 64);
static_assert(sizeof(BareHeader<128>) == 128);

// Looks at every header's flag and adds up the message counts. An operation is one header.
template <std::size_t HeaderSize, bool prefetches>
class HeaderScanProbe final : public Probe {
 public:
  static constexpr std::size_t prefetch_distance = 8;  // headers ahead

  HeaderScanProbe(std::size_t header_count, std::uint64_t pass_count)
      : header_count_(header_count),
        pass_count_(pass_count),
        headers_(std::make_unique<BareHeader<HeaderSize>[]>(header_count)) {
    for (std::size_t index = 0; index < header_count; ++index) {
      headers_[index].message_count = index % 7 + 1;
      message_count_ += index % 7 + 1;
      headers_[index].is_complete.store(1, std::memory_order_relaxed);
    }
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    std::uint64_t counted = 0;
    for (std::uint64_t pass = 0; pass < pass_count_; ++pass) {
      for (std::size_t index = 0; index < header_count_; ++index) {
        const BareHeader<HeaderSize>& header = headers_[index];
        if constexpr (prefetches) {
          __builtin_prefetch(&headers_[std::min(index + prefetch_distance, header_count_ - 1)].is_complete);
          if constexpr (HeaderSize == 128) {
            __builtin_prefetch(&headers_[std::min(index + prefetch_distance, header_count_ - 1)]);
          }
        }
        if (header.is_complete.load(std::memory_order_acquire) == 0) break;
        counted += header.message_count;
      }
    }
    counted_ = counted;
  }

  void verify() override { check_count("messages of the headers", pass_count_ * message_count_, counted_); }

 private:
  const std::size_t header_count_;
  const std::uint64_t pass_count_;
  const std::unique_ptr<BareHeader<HeaderSize>[]> headers_;
  std::uint64_t message_count_ = 0;
  std::uint64_t counted_ = 0;
};

// memcpy of `byte_count` bytes in all, an equal share for each lane. An operation is one byte.
class CopyProbe final : public Probe {
 public:
  CopyProbe(std::size_t lane_count, std::size_t byte_count)
      : lane_count_(lane_count),
        share_(byte_count / lane_count),
        source_(share_ * lane_count, 1),
        target_(share_ * lane_count, 0) {}

  // Another content each time, so that verify() does not find the last repetition's copy.
  void prepare(std::size_t lane) override {
    if (lane != 0) return;
    ++round_;
    for (std::size_t at = 0; at + sizeof(round_) <= source_.size(); at += page_size) {
      std::memcpy(&source_[at], &round_, sizeof(round_));
    }
  }

  void work(std::size_t lane, const StopFlag& /*stop*/) override {
    std::memcpy(&target_[lane * share_], &source_[lane * share_], share_);
  }

  void verify() override {
    const bool is_copied = std::memcmp(source_.data(), target_.data(), source_.size()) == 0;
    check_count("bytes copied", lane_count_ * share_, is_copied ? lane_count_ * share_ : 0);
  }

 private:
  static constexpr std::size_t page_size = 4096;

  const std::size_t lane_count_;
  const std::size_t share_;
  std::vector<unsigned char> source_;
  std::vector<unsigned char> target_;
  std::uint64_t round_ = 0;
};

}  // namespace fencepost
