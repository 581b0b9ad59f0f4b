// How a race is run, and what it says when it is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fencepost/structures/export_chain.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/flushing.hpp"
#include "fencepost/race/placement.hpp"
#include "fencepost/structures/poll.hpp"
#include "fencepost/structures/scanner.hpp"

namespace fencepost {

struct RaceOptions {
  std::uint64_t seed = 0;
  std::size_t slot_count = 512;        // of each ring, and of each export chain
  Publication publication = Publication::none;
  LineInstruction line_instruction = LineInstruction::none;
  std::size_t guard_batch_count = 16;  // publication `epoch`: guards raised at once
  PollPolicy poll = PollPolicy::spin_then_yield;  // of scanners and workers
  bool prefetches = false;             // readers fetch the slot behind those that they take
  Placement placement;                 // of rings, chains and threads
  std::uint64_t stop_row = UINT64_MAX;  // when this row is about to be sent, everything stops
};

// Checks the combination, too: what the machine lacks, and what one host does not need.
inline RaceOptions checked_options(std::int64_t slot_count, std::string_view publication,
                                   std::string_view line_instruction, std::int64_t guard_batch_count,
                                   std::int64_t stop_row, std::uint64_t seed, std::string_view poll, bool prefetches, bool huge_pages,
                                   std::int64_t numa_node, const std::vector<std::int64_t>& cores) {
  const auto choice = [](std::string_view what, std::string_view name, const auto& names) {
    std::string choices;
    for (std::size_t index = 0; index < std::size(names); ++index) {
      if (names[index] == name) return index;
      choices += (index > 0 ? ", " : "") + std::string(names[index]);
    }
    throw Refused("unknown " + std::string(what) + " '" + std::string(name) + "': expected one of " + choices);
  };
  RaceOptions options;
  options.seed = seed;
  options.slot_count = checked("slot_count", slot_count, 1, slot_count_max);
  options.publication = static_cast<Publication>(choice("publication", publication, publication_names));
  options.line_instruction =
      static_cast<LineInstruction>(choice("line_instruction", line_instruction, line_instruction_names));
  options.guard_batch_count = checked("guard_batch_count", guard_batch_count, 1, epoch_batch_count_max);
  options.poll = static_cast<PollPolicy>(choice("poll", poll, poll_policy_names));
  options.prefetches = prefetches;
  options.placement.huge_pages = huge_pages;
  options.placement.numa_node = numa_node;
  if (numa_node != -1) checked("numa_node", numa_node, 0, numa_node_max);
  for (std::size_t index = 0; index < cores.size(); ++index) checked_row("cores", index, cores[index], 0, core_max);
  options.placement.cores = cores;
  if (stop_row >= 0) options.stop_row = static_cast<std::uint64_t>(stop_row);
  if ((options.publication == Publication::none) != (options.line_instruction == LineInstruction::none)) {
    throw Refused("publication is '" + std::string(publication) + "' and line_instruction is '" +
                  std::string(line_instruction) + "': expected 'none' for both or for neither");
  }
  require_line_instruction(options.line_instruction);
  return options;
}

// What became of an arrival.
enum class ArrivalOutcome : std::int8_t {
  ordered = 0,
  parked = 1,     // its predecessor never arrived, or is parked itself
  duplicate = 2,  // its batch was ordered before, or a copy of it is parked
  waiting = 3,    // nobody read it: the run was stopped, or its ring was held
};

// One entry per arrival, in the order of the input rows. Times in nanoseconds since the run's start, -1 = never.
struct RaceResult {
  explicit RaceResult(std::size_t row_count)
      : outcome(row_count),
        start_position(row_count),
        delivered_position(row_count),
        received_ns(row_count),
        sent_ns(row_count),
        filled_ns(row_count),
        first_attempted_ns(row_count),
        attempted_ns(row_count),
        ordered_ns(row_count),
        published_ns(row_count),
        exported_ns(row_count),
        delivered_ns(row_count),
        acked_ns(row_count) {}

  std::vector<std::int8_t> outcome;              // ArrivalOutcome, as the scanner saw it
  std::vector<std::int64_t> start_position;      // the same
  std::vector<std::int64_t> delivered_position;  // as a subscriber saw it
  std::vector<std::int64_t> received_ns;         // its receiver took it up, and waits for room in the ring
  std::vector<std::int64_t> sent_ns;             // just before the slot was published
  std::vector<std::int64_t> filled_ns;           // just after that, by its receiver's clock
  std::vector<std::int64_t> first_attempted_ns;  // just before the attempt that parked it; else as attempted_ns
  std::vector<std::int64_t> attempted_ns;        // just before the attempt that ordered it, behind others in its hands
  std::vector<std::int64_t> ordered_ns;          // just after it was ordered, before it was exported
  std::vector<std::int64_t> published_ns;        // just after its guard in the export chain was stored
  std::vector<std::int64_t> exported_ns;         // just after that was written back as well, by its scanner's clock
  std::vector<std::int64_t> delivered_ns;        // just after its subscriber had read it
  std::vector<std::int64_t> acked_ns;            // just after its client saw it acknowledged
  ScannerCounts counts;
  std::uint64_t content_fault_count = 0;   // exported records whose batch had another content
  std::uint64_t chain_fault_count = 0;     // exported records with a lower position than the one before them
  std::uint64_t lap_count_max = 0;         // how often the most used ring was passed, rounded up
  std::uint64_t held_ring_count = 0;       // rings whose next batch found no room to park
  PlacementGot placement_got;
  std::int64_t issued = 0;
  double seconds = 0;
};

}  // namespace fencepost
