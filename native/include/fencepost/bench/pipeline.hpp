// The whole pipeline on two cores: receive, delegate, order, export, subscribe; beside a plain copy of the same bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "fencepost/structures/batch.hpp"
#include "fencepost/bench/two_cores.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/export_chain.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/structures/lap_ring.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/sequencers/order4_owner.hpp"
#include "fencepost/structures/slot_id.hpp"
#include "fencepost/structures/poll.hpp"
#include "fencepost/structures/quiescence.hpp"
#include "fencepost/sequencers/worker_loop.hpp"

namespace fencepost {

// What arrives, and the log that it is copied into: batches of 64 messages of 1 KiB behind a line that says whose.
class PayloadLog {
 public:
  static constexpr std::size_t message_count = 64;
  static constexpr std::size_t payload_size = message_count * 1024;

  explicit PayloadLog(std::size_t batch_count)
      : batch_count_(batch_count), arriving_(batch_count * payload_size, 1), log_(std::make_unique<Place[]>(batch_count)) {}

  std::size_t batch_count() const noexcept { return batch_count_; }

  // Another content each time, so that an earlier copy is not taken for this one.
  void arrive() noexcept {
    ++round_;
    for (std::size_t index = 0; index < batch_count_; ++index) {
      std::memcpy(&arriving_[index * payload_size], &round_, sizeof(round_));
      log_[index].client_id = UINT64_MAX;
    }
  }

  void receive(std::size_t index) noexcept {
    Place& place = log_[index];
    place.client_id = client_of(index);
    place.batch_seq = index / client_count;
    std::memcpy(place.payload, &arriving_[index * payload_size], payload_size);
  }

  static Batch batch_at(std::size_t index) noexcept { return {client_of(index), index / client_count, message_count}; }

  // Whether the batch at that place of the log is the one that a record speaks of.
  bool is_at(std::size_t index, const ExportRecord& record) const noexcept {
    return log_[index].client_id == record.client_id && log_[index].batch_seq == record.batch_seq;
  }

  void check_content() const {
    std::size_t equal_count = 0;
    for (std::size_t index = 0; index < batch_count_; ++index) {
      equal_count += std::memcmp(log_[index].payload, &arriving_[index * payload_size], payload_size) == 0 ? 1U : 0U;
    }
    check_count("batches with the payload that arrived", batch_count_, equal_count);
  }

 private:
  static constexpr std::size_t client_count = 16;
  static std::uint64_t client_of(std::size_t index) noexcept { return index % client_count; }

  struct alignas(cache_line_size) Place {
    std::uint64_t client_id = UINT64_MAX;
    std::uint64_t batch_seq = 0;
    alignas(cache_line_size) unsigned char payload[payload_size];
  };

  const std::size_t batch_count_;
  std::vector<unsigned char> arriving_;
  std::unique_ptr<Place[]> log_;
  std::uint64_t round_ = 0;
};

// Bare: one lane copies, the other has nothing to do.
class BareReceiveProbe final : public Probe {
 public:
  explicit BareReceiveProbe(std::shared_ptr<PayloadLog> log) : log_(std::move(log)) {}

  void prepare(std::size_t lane) override {
    if (lane == 0) log_->arrive();
  }
  void work(std::size_t lane, const StopFlag& /*stop*/) override {
    if (lane != 0) return;
    for (std::size_t index = 0; index < log_->batch_count(); ++index) log_->receive(index);
  }
  void verify() override { log_->check_content(); }

 private:
  std::shared_ptr<PayloadLog> log_;
};

// Lane 0 receives and delegates; lane 1 orders (order4.owner), exports, and follows what is exported as a subscriber.
class PipelineProbe final : public Probe {
 public:
  explicit PipelineProbe(std::shared_ptr<PayloadLog> log) : log_(std::move(log)) {}

  void prepare(std::size_t lane) override {
    if (lane != 0) return;
    log_->arrive();
    ring_ = std::make_unique<Ring>(bench_slot_count, 1);
    chain_ = std::make_unique<ExportChain<Coherent>>(bench_slot_count, 1, Publication::none, 1);
    Configuration configuration;
    configuration.client_capacity = 64;
    configuration.parking_capacity = bench_slot_count;
    sequencer_ = std::make_unique<Order4Owner<Coherent>>(configuration);
    quiescence_ = std::make_unique<Quiescence<Coherent>>(1);
    delivered_ = {};
  }

  void work(std::size_t lane, const StopFlag& stop) override { lane == 0 ? receive(stop) : sequence(stop); }

  void verify() override {
    check_count("batches delivered", log_->batch_count(), delivered_.batch_count);
    check_count("batches delivered whose place in the log is theirs", log_->batch_count(), delivered_.found_count);
    check_count("positions delivered", log_->batch_count() * PayloadLog::message_count, delivered_.next_start);
    log_->check_content();
  }

 private:
  using Ring = LapRing<Coherent, Batch>;
  using Chain = ExportChain<Coherent>;

  struct Delivered {
    std::uint64_t batch_count = 0;
    std::uint64_t found_count = 0;
    std::uint64_t next_start = 0;
  };

  // The scanner's surroundings: it exports, and now and then is the subscriber.
  struct Observer {
    const PayloadLog& log;
    Chain& chain;
    const StopFlag& stop;
    Chain::Ring::Reader reader;
    Delivered delivered{};

    void ordered(const Batch& batch, std::uint64_t origin, std::uint64_t start, bool /*was_parked*/) {
      chain.export_blocking({batch.client_id, batch.batch_seq, start, batch.message_count, origin});
      follow();
    }
    void dropped(const Batch& /*batch*/, std::uint64_t /*origin*/) const noexcept {}
    bool stopped() const noexcept { return stop.is_set(); }
    void before_attempt(std::uint64_t /*origin*/) const noexcept {}
    void idle() { follow(); }

    void follow() {
      const std::size_t count = reader.readable_count(64);
      for (std::size_t offset = 0; offset < count; ++offset) {
        const ExportRecord record = reader.at(offset);
        delivered.found_count += log.is_at(SlotId::index(record.origin), record) ? 1U : 0U;
        if (record.start == delivered.next_start) delivered.next_start += record.message_count;
        ++delivered.batch_count;
      }
      reader.consume(count);
    }
  };

  void receive(const StopFlag& stop) noexcept {
    Ring::Writer writer(*ring_);
    for (std::size_t index = 0; index < log_->batch_count(); ++index) {
      log_->receive(index);
      while (!writer.has_room(1)) {
        if (stop.is_set()) return;
      }
      writer.place(PayloadLog::batch_at(index));
      writer.raise();
    }
    writer.close();
  }

  void sequence(const StopFlag& stop) {
    Observer around{*log_, *chain_, stop, Chain::Ring::Reader(chain_->ring(), 0)};
    std::vector<RingView<Ring::Reader>> views{{0, Ring::Reader(*ring_, 0)}};
    WorkerLoop loop(0, sequencer_->worker(0), std::move(views), *quiescence_, around, SpinThenYield<Coherent>(), false);
    loop.run();
    chain_->close();
    around.follow();
    delivered_ = around.delivered;
  }

  std::shared_ptr<PayloadLog> log_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Chain> chain_;
  std::unique_ptr<Order4Owner<Coherent>> sequencer_;
  std::unique_ptr<Quiescence<Coherent>> quiescence_;
  Delivered delivered_;
};

}  // namespace fencepost
