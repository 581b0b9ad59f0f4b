// A memory policy that keeps vector clocks: it finds accesses that nothing but luck has put in order.
//
// x86 hides a release or an acquire that is missing, and a race shows what one machine happened to do. Here each access
// is made with nobody else in between, and what C++ promises is computed beside it: a release publishes what its thread has behind
// it, an acquire that reads from it takes that over, and nothing else does. Said to be wrong are
//
//   two accesses to a Plain, one of them a write, that nothing orders
//   a batch whose predecessor's ordering is not behind its own (level 4)
//   an acknowledgement that its client sees without the batch's export behind it
//
// whatever values were read. Threads take turns that are drawn by the race's seed (race/deterministic_scheduler.hpp), so that they meet where
// they seldom would, and meet there again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fencepost/clients/client_ids.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/coherent.hpp"
#include "fencepost/race/deterministic_scheduler.hpp"

namespace fencepost {

// What a thread has behind it: of each thread, how far.
class Clock {
 public:
  static constexpr std::size_t thread_max = 64;

  std::uint32_t& operator[](std::size_t thread) noexcept { return ticks_[thread]; }
  std::uint32_t operator[](std::size_t thread) const noexcept { return ticks_[thread]; }

  void join(const Clock& other) noexcept {
    for (std::size_t thread = 0; thread < thread_max; ++thread) {
      if (other.ticks_[thread] > ticks_[thread]) ticks_[thread] = other.ticks_[thread];
    }
  }

 private:
  std::array<std::uint32_t, thread_max> ticks_{};
};

// What all threads of a race know together.
class ClockKeeper {
 public:
  struct Moment {
    std::size_t thread = 0;
    std::uint32_t tick = 0;  // 0: before every thread began
  };

  using Identity = std::pair<std::uint64_t, std::uint64_t>;

  static ClockKeeper& instance() {
    static ClockKeeper keeper;
    return keeper;
  }

  // A race begins. What was ordered in earlier races of the same sequencer is behind everybody.
  void begin(int level, std::uint64_t seed, bool is_first, std::size_t row_count) {
    row_count_ = row_count;
    level_ = level;
    // A ring's index begins anew in every race, and its acknowledgements go on.
    has_identities_ = level == 4 || is_first;
    seed_ = seed;
    threads_.assign(1, {});
    released_.clear();
    plains_.clear();
    for (auto* const each : {&ordered_, &exported_}) {
      if (is_first) each->clear();
      for (auto& batch : *each) batch.second = Moment{};
    }
    faults_.clear();
  }

  const std::vector<std::string>& faults() const noexcept { return faults_; }
  std::uint64_t seed() const noexcept { return seed_; }
  std::size_t row_count() const noexcept { return row_count_; }

  // So many threads are about to take turns.
  void expect(std::size_t thread_count, DeterministicScheduler& turns) {
    if (thread_count >= Clock::thread_max) throw Refused("clocks are kept for at most 63 threads of a race");
    for (std::size_t thread = 1; thread <= thread_count; ++thread) {
      threads_.emplace_back();
      threads_.back().clock[thread] = 1;
    }
    turns_ = &turns;
  }
  void expect_none() noexcept { turns_ = nullptr; }

  // Whose turn it is: 0 is who made the race, the others are those that were expected.
  std::size_t me() const noexcept { return is_raced() ? turns_->current() + 1 : 0; }
  bool is_raced() const noexcept { return turns_ != nullptr && turns_->current() != DeterministicScheduler::nobody; }
  DeterministicScheduler& turns() noexcept { return *turns_; }

  // --- words: which clock is read with one ---

  void acquire(std::size_t me, const void* word) {
    if (const auto found = released_.find(word); found != released_.end()) threads_[me].clock.join(found->second);
  }
  void release(std::size_t me, const void* word) {
    released_[word] = threads_[me].clock;
    tick(me);
  }
  // By a read-modify-write, which passes on what it read.
  void release_more(std::size_t me, const void* word) {
    released_[word].join(threads_[me].clock);
    tick(me);
  }
  // A relaxed store passes on nothing.
  void overwrite(std::size_t me, const void* word) {
    released_.erase(word);
    act(me);
  }
  void act(std::size_t me) { threads_[me].last_act = threads_[me].clock[me]; }

  // --- plain data ---

