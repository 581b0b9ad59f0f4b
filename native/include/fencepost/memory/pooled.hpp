// The production memory policy of the pipeline: a pool of lines, atomics inside a host, cache-line instructions between.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "fencepost/race/thread_group.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/mutants.hpp"
#include "fencepost/pipeline/words.hpp"
#include "fencepost/structures/poll.hpp"

namespace fencepost::pipeline {

struct alignas(cache_line_size) PooledLine {
  std::array<Value, words_per_line> words{};
};
static_assert(sizeof(PooledLine) == cache_line_size, "line and word of the layout are an address");

// The channels between clients and brokers, which are not shared memory.
class Network {
 public:
  explicit Network(std::size_t channel_count) : channels_(channel_count) {}

  void send(std::uint32_t channel, Value message) {
    const std::scoped_lock guard(channels_[channel].mutex);
    channels_[channel].messages.push_back(message);
  }

  bool try_receive(std::uint32_t channel, Value& message) {
    const std::scoped_lock guard(channels_[channel].mutex);
    if (channels_[channel].messages.empty()) return false;
    message = channels_[channel].messages.front();
    channels_[channel].messages.pop_front();
    return true;
  }

 private:
  struct Channel {
    std::mutex mutex;
    std::deque<Value> messages;
  };
  std::vector<Channel> channels_;
};

// What a subscriber was given.
struct Delivered {
  std::uint32_t ring = 0;
  ChainEntry entry;
  Value content = 0;
};

// One thread's door to the pool. `Base` says what writes a line back and drops a copy: Coherent (nothing, for threads of
// one host) or Flushing. Labels and mutants are not there.
template <class Base>
class PooledMemory {
 public:
  static constexpr Mutant mutant = Mutant::none;
  using Policy = Base;  // of the sequencers
  static constexpr std::size_t shard_count = 64;
  static constexpr std::size_t epoch_batch_count = 64;
  struct Label {};

  PooledMemory(std::span<PooledLine> pool, Network& network, const StopFlag& stop, std::size_t delivered_max)
      : pool_(pool), network_(network), stop_(stop) {
    delivered_.reserve(delivered_max);
  }

  template <class... Arguments>
  static constexpr Label at(Action, Arguments...) { return {}; }
  template <class... Arguments>
  static constexpr Label computed(ComputeStep, Arguments...) { return {}; }
  static constexpr Label unlabelled() { return {}; }

  Value load(Word word, Label = {}) { return atomic(word).load(std::memory_order_acquire); }
  void store(Word word, Value value, Label = {}) { atomic(word).store(value, std::memory_order_release); }

  // Atomic among the threads of one host. Relaxed: it hands out numbers, and what they are for is published by others.
  Value fetch_add(Word word, Value addend, Label = {}) {
    return atomic(word).fetch_add(addend, std::memory_order_relaxed);
  }

  // An attempt of a sequencer, which has words of its own. BLOCKS if its try_order does.
  template <class Sequencer>
  Attempt attempt(Sequencer& sequencer, const Layout&, std::uint32_t, const Slot& slot) {
    return try_order(sequencer, slot);
  }

  // Calls `call`, in which ranges are taken.
  template <class Call>
  auto reserving(Label, Reserver, Call&& call) {
    return call();
  }

  // Writes a line back and drops this host's copy.
  void flush(LineIndex line) { Base::invalidate(&pool_[line]); }
  void store_fence() { Base::fence(); }
  void full_fence() { Base::full_fence(); }

  // BLOCKS until one of the words differs from what was last seen there, or the run is to end.
  Result poll(std::span<const Watched> watched) {
    return poll(watched, [&](std::size_t place) { return looked(watched[place]); });
  }

  // The same where all words but the first are a sequencer's: `look(place)` reads the word of watched[place].
  template <class Look>
  Result poll(std::span<const Watched> watched, Look&& look) {
    SpinThenYield<Base> poll;
    while (true) {
      for (std::uint32_t index = 0; index < watched.size(); ++index) {
        const Value value = index == 0 ? looked(watched[0]) : look(index);
        if (value != watched[index].seen) return {value, index};
      }
      if (stop_.is_set()) return {0, Result::stop};
      poll.wait();
    }
  }

  void send(std::uint32_t channel, Value message, Label = {}) { network_.send(channel, message); }

  // BLOCKS until there is a message, or the run is to end.
  Result receive(std::uint32_t channel) {
    SpinThenYield<Base> poll;
    Result result;
    while (!network_.try_receive(channel, result.value)) {
      if (stop_.is_set()) return {0, Result::stop};
      poll.wait();
    }
    return result;
  }

  void delivered(std::uint32_t ring, const ChainEntry& entry, Value content) {
    if (delivered_.size() == delivered_.capacity()) return;  // more than was sent: the count below says so
    delivered_.push_back({ring, entry, content});
    delivered_count_.store(delivered_.size(), std::memory_order_release);
  }

  // Nothing here: they are there for whoever looks on.
  void witness(Label) {}
  void attempted(std::uint32_t, Value, AttemptOutcome, Value) {}
  void sleep_until(Value) {}

  // By another thread while it runs; the list itself when the thread is joined.
  std::size_t delivered_count() const { return delivered_count_.load(std::memory_order_acquire); }
  const std::vector<Delivered>& all_delivered() const { return delivered_; }

 private:
  Value looked(const Watched& watched) {
    if (watched.invalidate) {
      flush(watched.word.line);
      full_fence();
    }
    return load(watched.word);
  }

  std::atomic_ref<Value> atomic(Word word) const { return std::atomic_ref<Value>(pool_[word.line].words[word.word]); }

  std::span<PooledLine> pool_;
  Network& network_;
  const StopFlag& stop_;
  std::vector<Delivered> delivered_;
  std::atomic<std::size_t> delivered_count_{0};
};

}  // namespace fencepost::pipeline
