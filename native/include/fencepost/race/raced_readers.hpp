// The far end of a race: who sequences, who subscribes, and the clients who wait for acknowledgements.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "fencepost/structures/ack_frontier.hpp"
#include "fencepost/structures/batch.hpp"
#include "fencepost/race/thread_group.hpp"
#include "fencepost/structures/export_chain.hpp"
#include "fencepost/race/jitter.hpp"
#include "fencepost/structures/slot_id.hpp"
#include "fencepost/structures/poll.hpp"
#include "fencepost/race/race_options.hpp"
#include "fencepost/race/raced_ring.hpp"
#include "fencepost/structures/scanner.hpp"

namespace fencepost {

template <class Memory>
using RacedRings = std::vector<std::unique_ptr<RacedRing<Memory>>>;

// The ring of an export chain, with the moment at which each record's guard was stored.
template <class Memory>
class NotedRing : public LapRing<Memory, ExportRecord> {
 public:
  using LapRing<Memory, ExportRecord>::LapRing;

  // Room for so many moments, so that noting one allocates nothing.
  void note_at_most(std::size_t count) { raised_at_.reserve(count); }

  void raise() noexcept {
    LapRing<Memory, ExportRecord>::raise();
    raised_at_.push_back(ThreadGroup::Clock::now());
  }

  // The moments since they were forgotten last, in the order of the records.
  const std::vector<ThreadGroup::Clock::time_point>& raised_at() const noexcept { return raised_at_; }
  void forget_raised() noexcept { raised_at_.clear(); }

 private:
  std::vector<ThreadGroup::Clock::time_point> raised_at_;
};

// The surroundings of one scanner or worker (scanner.hpp): records what happens, exports what is ordered.
template <class Memory>
class RacedScanner {
 public:
  static constexpr std::size_t subscriber = 0, acknowledger = 1, reader_count = 2;  // of its chain

  RacedScanner(std::size_t index, RacedRings<Memory>& rings, bool reads_every_ring, const RaceOptions& options,
               const StopFlag& stop)
      : rings_(rings),
        stop_(stop),
        jitter_(options.seed, rings.size() * 2 + index * 2 + 1),
        chain_(options.slot_count, reader_count, options.publication, options.guard_batch_count,
               options.placement) {
    // What a policy holds back, and the record that finds no room until that is published.
    const std::size_t placed_count_max = options.guard_batch_count + 1;
    placed_.reserve(placed_count_max);
    chain_.ring().note_at_most(placed_count_max);
    first_attempted_.resize(rings.size());
    for (std::size_t ring = 0; ring < rings.size(); ++ring) {
      if (reads_every_ring || ring == index) first_attempted_[ring].resize(rings[ring]->arrival_count());
    }
  }

  void ordered(const Batch& batch, std::uint64_t origin, std::uint64_t start, bool was_parked) {
    const auto first_attempted =
        was_parked ? first_attempted_[SlotId::ring_index(origin)][SlotId::index(origin)] : attempted_;
    rings_[SlotId::ring_index(origin)]->record_ordered(SlotId::index(origin), start, first_attempted, attempted_);
    counts_.released += was_parked ? 1U : 0U;
    ++counts_.ordered;
    if constexpr (requires { Memory::note_ordered(0, 0, 0, 0); }) {  // memory/clocked.hpp
      Memory::note_ordered(batch.client_id, batch.batch_seq, SlotId::ring_index(origin), SlotId::index(origin));
    }
    placed_.push_back(origin);
    chain_.export_blocking({batch.client_id, batch.batch_seq, start, batch.message_count, origin});
    // What is ordered next without another attempt was taken with this one and has waited for it.
    attempted_ = ThreadGroup::Clock::now();
    note_exported();
  }
  void dropped(const Batch& /*batch*/, std::uint64_t origin) {
    rings_[SlotId::ring_index(origin)]->record_dropped(SlotId::index(origin));
    ++counts_.duplicate;
  }
  void claim_lost() noexcept { ++counts_.claim_lost; }
  bool stopped() const noexcept { return stop_.is_set(); }
  void before_attempt(std::uint64_t origin) noexcept {
    jitter_.lose_some_time();
    attempted_ = ThreadGroup::Clock::now();
    auto& first = first_attempted_[SlotId::ring_index(origin)][SlotId::index(origin)];
    if (first == ThreadGroup::Clock::time_point{}) first = attempted_;
  }
  void idle() noexcept {
    chain_.finish();
    note_exported();
  }