  void read(std::size_t me, const void* plain, std::size_t size) {
    Plain& at = plains_[plain];
    if (!is_behind(me, at.written)) fault("a read", me, size, at.written.thread);
    at.read[me] = threads_[me].clock[me];
  }
  void write(std::size_t me, const void* plain, std::size_t size) {
    Plain& at = plains_[plain];
    if (!is_behind(me, at.written)) fault("a write", me, size, at.written.thread);
    for (std::size_t thread = 0; thread < threads_.size(); ++thread) {
      if (!is_behind(me, {thread, at.read[thread]})) fault("a write", me, size, thread);
    }
    at.written = {me, threads_[me].clock[me]};
    act(me);
  }

  // --- what the contract asks ---

  void ordered(std::size_t me, std::uint64_t client_id, std::uint64_t batch_seq, std::uint64_t ring,
               std::uint64_t index) {
    const auto [key, number] = level_ == 4 ? Identity{client_id, batch_seq} : Identity{ring, index};
    if (const auto before = ordered_.find({key, number - 1}); level_ == 4 && number > 0 && before != ordered_.end()) {
      if (!is_behind(me, before->second)) {
        add("batch " + std::to_string(number) + " of a client was ordered with nothing that puts batch " +
            std::to_string(number - 1) + " before it");
      }
    }
    ordered_[{key, number}] = {me, threads_[me].last_act};
    // What the thread has published does not hold its export, which comes now.
    exported_[{key, number}] = {me, ++threads_[me].clock[me]};
  }
  // `key` and `number`: the client and its seq at level 4, the ring and its index at level 5.
  void acknowledged(std::size_t me, std::uint64_t key, std::uint64_t number) {
    if (!has_identities_) return;
    const auto found = exported_.find({key, number});
    if (found == exported_.end()) {
      add("batch " + std::to_string(number) + " was seen acknowledged and is not ordered");
    } else if (!is_behind(me, found->second)) {
      add("batch " + std::to_string(number) + " was seen acknowledged with nothing that puts its export before that");
    }
  }

 private:
  struct Thread {
    Clock clock;
    std::uint32_t last_act = 1;  // when it last changed something that others see
  };
  struct Plain {
    Moment written;
    Clock read;
  };
  struct Mixed {
    std::size_t operator()(const Identity& each) const noexcept {
      return mixed_client(each.first ^ mixed_client(each.second));
    }
  };

  void tick(std::size_t me) {
    act(me);
    ++threads_[me].clock[me];
  }
  bool is_behind(std::size_t me, const Moment& moment) const {
    return moment.tick <= threads_[me].clock[moment.thread];
  }
  void fault(const char* what, std::size_t me, std::size_t size, std::size_t other) {
    add(std::string(what) + " of " + std::to_string(size) + " bytes by thread " + std::to_string(me) +
        " is ordered by nothing with an access of thread " + std::to_string(other));
  }
  void add(std::string text) {
    constexpr std::size_t faults_kept = 16;
    if (faults_.size() < faults_kept) faults_.push_back(std::move(text));
  }

  DeterministicScheduler* turns_ = nullptr;
  int level_ = 5;
  bool has_identities_ = true;
  std::uint64_t seed_ = 0;
  std::size_t row_count_ = 0;
  std::vector<Thread> threads_{1};  // who makes races is there before the first one
  std::unordered_map<const void*, Clock> released_;
  std::unordered_map<const void*, Plain> plains_;
  std::unordered_map<Identity, Moment, Mixed> ordered_;
  std::unordered_map<Identity, Moment, Mixed> exported_;
  std::vector<std::string> faults_;
};

// Coherent, access by access, with clocks.
struct Clocked : Coherent {
 private:
  template <class Act>
  static auto on(Act&& act) {
    ClockKeeper& keeper = ClockKeeper::instance();
    return act(keeper, keeper.me());
  }

  template <class Act>
  static auto access(Act&& act) {
    before_access();
    return on(act);
  }

  static void before_access() {
    ClockKeeper& keeper = ClockKeeper::instance();
    if (keeper.is_raced()) keeper.turns().access();
  }

 public:
  class Mutex {
   public:
    void lock() {
      before_access();
      while (is_locked_) yield();
      is_locked_ = true;
      on([this](ClockKeeper& keeper, std::size_t me) { keeper.acquire(me, this); });
    }
    void unlock() {
      on([this](ClockKeeper& keeper, std::size_t me) { keeper.release(me, this); });
      is_locked_ = false;
    }

