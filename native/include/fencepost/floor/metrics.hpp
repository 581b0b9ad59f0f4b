// The list of the floor's metrics: the one place where a name becomes a measurement.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fencepost/floor/atomics.hpp"
#include "fencepost/floor/flush.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/floor/machine.hpp"
#include "fencepost/floor/reads.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

inline constexpr std::int64_t repetition_count_min = 7;  // fewer have no median worth the name
inline constexpr std::int64_t repetition_count_max = 10'000;

// Quick sizes show that everything runs; sets that should not fit the caches then do, and the figures mean little.
enum class Size : std::uint8_t { full, quick };

struct Measured {
  std::unique_ptr<Probe> probe;
  std::uint64_t operation_count;  // of one lane in one repetition; bytes of all lanes where bytes per second are asked
};

enum class Needs : std::uint8_t { nothing, clwb, clflushopt, fence };

struct FloorMetric {
  std::string_view name;
  std::string_view unit;  // "ns" an operation, or "bytes/s"
  std::size_t lane_count;
  Needs needs;
  std::string_view what;
  Measured (*make)(Size size);
};

namespace floor_size {

constexpr std::uint64_t operations(Size size, std::uint64_t full) noexcept {
  return size == Size::full ? full : full / 64;
}

// 128 MiB: four times the largest last-level cache share met so far.
constexpr std::size_t memory_bytes(Size size) noexcept {
  return size == Size::full ? std::size_t{128} << 20 : std::size_t{1} << 20;
}

inline constexpr std::size_t level1_bytes = std::size_t{8} << 10;
inline constexpr std::size_t level2_bytes = std::size_t{256} << 10;  // also what is written back

}  // namespace floor_size

namespace floor_make {

template <class Way, std::size_t lane_count, std::uint64_t full_count>
Measured counting(Size size) {
  const std::uint64_t count = floor_size::operations(size, full_count);
  return {std::make_unique<CountingProbe<Way>>(lane_count, count), count};
}

inline Measured ping_pong(Size size) {
  const std::uint64_t count = floor_size::operations(size, 1U << 15);
  return {std::make_unique<PingPongProbe>(count), count};
}

template <class Instruction, std::uint64_t lines_per_fence>
Measured flush(Size size) {
  const std::uint64_t count = floor_size::operations(size, 1U << 15);
  constexpr std::size_t line_count = floor_size::level2_bytes / cache_line_size;
  return {std::make_unique<FlushProbe<Instruction>>(line_count, lines_per_fence, count), count};
}

inline Measured fence(Size size) {
  const std::uint64_t count = floor_size::operations(size, 1U << 18);
  return {std::make_unique<FenceProbe>(count), count};
}

inline Measured load_level1(Size size) {
  const std::uint64_t count = floor_size::operations(size, 1U << 21);
  return {std::make_unique<LoadProbe>(floor_size::level1_bytes / cache_line_size, count), count};
}

inline Measured load_level2(Size size) {
  const std::uint64_t count = floor_size::operations(size, 1U << 20);
  return {std::make_unique<LoadProbe>(floor_size::level2_bytes / cache_line_size, count), count};
}

inline Measured load_memory(Size size) {
  const std::uint64_t count = floor_size::operations(size, 1U << 17);
  return {std::make_unique<LoadProbe>(floor_size::memory_bytes(size) / cache_line_size, count), count};
}

template <std::size_t HeaderSize>
Measured scan_level2(Size size) {
  constexpr std::size_t header_count = floor_size::level2_bytes / HeaderSize;
  const std::uint64_t pass_count = size == Size::full ? 512 : 4;
  return {std::make_unique<HeaderScanProbe<HeaderSize, false>>(header_count, pass_count), header_count * pass_count};
}

template <std::size_t HeaderSize, bool prefetches>
Measured scan_memory(Size size) {
  const std::size_t header_count = floor_size::memory_bytes(size) / HeaderSize;
  return {std::make_unique<HeaderScanProbe<HeaderSize, prefetches>>(header_count, 1), header_count};
}

template <std::size_t lane_count>
Measured copy(Size size) {
  const std::size_t byte_count = floor_size::memory_bytes(size) / 2;
  return {std::make_unique<CopyProbe>(lane_count, byte_count), byte_count};
}

}  // namespace floor_make

