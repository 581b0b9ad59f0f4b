// The pipeline on real threads: one a role, on a pool of lines, until all that can be delivered is.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/race/thread_group.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/memory/flushing.hpp"
#include "fencepost/memory/pooled.hpp"
#include "fencepost/pipeline/scenario.hpp"

namespace fencepost::pipeline {

struct RunResult {
  std::vector<Delivered> delivered;  // ring after ring, each in the order of its chain
  Value issued = 0;
  double seconds = 0;
  bool is_complete = false;  // as many were delivered as were expected; else nothing came for a while
};

// One run. Memory and roles are made before the threads start; the crew is joined before anything here goes.
template <class Base, template <class> class ScannerOf>
class PipelineRun {
 public:
  using Memory = PooledMemory<Base>;
  using Sequencer = typename ScannerOf<Memory>::Sequencer;

  PipelineRun(const Scenario& scenario, std::size_t expected_count, double patience_seconds)
      : scenario_(scenario),
        layout_(scenario.layout(0, requires { ScannerOf<Memory>::is_one_of_many; })),
        pool_(layout_.line_count()),
        network_(layout_.channel_count()),
        sequencer_(std::make_shared<Sequencer>(configuration())),
        expected_count_(expected_count),
        patience_(patience_seconds) {
    if (!scenario.subscribers) throw Refused("a run needs subscribers: they say what was delivered");
    write_what_is_there();
    make_works();
  }

  // BLOCKS until as many batches are delivered as are expected, or none is for as long as the patience lasts.
  // `check_interrupt` is called every 50 ms; what it throws stops the run and comes out.
  RunResult run(const std::function<void()>& check_interrupt) {
    RunResult result;
    {
      ThreadGroup crew(works_.size(), stop_);
      for (auto& work : works_) crew.add(work);
      auto last = std::chrono::steady_clock::now();
      std::size_t before = 0;
      crew.wait([&] {
        check_interrupt();
        const std::size_t count = delivered_count();
        const auto now = std::chrono::steady_clock::now();
        if (count != before) last = now;
        before = count;
        if (count >= expected_count_ || std::chrono::duration<double>(now - last).count() > patience_) stop_.set();
      });
      result.seconds = crew.seconds();
    }
    for (const auto& memory : memories_) {
      result.delivered.insert(result.delivered.end(), memory->all_delivered().begin(), memory->all_delivered().end());
    }
    result.issued = static_cast<Value>(sequencer_->issued());
    result.is_complete = result.delivered.size() == expected_count_;
    return result;
  }

 private:
  Configuration configuration() const {
    Configuration configuration;
    configuration.client_capacity = std::max(1U, layout_.client_count);
    return configuration;
  }

  std::size_t delivered_count() const {
    std::size_t count = 0;
    for (const auto& memory : memories_) count += memory->delivered_count();
    return count;
  }

  void write_what_is_there() {
    const stepped::Shape shape = stepped::shape_of(scenario_, layout_, 0);
    for (LineIndex line = 0; line < layout_.line_count(); ++line) pool_[line].words = shape.initial[line];
  }

  void make_works() {
    const auto ring_count = layout_.ring_count;
    const bool has_plans = !scenario_.plans.empty();
    for (std::uint32_t ring = 0; ring < ring_count; ++ring) {
      if (ring < stepped::scanner_count<ScannerOf<Memory>>(ring_count)) {
        add<ScannerOf<Memory>>(ring, scenario_.delegated, sequencer_);
      }
      add<Subscriber<Memory>>(ring);
      if (scenario_.delegated) add<Delegation<Memory>>(ring);
      if (scenario_.acknowledgers || has_plans) add<Acknowledger<Memory>>(ring, scenario_.clients(ring));
      if (has_plans) {
        add_running<Receiver<Memory>>([](auto& role) { role.serve(); }, ring, Value{0});
      } else if (scenario_.has_receivers()) {
        if (scenario_.connections == 1) add_filling<Receiver<Memory>>(ring);
        if (scenario_.connections > 1) add_filling<Receiver<Memory, true>>(ring);
      }
    }
    for (std::uint32_t client = 0; client < scenario_.plans.size(); ++client) {
      add<Client<Memory>>(client, scenario_.plans[client], ScannerOf<Memory>::level, scenario_.restarts);
    }
  }