  ExportChain<Memory, NotedRing<Memory>>& chain() noexcept { return chain_; }
  const ScannerCounts& counts() const noexcept { return counts_; }

  // Closes the chain however its thread's work ends, as its readers wait for that.
  class Closing {
   public:
    explicit Closing(RacedScanner& scanner) noexcept : scanner_(scanner) {}
    Closing(const Closing&) = delete;
    Closing& operator=(const Closing&) = delete;
    ~Closing() {
      scanner_.chain_.close();
      scanner_.note_exported();
    }

   private:
    RacedScanner& scanner_;
  };

 private:
  // Of those records whose guards were stored since.
  void note_exported() noexcept {
    const auto& published = chain_.ring().raised_at();
    if (published.empty()) return;
    const auto now = ThreadGroup::Clock::now();
    for (std::size_t each = 0; each < published.size(); ++each) {
      rings_[SlotId::ring_index(placed_[each])]->record_exported(SlotId::index(placed_[each]), published[each], now);
    }
    placed_.erase(placed_.begin(), placed_.begin() + static_cast<std::ptrdiff_t>(published.size()));
    chain_.ring().forget_raised();
  }

  RacedRings<Memory>& rings_;
  const StopFlag& stop_;
  Jitter<Memory> jitter_;
  alignas(cache_line_size) ScannerCounts counts_;
  ThreadGroup::Clock::time_point attempted_;  // when the batch in hand was taken up
  // Of each arrival of the rings that it reads: when it was taken in hand first. Its own, as several workers read a ring.
  std::vector<std::vector<ThreadGroup::Clock::time_point>> first_attempted_;
  std::vector<std::uint64_t> placed_;  // origins of records whose guard is not stored, in order
  ExportChain<Memory, NotedRing<Memory>> chain_;
};

template <class Memory>
using RacedScanners = std::vector<std::unique_ptr<RacedScanner<Memory>>>;

// Reads one chain to its end, also when the race is stopped: what was ordered is delivered.
template <class Memory>
class Subscriber {
 public:
  Subscriber(RacedScanner<Memory>& scanner, RacedRings<Memory>& rings)
      : reader_(scanner.chain().ring(), RacedScanner<Memory>::subscriber), rings_(rings) {}

  void run() {
    SpinThenYield<Memory> poll;
    while (!reader_.is_finished()) {
      const std::size_t count = reader_.readable_count(records_at_once);
      for (std::size_t offset = 0; offset < count; ++offset) deliver(reader_.at(offset));
      reader_.consume(count);
      count > 0 ? poll.reset() : poll.wait();
    }
  }

  std::uint64_t content_fault_count() const noexcept { return content_fault_count_; }
  std::uint64_t chain_fault_count() const noexcept { return chain_fault_count_; }

 private:
  static constexpr std::size_t records_at_once = 16;

  void deliver(const ExportRecord& record) {
    const Batch batch{record.client_id, record.batch_seq, record.message_count};
    RacedRing<Memory>& ring = *rings_[SlotId::ring_index(record.origin)];
    content_fault_count_ += ring.deliver(SlotId::index(record.origin), batch, record.start) ? 0U : 1U;
    chain_fault_count_ += record.start < next_start_ ? 1U : 0U;
    next_start_ = record.start + record.message_count;
  }

