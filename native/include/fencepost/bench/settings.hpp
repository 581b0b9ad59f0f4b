// The list of settings, and how one is measured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fencepost/bench/make.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/floor/metrics.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

struct Setting {
  std::string_view name;
  std::size_t lane_count;
  Needs needs;
  std::vector<NamedProbe> (*make)(Size size);
};

inline const std::vector<Setting>& settings() {
  namespace make = bench_make;
  static const std::vector<Setting> list{
      {"headers_cached", 1, Needs::nothing, make::headers_cached},
      {"headers_memory", 1, Needs::nothing, make::headers_memory},
      {"parked_cached", 1, Needs::nothing, make::parked_cached},
      {"parked_memory", 1, Needs::nothing, make::parked_memory},
      {"claim_one", 1, Needs::nothing, make::claim_one},
      {"claim_two_apart", 2, Needs::nothing, make::claim_two_even<false>},
      {"claim_two_shared", 2, Needs::nothing, make::claim_two_even<true>},
      {"claim_two_skewed", 2, Needs::nothing, make::claim_two_skewed},
      {"publish_clwb", 1, Needs::clwb, make::publish<LineInstruction::clwb, Clwb>},
      {"publish_clflushopt", 1, Needs::clflushopt, make::publish<LineInstruction::clflushopt, Clflushopt>},
      {"messages_clwb", 1, Needs::clwb, make::messages_flushed<LineInstruction::clwb, Clwb>},
      {"messages_clflushopt", 1, Needs::clflushopt,
       make::messages_flushed<LineInstruction::clflushopt, Clflushopt>},
      {"messages_cached", 1, Needs::nothing, make::messages_cached},
      {"messages_memory", 1, Needs::nothing, make::messages_memory},
      {"two_cores", 2, Needs::nothing, make::two_cores},
      {"pipeline", 2, Needs::nothing, make::pipeline},
  };
  return list;
}

// Not of the list above: it is wrong, and measuring it is refused. The check's own check.
inline const Setting& setting_that_loses() {
  static const Setting loses{"lost_order", 2, Needs::nothing, bench_make::lost_order};
  return loses;
}

inline const Setting& setting(std::string_view name) {
  if (name == setting_that_loses().name) return setting_that_loses();
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
  const std::vector<NamedProbe> made = asked.make(size);  // takes up to some 500 ms
  check_interrupt();
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
