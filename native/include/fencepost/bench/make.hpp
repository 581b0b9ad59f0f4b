// The probes of each setting: what is timed side by side, on the same data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fencepost/bench/messages.hpp"
#include "fencepost/bench/order.hpp"
#include "fencepost/bench/pipeline.hpp"
#include "fencepost/bench/publish.hpp"
#include "fencepost/bench/two_cores.hpp"
#include "fencepost/floor/atomics.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/floor/metrics.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/memory/flushing.hpp"
#include "fencepost/sequencers/order4_claim.hpp"
#include "fencepost/sequencers/order4_epoch.hpp"
#include "fencepost/sequencers/order4_mutex.hpp"
#include "fencepost/sequencers/order4_owner.hpp"
#include "fencepost/sequencers/order4_sharded_mutex.hpp"
#include "fencepost/sequencers/order5_epoch.hpp"
#include "fencepost/sequencers/order5_fetch_add.hpp"
#include "fencepost/structures/publication.hpp"

namespace fencepost {

struct NamedProbe {
  std::string name;
  std::unique_ptr<Probe> probe;
  std::uint64_t operation_count;  // of all lanes in one repetition
};

namespace bench_make {

inline constexpr std::size_t client_count = 1024;
inline constexpr std::size_t parking_capacity = 16384;  // enough for the owner to look 16 numbers ahead

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

inline std::vector<NamedProbe> parked(std::size_t count) {
  std::vector<NamedProbe> probes;
  add<WorkerProbe<Order4Owner<Coherent>>>(probes, "in_order", count, in_order(count));
  add<WorkerProbe<Order4Owner<Coherent>>>(probes, "parked_18", count, delayed(count, 0.18));
  add<WorkerProbe<Order4Owner<Coherent>>>(probes, "parked_60", count, delayed(count, 0.60));
  return probes;
}

inline std::vector<NamedProbe> parked_cached(Size size) { return parked(cached_count(size)); }
// Three times as many headers as are read in a repetition are kept: half of memory_count() is still from memory.
inline std::vector<NamedProbe> parked_memory(Size size) { return parked(memory_count(size) / 2); }

inline std::vector<NamedProbe> claim_one(Size size) {
  const std::size_t count = cached_count(size);
  const auto input = in_order(count);
  std::vector<NamedProbe> probes;
  add<BareLockProbe>(probes, "bare_lock", count, input);
  add<ScanProbe<Order4Mutex<Coherent>>>(probes, "order4.mutex", count, input);
  add<ScanProbe<Order4ShardedMutex<Coherent>>>(probes, "order4.sharded_mutex", count, input);
  add<ScanProbe<Order4Claim<Coherent>>>(probes, "order4.claim", count, input);
  return probes;
}

inline std::vector<NamedProbe> claim_two(std::size_t count, const std::vector<Arrival>& arrivals) {
  const auto input = std::make_shared<BenchInput>(arrivals, client_count);
  std::vector<NamedProbe> probes;
  add<TwoScannersProbe<Order4Mutex<Coherent>>>(probes, "order4.mutex", count, input);
  add<TwoScannersProbe<Order4ShardedMutex<Coherent>>>(probes, "order4.sharded_mutex", count, input);
  add<TwoScannersProbe<Order4Claim<Coherent>>>(probes, "order4.claim", count, input);
  return probes;
}

template <bool is_shared>
std::vector<NamedProbe> claim_two_even(Size size) {
  const std::size_t count = cached_count(size);
  return claim_two(count, arrivals_in_two_rings(count, client_count, is_shared));
}

inline std::vector<NamedProbe> claim_two_skewed(Size size) {
  const std::size_t count = cached_count(size);
  return claim_two(count, arrivals_skewed(count, client_count, 1, 2));
}

inline std::vector<NamedProbe> lost_order(Size /*size*/) {
  const std::size_t count = cached_count(Size::full);
  std::vector<NamedProbe> probes;
  add<TwoScannersProbe<Order5LoadAndStore>>(probes, "load and store", count, in_order(count));
  return probes;
}

template <LineInstruction instruction, class Bare>
std::vector<NamedProbe> publish(Size size) {
  using Memory = Flushing<instruction>;
  const std::size_t count = size == Size::full ? 1U << 14 : 1U << 9;
  std::vector<NamedProbe> probes;
  add<BareRecordsProbe<Bare, false>>(probes, "bare", count, count);
  add<BareRecordsProbe<Bare, true>>(probes, "bare, fetch_add", count, count);
  add<PublishEachProbe<Memory, SingleFence<Memory>>>(probes, "order5.fetch_add, single_fence", count, count);
  add<PublishEpochProbe<Memory, SingleFence<Memory>>>(probes, "order5.epoch, single_fence", count, count);
  add<BareGroupedProbe<Bare>>(probes, "bare, epoch(64)", count, count, 64U);
  add<PublishEpochProbe<Memory, PerEpoch<Memory>>>(probes, "order5.epoch, epoch(64)", count, count);
  return probes;
}

template <LineInstruction instruction, class Bare>
std::vector<NamedProbe> messages_flushed(Size size) {
  using Memory = Flushing<instruction>;
  const std::size_t count = size == Size::full ? 16 : 2;
  const std::size_t passes = size == Size::full ? 16 : 1;  // two-phase takes 2 us a batch: once over them is soon over
  const auto batches = std::make_shared<MessageBatches>(count);
  std::vector<NamedProbe> probes;
  add<BareMessagesProbe<WithFence<Bare>, true>>(probes, "bare_per_message", count, batches, 1U);
  add<PublishMessagesProbe<Memory, Seed<Memory>>>(probes, "seed", count, batches, 1U);
  add<PublishMessagesProbe<Memory, PerMessage<Memory>>>(probes, "per_message", count, batches, 1U);
  add<BareMessagesProbe<WithFence<Bare>, false>>(probes, "bare_two_phase", count * passes, batches, passes);
  add<PublishMessagesProbe<Memory, PerBatch<Memory>>>(probes, "per_batch", count * passes, batches, passes);
  return probes;
}

inline std::vector<NamedProbe> messages(std::size_t batch_count, std::size_t pass_count) {
  const auto batches = std::make_shared<MessageBatches>(batch_count);
  const std::size_t count = batch_count * pass_count;
  std::vector<NamedProbe> probes;
  add<BareMessagesProbe<NoInstruction, false>>(probes, "bare", count, batches, pass_count);
  add<PublishMessagesProbe<Coherent, SingleFence<Coherent>>>(probes, "order4.owner", count, batches, pass_count);
  return probes;
}

inline std::vector<NamedProbe> messages_cached(Size size) { return messages(1, size == Size::full ? 1024 : 16); }
inline std::vector<NamedProbe> messages_memory(Size size) {
  return size == Size::full ? messages(256, 8) : messages(8, 1);
}

inline std::vector<NamedProbe> two_cores(Size size) {
  const std::uint64_t count = size == Size::full ? 1U << 16 : 1U << 11;
  std::vector<NamedProbe> probes;
  add<BareFlagRingProbe>(probes, "bare", count, count);
  add<ProducerToSequencerProbe<Order5Epoch<Coherent>>>(probes, "order5.epoch", count, count);
  add<ProducerToSequencerProbe<Order4Owner<Coherent>>>(probes, "order4.owner", count, count);
  add<PingPongProbe>(probes, "ping_pong", count / 8, count / 8);
  return probes;
}

inline std::vector<NamedProbe> pipeline(Size size) {
  const std::size_t batch_count = size == Size::full ? 512 : 16;
  const auto log = std::make_shared<PayloadLog>(batch_count);
  const std::uint64_t message_count = batch_count * PayloadLog::message_count;
  std::vector<NamedProbe> probes;
  add<BareReceiveProbe>(probes, "bare_copy", message_count, log);
  add<PipelineProbe>(probes, "pipeline", message_count, log);
  return probes;
}

}  // namespace bench_make

}  // namespace fencepost
