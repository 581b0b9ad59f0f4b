// The list of settings: what is measured side by side, in one run and on the same data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fencepost/bench_order.hpp"
#include "fencepost/floor_lanes.hpp"
#include "fencepost/floor_metrics.hpp"
#include "fencepost/limits.hpp"
#include "fencepost/memory_coherent.hpp"
#include "fencepost/order4_claim.hpp"
#include "fencepost/order4_epoch.hpp"
#include "fencepost/order4_mutex.hpp"
#include "fencepost/order4_owner.hpp"
#include "fencepost/order4_sharded_mutex.hpp"
#include "fencepost/order5_epoch.hpp"
#include "fencepost/order5_fetch_add.hpp"

namespace fencepost {

struct NamedProbe {
  std::string name;
  std::unique_ptr<Probe> probe;
  std::uint64_t operation_count;  // of all lanes in one repetition
};

struct Setting {
  std::string_view name;
  std::size_t lane_count;
  Needs needs;
  std::vector<NamedProbe> (*make)(Size size);
};

namespace bench_make {

inline constexpr std::size_t client_count = 1024;
inline constexpr std::size_t parking_capacity = 8192;

constexpr std::size_t cached_count(Size size) noexcept { return size == Size::full ? 1U << 17 : 1U << 13; }
constexpr std::size_t memory_count(Size size) noexcept { return size == Size::full ? 1U << 21 : 1U << 14; }

inline std::shared_ptr<BenchInput> in_order(std::size_t batch_count) {
  return std::make_shared<BenchInput>(arrivals_in_order(batch_count, client_count), client_count, parking_capacity);
}

inline std::shared_ptr<BenchInput> delayed(std::size_t batch_count, double share) {
  return std::make_shared<BenchInput>(arrivals_with_parked_share(batch_count, client_count, share), client_count,
                                      parking_capacity);
}

template <class Made, class... Arguments>
void add(std::vector<NamedProbe>& probes, std::string name, std::uint64_t operation_count, Arguments&&... arguments) {
  probes.push_back({std::move(name), std::make_unique<Made>(std::forward<Arguments>(arguments)...), operation_count});
}

inline std::vector<NamedProbe> headers(std::size_t count) {
  const auto input = in_order(count);
  std::vector<NamedProbe> probes;
  add<BareFetchAddProbe>(probes, "bare_fetch_add", count, input);
  add<ScanProbe<Order5FetchAdd<Coherent>>>(probes, "order5.fetch_add", count, input);
  add<BareLogProbe>(probes, "bare_log", count, input);
  add<WorkerProbe<Order5Epoch<Coherent>>>(probes, "order5.epoch", count, input);
  add<WorkerProbe<Order4Owner<Coherent>>>(probes, "order4.owner", count, input);
  add<WorkerProbe<Order4Epoch<Coherent>>>(probes, "order4.epoch", count, input);
  return probes;
}

inline std::vector<NamedProbe> headers_cached(Size size) { return headers(cached_count(size)); }
inline std::vector<NamedProbe> headers_memory(Size size) { return headers(memory_count(size)); }

inline std::vector<NamedProbe> parked(Size size) {
  const std::size_t count = cached_count(size);
  std::vector<NamedProbe> probes;
  add<WorkerProbe<Order4Owner<Coherent>>>(probes, "in_order", count, in_order(count));
  add<WorkerProbe<Order4Owner<Coherent>>>(probes, "parked_18", count, delayed(count, 0.18));
  add<WorkerProbe<Order4Owner<Coherent>>>(probes, "parked_60", count, delayed(count, 0.60));
  return probes;
}

inline std::vector<NamedProbe> claim_one(Size size) {
  const std::size_t count = cached_count(size);
  const auto input = in_order(count);
  std::vector<NamedProbe> probes;
  add<ScanProbe<Order4Mutex<Coherent>>>(probes, "order4.mutex", count, input);
  add<ScanProbe<Order4ShardedMutex<Coherent>>>(probes, "order4.sharded_mutex", count, input);
  add<ScanProbe<Order4Claim<Coherent>>>(probes, "order4.claim", count, input);
  return probes;
}

template <bool is_shared>
std::vector<NamedProbe> claim_two(Size size) {
  const std::size_t count = cached_count(size);
  const auto input = std::make_shared<BenchInput>(arrivals_in_two_rings(count, client_count, is_shared), client_count);
  std::vector<NamedProbe> probes;
  add<TwoScannersProbe<Order4Mutex<Coherent>>>(probes, "order4.mutex", count, input);
  add<TwoScannersProbe<Order4ShardedMutex<Coherent>>>(probes, "order4.sharded_mutex", count, input);
  add<TwoScannersProbe<Order4Claim<Coherent>>>(probes, "order4.claim", count, input);
  return probes;
}

}  // namespace bench_make

inline const std::vector<Setting>& settings() {
  namespace make = bench_make;
  static const std::vector<Setting> list{
      {"headers_cached", 1, Needs::nothing, make::headers_cached},
      {"headers_memory", 1, Needs::nothing, make::headers_memory},
      {"parked", 1, Needs::nothing, make::parked},
      {"claim_one", 1, Needs::nothing, make::claim_one},
      {"claim_two_apart", 2, Needs::nothing, make::claim_two<false>},
      {"claim_two_shared", 2, Needs::nothing, make::claim_two<true>},
  };
  return list;
}

inline const Setting& setting(std::string_view name) {
  for (const Setting& each : settings()) {
    if (each.name == name) return each;
  }
  throw Refused("unknown setting '" + std::string(name) + "': expected one of those that are listed");
}

struct ProbeResult {
  std::string name;
  std::uint64_t operation_count;
  std::vector<double> values;  // an operation, one a repetition; the n-th of all probes were taken side by side
  std::int64_t disturbed_count;  // repetitions in which a thread was made to leave its core
  Extras extras;
};

struct SettingResult {
  std::vector<ProbeResult> probes;
  std::vector<int> cpus;
  std::string unavailable;
};

// BLOCKS; `check_interrupt` is called every 50 ms. Throws Refused for a bad argument and Miscounted where the work did
// not happen.
inline SettingResult measure_setting(std::string_view name, std::int64_t repetition_count, Size size,
                                     const std::function<void()>& check_interrupt) {
  const Setting& asked = setting(name);
  const auto repetitions =
      checked("repetition_count", repetition_count, repetition_count_min, repetition_count_max);
  SettingResult result;
  result.unavailable = why_not_here(asked.lane_count, asked.needs);
  if (!result.unavailable.empty()) return result;
  const std::vector<NamedProbe> made = asked.make(size);
  std::vector<Probe*> probes;
  for (const NamedProbe& each : made) probes.push_back(each.probe.get());
  LaneTimes times = Lanes(asked.lane_count, probes, repetitions).run(check_interrupt);
  result.cpus = std::move(times.cpus);
  for (std::size_t index = 0; index < made.size(); ++index) {
    ProbeResult& each = result.probes.emplace_back();
    each.name = made[index].name;
    each.operation_count = made[index].operation_count;
    each.disturbed_count = times.disturbed_counts[index];
    each.extras = made[index].probe->extras();
    for (const double seconds : times.seconds[index]) {
      each.values.push_back(seconds * 1e9 / static_cast<double>(each.operation_count));
    }
  }
  return result;
}

}  // namespace fencepost