// Names are part of the JSON document that others read: add, never rename.
inline const std::vector<FloorMetric>& floor_metrics() {
  namespace make = floor_make;
  static const std::vector<FloorMetric> metrics{
      {"fetch_add_uncontended_ns", "ns", 1, Needs::nothing, "fetch_add on a word in the core's own cache",
       make::counting<ByFetchAdd, 1, 1U << 20>},
      {"fetch_add_contended_ns", "ns", 2, Needs::nothing, "fetch_add on one word by two cores; time of one thread",
       make::counting<ByFetchAdd, 2, 1U << 18>},
      {"cas_uncontended_ns", "ns", 1, Needs::nothing, "load and compare-exchange on a word in the core's own cache",
       make::counting<ByCompareExchange, 1, 1U << 20>},
      {"cas_contended_ns", "ns", 2, Needs::nothing,
       "compare-exchange on one word by two cores, until it succeeds; time of one thread",
       make::counting<ByCompareExchange, 2, 1U << 17>},
      {"lock_pair_uncontended_ns", "ns", 1, Needs::nothing, "lock, one addition, unlock of a std::mutex",
       make::counting<ByLock, 1, 1U << 19>},
      {"lock_pair_contended_ns", "ns", 2, Needs::nothing, "the same on one lock by two cores; time of one thread",
       make::counting<ByLock, 2, 1U << 16>},
      {"ping_pong_ns", "ns", 2, Needs::nothing, "round trip of one line between two cores: two transfers",
       make::ping_pong},
      {"load_hit_ns", "ns", 1, Needs::nothing, "dependent load from 8 KiB: the first-level cache", make::load_level1},
      {"load_level2_ns", "ns", 1, Needs::nothing, "dependent load from 256 KiB: the second-level cache",
       make::load_level2},
      {"load_miss_ns", "ns", 1, Needs::nothing,
       "dependent load from 128 MiB in random order: memory, and the page walk before it", make::load_memory},
      {"fence_ns", "ns", 1, Needs::fence, "store and sfence, no line written back", make::fence},
      {"flush_clwb_fence_ns", "ns", 1, Needs::clwb, "store, clwb, sfence: one line, one fence", make::flush<Clwb, 1>},
      {"flush_clwb_2_lines_fence_ns", "ns", 1, Needs::clwb, "two stored lines, clwb each, one sfence; per line",
       make::flush<Clwb, 2>},
      {"flush_clwb_8_lines_fence_ns", "ns", 1, Needs::clwb, "eight stored lines, clwb each, one sfence; per line",
       make::flush<Clwb, 8>},
      {"flush_clwb_64_lines_fence_ns", "ns", 1, Needs::clwb, "64 stored lines, clwb each, one sfence; per line",
       make::flush<Clwb, 64>},
      {"flush_clflushopt_fence_ns", "ns", 1, Needs::clflushopt, "store, clflushopt, sfence: one line, one fence",
       make::flush<Clflushopt, 1>},
      {"flush_clflushopt_2_lines_fence_ns", "ns", 1, Needs::clflushopt,
       "two stored lines, clflushopt each, one sfence; per line", make::flush<Clflushopt, 2>},
      {"flush_clflushopt_8_lines_fence_ns", "ns", 1, Needs::clflushopt,
       "eight stored lines, clflushopt each, one sfence; per line", make::flush<Clflushopt, 8>},
      {"flush_clflushopt_64_lines_fence_ns", "ns", 1, Needs::clflushopt,
       "64 stored lines, clflushopt each, one sfence; per line", make::flush<Clflushopt, 64>},
      {"header_scan_64_level2_ns", "ns", 1, Needs::nothing, "flag and count of a 64-byte header, 256 KiB of them",
       make::scan_level2<64>},
      {"header_scan_64_memory_ns", "ns", 1, Needs::nothing, "the same, 128 MiB of them", make::scan_memory<64, false>},
      {"header_scan_64_memory_prefetch_ns", "ns", 1, Needs::nothing, "the same, prefetching 8 headers ahead",
       make::scan_memory<64, true>},
      {"header_scan_128_level2_ns", "ns", 1, Needs::nothing,
       "flag and count of a 128-byte header, on two lines, 256 KiB of them", make::scan_level2<128>},
      {"header_scan_128_memory_ns", "ns", 1, Needs::nothing, "the same, 128 MiB of them",
       make::scan_memory<128, false>},
      {"header_scan_128_memory_prefetch_ns", "ns", 1, Needs::nothing, "the same, prefetching 8 headers ahead",
       make::scan_memory<128, true>},
      {"memcpy_bytes_per_second", "bytes/s", 1, Needs::nothing, "memcpy of 64 MiB by one thread", make::copy<1>},
      {"memcpy_2_threads_bytes_per_second", "bytes/s", 2, Needs::nothing, "memcpy of 64 MiB, half by each of two threads",
       make::copy<2>},
  };
  return metrics;
}