  template <class Filling>
  void add_filling(std::uint32_t ring) {
    const auto first = static_cast<Value>(scenario_.written ? scenario_.rings[ring].size() : 0);
    for (std::uint32_t connection = 0; connection < scenario_.connections; ++connection) {
      add_running<Filling>([batches = scenario_.received(ring, connection)](auto& role) { role.run(batches); }, ring, first);
    }
  }

  template <class Role, class... Arguments>
  void add(std::uint32_t number, Arguments&&... arguments) {
    add_running<Role>([](auto& role) { role.run(); }, number, std::forward<Arguments>(arguments)...);
  }

  template <class Role, class Run, class... Arguments>
  void add_running(Run run, std::uint32_t number, Arguments&&... arguments) {
    memories_.push_back(std::make_unique<Memory>(pool_, network_, stop_, expected_count_ + 1));
    auto role = std::make_shared<Role>(*memories_.back(), layout_, number, std::forward<Arguments>(arguments)...);
    works_.push_back([role, run] { run(*role); });
  }

  const Scenario& scenario_;
  const Layout layout_;
  std::vector<PooledLine> pool_;
  Network network_;
  const std::shared_ptr<Sequencer> sequencer_;
  StopFlag stop_;
  const std::size_t expected_count_;
  const double patience_;
  std::vector<std::unique_ptr<Memory>> memories_;  // of each thread
  std::vector<std::function<void()>> works_;
};

template <class Base>
RunResult run_on(std::string_view design, const Scenario& scenario, std::size_t expected_count, double patience_seconds,
                 const std::function<void()>& check_interrupt) {
  if (design == stepped::pipeline_designs[0]) {
    return PipelineRun<Base, ScannerOrder5>(scenario, expected_count, patience_seconds).run(check_interrupt);
  }
  if (design == stepped::pipeline_designs[1]) {
    return PipelineRun<Base, ScannerOrder4Claim>(scenario, expected_count, patience_seconds).run(check_interrupt);
  }
  if (design == stepped::pipeline_designs[2]) {
    return PipelineRun<Base, ScannerOrder4Mutex>(scenario, expected_count, patience_seconds).run(check_interrupt);
  }
  if (design == stepped::pipeline_designs[3]) {
    return PipelineRun<Base, ScannerOrder4ShardedMutex>(scenario, expected_count, patience_seconds).run(check_interrupt);
  }
  if (design == stepped::pipeline_designs[4]) {
    return PipelineRun<Base, ScannerOwner>(scenario, expected_count, patience_seconds).run(check_interrupt);
  }
  if (design == stepped::pipeline_designs[5]) {
    return PipelineRun<Base, ScannerEpoch5>(scenario, expected_count, patience_seconds).run(check_interrupt);
  }
  if (design == stepped::pipeline_designs[6]) {
    return PipelineRun<Base, ScannerEpoch4>(scenario, expected_count, patience_seconds).run(check_interrupt);
  }
  throw Refused("unknown pipeline '" + std::string(design) + "'");
}

// `flushes`: the threads are kept apart as if they were on hosts of their own, by clflushopt; else they share a cache.
inline RunResult run_pipeline(std::string_view design, const Scenario& scenario, std::size_t expected_count,
                              double patience_seconds, bool flushes, const std::function<void()>& check_interrupt) {
  if (!flushes) return run_on<Coherent>(design, scenario, expected_count, patience_seconds, check_interrupt);
  require_line_instruction(LineInstruction::clflushopt);
  return run_on<Flushing<LineInstruction::clflushopt>>(design, scenario, expected_count, patience_seconds,
                                                       check_interrupt);
}

}  // namespace fencepost::pipeline
