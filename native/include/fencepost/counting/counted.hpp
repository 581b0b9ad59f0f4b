// The production memory policy with a count: how many shared accesses a thread makes, and how often it allocates.
//
// Only the module `_counting` is built with it. There, operator new counts too (counting_bindings.cpp).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "fencepost/counting/line_holders.hpp"
#include "fencepost/memory/coherent.hpp"

namespace fencepost {

// Of the calling thread.
struct ThreadCounts {
  std::uint64_t steps = 0;  // accesses to shared memory, locks and unlocks; not pauses
  std::uint64_t allocations = 0;
  std::uint64_t allocated_bytes = 0;
  std::uint64_t locks = 0;
  std::uint64_t locks_contended = 0;  // another thread held it: the first try failed
  std::uint64_t exchanges = 0;        // compare-exchanges
  std::uint64_t exchanges_failed = 0;
  std::uint64_t line_transfers = 0;  // accesses for which a line came from another thread (line_holders.hpp)
  LineHolders* lines = nullptr;      // if they are followed
  std::uint64_t line_bit = 0;        // of this thread in them
};
inline thread_local ThreadCounts thread_counts;

struct Counted {
  template <std::integral T>
  using Word = Coherent::Word<T>;
  template <class T>
  using Plain = Coherent::Plain<T>;

  class Mutex {
   public:
    void lock() {
      ++thread_counts.locks;
      stepped(&mutex_, Access::store);
      if (mutex_.try_lock()) return;
      ++thread_counts.locks_contended;
      mutex_.lock();
      moved(&mutex_, Access::store);
    }
    void unlock() {
      stepped(&mutex_, Access::store);
      mutex_.unlock();
    }

   private:
    Coherent::Mutex mutex_;
  };

  template <class T>
  static T load_relaxed(const Word<T>& word) noexcept {
    stepped(&word, Access::load);
    return Coherent::load_relaxed(word);
  }
  template <class T>
  static T load_acquire(const Word<T>& word) noexcept {
    stepped(&word, Access::load);
    return Coherent::load_acquire(word);
  }
  template <class T>
  static void store_relaxed(Word<T>& word, std::type_identity_t<T> value) noexcept {
    stepped(&word, Access::store);
    Coherent::store_relaxed(word, value);
  }
  template <class T>
  static void store_release(Word<T>& word, std::type_identity_t<T> value) noexcept {
    stepped(&word, Access::store);
    Coherent::store_release(word, value);
  }
  template <class T>
  static T fetch_add_relaxed(Word<T>& word, std::type_identity_t<T> addend) noexcept {
    stepped(&word, Access::store);
    return Coherent::fetch_add_relaxed(word, addend);
  }
  template <class T>
  static T fetch_add_release(Word<T>& word, std::type_identity_t<T> addend) noexcept {
    stepped(&word, Access::store);
    return Coherent::fetch_add_release(word, addend);
  }
  template <class T>
  static bool compare_exchange_relaxed(Word<T>& word, T& expected, std::type_identity_t<T> desired) noexcept {
    stepped(&word, Access::store);
    return exchanged(Coherent::compare_exchange_relaxed(word, expected, desired));
  }
  template <class T>
  static bool compare_exchange_acquire(Word<T>& word, T& expected, std::type_identity_t<T> desired) noexcept {
    stepped(&word, Access::store);
    return exchanged(Coherent::compare_exchange_acquire(word, expected, desired));
  }
  template <class T>
  static T read(const Plain<T>& plain) noexcept {
    stepped(&plain, Access::load);
    return Coherent::read(plain);
  }
  template <class T>
  static void write(Plain<T>& plain, const std::type_identity_t<T>& value) noexcept {
    stepped(&plain, Access::store);
    Coherent::write(plain, value);
  }
  static void write_back(const void* /*address*/) noexcept {}
  static void invalidate(const void* /*address*/) noexcept {}
  static void fence() noexcept {}
  static void full_fence() noexcept {}
  static void prefetch(const void* address) noexcept { Coherent::prefetch(address); }
  static void pause() noexcept { Coherent::pause(); }
  static void yield() noexcept { Coherent::yield(); }

 private:
  enum class Access : bool { load, store };  // a locked instruction is a store, also where it changes nothing

  static void stepped(const void* address, Access access) noexcept {
    ++thread_counts.steps;
    moved(address, access);
  }
  static void moved(const void* address, Access access) noexcept {
    LineHolders* const lines = thread_counts.lines;
    if (lines == nullptr) [[likely]] return;
    const std::uint64_t bit = thread_counts.line_bit;
    const bool is_moved = access == Access::load ? lines->loaded(address, bit) : lines->stored(address, bit);
    thread_counts.line_transfers += is_moved ? 1U : 0U;
  }

  static bool exchanged(bool is_done) noexcept {
    ++thread_counts.exchanges;
    thread_counts.exchanges_failed += is_done ? 0 : 1;
    return is_done;
  }
};

}  // namespace fencepost