// Not of the list above: loses additions, so that measuring it is refused (floor/atomics.hpp). The check's own check.
inline const FloorMetric& floor_that_loses() {
  static const FloorMetric metric{"lost_addition", "ns", 2, Needs::nothing, "load and store instead of fetch_add",
                                  floor_make::counting<ByLoadAndStore, 2, 1U << 20>};
  return metric;
}

inline const FloorMetric& floor_metric(std::string_view name) {
  if (name == floor_that_loses().name) return floor_that_loses();
  for (const FloorMetric& metric : floor_metrics()) {
    if (metric.name == name) return metric;
  }
  throw Refused("unknown metric '" + std::string(name) + "': expected one of those that the floor lists");
}

// Why `lane_count` threads with `needs` cannot be measured here; empty if they can.
inline std::string why_not_here(std::size_t lane_count, Needs needs) {
  const CacheInstructions has = cache_instructions();
  if (needs == Needs::clwb && !has.clwb) return "not on this machine: CPUID shows no clwb";
  if (needs == Needs::clflushopt && !has.clflushopt) return "not on this machine: CPUID shows no clflushopt";
#if !defined(__x86_64__)
  if (needs == Needs::fence) return "not on this machine: sfence is an x86 instruction";
#endif
  const std::size_t cpu_count = allowed_cpus().size();
  if (cpu_count != 0 && cpu_count < lane_count) {
    return "not on this machine: " + std::to_string(lane_count) + " threads need a core each, this process may use " +
           std::to_string(cpu_count);
  }
  return {};
}

struct FloorResult {
  std::vector<double> values;  // one a repetition, in the metric's unit
  std::uint64_t operation_count = 0;
  std::int64_t disturbed_count = 0;  // repetitions in which a thread was made to leave its core
  std::vector<int> cpus;
  std::string unavailable;  // why there are no values
};

// BLOCKS; some 10 ms a repetition. `check_interrupt` is called every 50 ms. Throws Refused for a bad argument and
// Miscounted where the work did not happen.
inline FloorResult measure_floor(std::string_view name, std::int64_t repetition_count, Size size,
                                 const std::function<void()>& check_interrupt) {
  const FloorMetric& metric = floor_metric(name);
  const auto repetitions =
      checked("repetition_count", repetition_count, repetition_count_min, repetition_count_max);
  FloorResult result;
  result.unavailable = why_not_here(metric.lane_count, metric.needs);
  if (!result.unavailable.empty()) return result;
  const Measured measured = metric.make(size);  // takes up to some 200 ms
  check_interrupt();
  LaneTimes times = Lanes(metric.lane_count, {measured.probe.get()}, repetitions).run(check_interrupt);
  result.operation_count = measured.operation_count;
  result.cpus = std::move(times.cpus);
  result.disturbed_count = times.disturbed_counts[0];
  const auto count = static_cast<double>(measured.operation_count);
  for (const double seconds : times.seconds[0]) {
    result.values.push_back(metric.unit == "ns" ? seconds * 1e9 / count : count / seconds);
  }
  return result;
}

}  // namespace fencepost