  typename LapRing<Memory, ExportRecord>::Reader reader_;
  RacedRings<Memory>& rings_;
  std::uint64_t content_fault_count_ = 0;
  std::uint64_t chain_fault_count_ = 0;
  std::uint64_t next_start_ = 0;
};

// Reads all chains to their ends and advances the frontiers.
template <class Memory>
class Acknowledger {
 public:
  Acknowledger(RacedScanners<Memory>& scanners, AckFrontier& frontier) : frontier_(frontier) {
    for (const auto& each : scanners) chains_.emplace_back(each->chain().ring(), RacedScanner<Memory>::acknowledger);
  }

  void run() {
    SpinThenYield<Memory> poll;
    while (!all_finished()) {
      frontier_.advance<Memory>(std::span(chains_)) > 0 ? poll.reset() : poll.wait();
    }
    // Release: a client that sees this sees the last frontiers.
    is_done_.store(true, std::memory_order_release);
  }

  bool is_done() const noexcept { return is_done_.load(std::memory_order_acquire); }

 private:
  bool all_finished() const noexcept {
    return std::all_of(chains_.begin(), chains_.end(), [](const auto& chain) { return chain.is_finished(); });
  }

  AckFrontier& frontier_;
  std::vector<typename LapRing<Memory, ExportRecord>::Reader> chains_;
  std::atomic<bool> is_done_{false};
};

// All clients in one thread: looks at the frontiers and notes when it first sees each arrival acknowledged.
class Clients {
 public:
  using Clock = ThreadGroup::Clock;

  // `key` and `number` of every row: which frontier has to pass which number for the row to be acknowledged.
  // Calls `check_interrupt` now and then, as this may take a while for millions of rows.
  Clients(const std::vector<std::uint64_t>& key, const std::vector<std::uint64_t>& number, Clock::time_point start,
          AckFrontier& frontier, const std::function<void()>& check_interrupt)
      : start_(start), frontier_(frontier), number_(number), acked_ns_(key.size(), -1) {
    constexpr std::size_t rows_between_checks = std::size_t{1} << 18;
    std::unordered_map<std::uint64_t, std::size_t> client_of;
    for (std::size_t row = 0; row < key.size(); ++row) {
      if (row % rows_between_checks == 0) check_interrupt();
      const auto [place, is_new] = client_of.try_emplace(key[row], clients_.size());
      if (is_new) clients_.push_back({key[row], {}, 0});
      clients_[place->second].rows.push_back(row);
    }
    for (Client& client : clients_) {
      if (client.rows.size() > rows_between_checks) check_interrupt();
      std::sort(client.rows.begin(), client.rows.end(),
                [&](std::size_t one, std::size_t other) { return number[one] < number[other]; });
    }
  }

  template <class Memory>
  void run(const Acknowledger<Memory>& acknowledger) {
    SpinThenYield<Memory> poll;
    for (bool is_last = false; !is_last;) {
      is_last = acknowledger.is_done();
      look<Memory>() ? poll.reset() : poll.wait();
    }
  }

  const std::vector<std::int64_t>& acked_ns() const noexcept { return acked_ns_; }

 private:
  struct Client {
    std::uint64_t key;
    std::vector<std::size_t> rows;  // by number
    std::size_t next;               // in rows: the lowest number not yet seen acknowledged
  };

  template <class Memory>
  bool look() {
    bool has_news = false;
    for (Client& client : clients_) {
      if (client.next == client.rows.size()) continue;
      const std::uint64_t acked_count = frontier_.acked_count<Memory>(client.key);
      if (number_[client.rows[client.next]] >= acked_count) continue;
      const auto elapsed = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start_).count();
      while (client.next < client.rows.size() && number_[client.rows[client.next]] < acked_count) {
        if constexpr (requires { Memory::note_acknowledged(0, 0); }) {  // memory/clocked.hpp
          Memory::note_acknowledged(client.key, number_[client.rows[client.next]]);
        }
        acked_ns_[client.rows[client.next++]] = elapsed;
      }
      has_news = true;
    }
    return has_news;
  }

  const Clock::time_point start_;
  AckFrontier& frontier_;
  const std::vector<std::uint64_t>& number_;
  std::vector<Client> clients_;
  std::vector<std::int64_t> acked_ns_;
};

}  // namespace fencepost