   private:
    bool is_locked_ = false;  // all threads of a race are one
  };

  template <class T>
  static T load_relaxed(const Word<T>& word) {
    return access([&](ClockKeeper&, std::size_t) { return Coherent::load_relaxed(word); });
  }
  template <class T>
  static T load_acquire(const Word<T>& word) {
    return access([&](ClockKeeper& keeper, std::size_t me) {
      keeper.acquire(me, &word);
      return Coherent::load_acquire(word);
    });
  }
  template <class T>
  static void store_relaxed(Word<T>& word, std::type_identity_t<T> value) {
    access([&](ClockKeeper& keeper, std::size_t me) {
      keeper.overwrite(me, &word);
      Coherent::store_relaxed(word, value);
    });
  }
  template <class T>
  static void store_release(Word<T>& word, std::type_identity_t<T> value) {
    access([&](ClockKeeper& keeper, std::size_t me) {
      keeper.release(me, &word);
      Coherent::store_release(word, value);
    });
  }
  template <class T>
  static T fetch_add_relaxed(Word<T>& word, std::type_identity_t<T> addend) {
    return access([&](ClockKeeper& keeper, std::size_t me) {
      keeper.act(me);
      return Coherent::fetch_add_relaxed(word, addend);
    });
  }
  template <class T>
  static T fetch_add_release(Word<T>& word, std::type_identity_t<T> addend) {
    return access([&](ClockKeeper& keeper, std::size_t me) {
      keeper.release_more(me, &word);
      return Coherent::fetch_add_release(word, addend);
    });
  }
  template <class T>
  static bool compare_exchange_relaxed(Word<T>& word, T& expected, std::type_identity_t<T> desired) {
    return access([&](ClockKeeper& keeper, std::size_t me) {
      keeper.act(me);
      return Coherent::compare_exchange_relaxed(word, expected, desired);
    });
  }
  template <class T>
  static bool compare_exchange_acquire(Word<T>& word, T& expected, std::type_identity_t<T> desired) {
    return access([&](ClockKeeper& keeper, std::size_t me) {
      const bool is_exchanged = Coherent::compare_exchange_acquire(word, expected, desired);
      if (is_exchanged) keeper.acquire(me, &word);
      keeper.act(me);
      return is_exchanged;
    });
  }
  // The copy is made under the lock: what races by the clocks is no undefined behaviour here.
  template <class T>
  static T read(const Plain<T>& plain) {
    return access([&](ClockKeeper& keeper, std::size_t me) {
      keeper.read(me, &plain, sizeof(T));
      return Coherent::read(plain);
    });
  }
  template <class T>
  static void write(Plain<T>& plain, const std::type_identity_t<T>& value) {
    access([&](ClockKeeper& keeper, std::size_t me) {
      keeper.write(me, &plain, sizeof(T));
      Coherent::write(plain, value);
    });
  }

  static void pause() { yield(); }
  static void yield() {
    ClockKeeper& keeper = ClockKeeper::instance();
    keeper.is_raced() ? keeper.turns().pass() : Coherent::yield();
  }

  class ThreadGroup : public DeterministicScheduler {
   public:
    ThreadGroup(std::size_t member_count, StopFlag& stop) : DeterministicScheduler(ClockKeeper::instance().seed(), ClockKeeper::instance().row_count(), stop) {
      ClockKeeper::instance().expect(member_count, *this);
    }
    ThreadGroup(const ThreadGroup&) = delete;
    ThreadGroup& operator=(const ThreadGroup&) = delete;
    ~ThreadGroup() { ClockKeeper::instance().expect_none(); }
  };

  // Before the threads begin.
  static void begin_race(int level, std::uint64_t seed, bool is_first, std::size_t row_count) {
    ClockKeeper::instance().begin(level, seed, is_first, row_count);
  }
  static void note_ordered(std::uint64_t client_id, std::uint64_t batch_seq, std::uint64_t ring, std::uint64_t index) {
    on([&](ClockKeeper& keeper, std::size_t me) { keeper.ordered(me, client_id, batch_seq, ring, index); });
  }
  static void note_acknowledged(std::uint64_t key, std::uint64_t number) {
    on([&](ClockKeeper& keeper, std::size_t me) { keeper.acknowledged(me, key, number); });
  }
};

}  // namespace fencepost
