// The production memory policy: one coherence domain, plain std::atomic.
//
// Every shared access of an algorithm is a static operation of its `Memory` parameter, so that another policy can put
// the same source on another memory, one access at a time. What a policy has to offer is exactly what stands here:
//
//   Word<T>    a shared word, one atomic access at a time; the operation's name says its memory order
//   Plain<T>   shared data whose accesses are ordered by something else (a lock, or a release/acquire pair)
//   Mutex      lock() may block
//   pause, yield   what a waiting thread does between two looks
//   prefetch       a hint
//   write_back, invalidate, fence   what reaches another host; nothing here, where all threads are on one
//
// Only orders that some algorithm needs exist. There are no free-standing fences: ThreadSanitizer does not see them,
// and a reader cannot tell which access one belongs to.
#pragma once

#include <atomic>
#include <concepts>
#include <mutex>
#include <thread>
#include <utility>

namespace fencepost {

struct Coherent {
  template <std::integral T>
  class Word {
   public:
    constexpr explicit Word(T initial = T{}) noexcept : value_(initial) {}

   private:
    friend struct Coherent;
    std::atomic<T> value_;
    static_assert(std::atomic<T>::is_always_lock_free, "a Word is lock-free or it is not a Word");
    static_assert(sizeof(std::atomic<T>) == sizeof(T));
  };

  template <class T>
  class Plain {
   public:
    constexpr explicit Plain(T initial = T{}) noexcept : value_(std::move(initial)) {}

   private:
    friend struct Coherent;
    T value_;
  };

  using Mutex = std::mutex;

  template <class T>
  static T load_relaxed(const Word<T>& word) noexcept {
    return word.value_.load(std::memory_order_relaxed);
  }

  template <class T>
  static T load_acquire(const Word<T>& word) noexcept {
    return word.value_.load(std::memory_order_acquire);
  }

  template <class T>
  static void store_relaxed(Word<T>& word, std::type_identity_t<T> value) noexcept {
    word.value_.store(value, std::memory_order_relaxed);
  }

  template <class T>
  static void store_release(Word<T>& word, std::type_identity_t<T> value) noexcept {
    word.value_.store(value, std::memory_order_release);
  }

  template <class T>
  static T fetch_add_relaxed(Word<T>& word, std::type_identity_t<T> addend) noexcept {
    return word.value_.fetch_add(addend, std::memory_order_relaxed);
  }

  template <class T>
  static T fetch_add_release(Word<T>& word, std::type_identity_t<T> addend) noexcept {
    return word.value_.fetch_add(addend, std::memory_order_release);
  }

  // Both compare-exchanges are strong; on failure `expected` holds the value met, read relaxed.
  template <class T>
  static bool compare_exchange_relaxed(Word<T>& word, T& expected, std::type_identity_t<T> desired) noexcept {
    return word.value_.compare_exchange_strong(expected, desired, std::memory_order_relaxed, std::memory_order_relaxed);
  }

  template <class T>
  static bool compare_exchange_acquire(Word<T>& word, T& expected, std::type_identity_t<T> desired) noexcept {
    return word.value_.compare_exchange_strong(expected, desired, std::memory_order_acquire, std::memory_order_relaxed);
  }

  template <class T>
  static T read(const Plain<T>& plain) noexcept {
    return plain.value_;
  }

  template <class T>
  static void write(Plain<T>& plain, const std::type_identity_t<T>& value) noexcept {
    plain.value_ = value;
  }

  // The line that holds `address` goes to memory: other hosts may fetch it once a fence after this is done.
  static void write_back(const void* /*address*/) noexcept {}

  // This host's copy of the line is dropped: a load behind a full fence after this fetches it again.
  static void invalidate(const void* /*address*/) noexcept {}

  // No store or write-back behind it takes effect before those in front of it have.
  static void fence() noexcept {}

  // The same, and no load behind it is done before an invalidation in front of it.
  static void full_fence() noexcept {}

  // A hint: the line is wanted soon, to be read.
  static void prefetch(const void* address) noexcept { __builtin_prefetch(address, 0); }

  // Tells the core that this is a waiting loop; gives nothing up.
  static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  // Gives the core to another thread that is ready.
  static void yield() noexcept { std::this_thread::yield(); }
};

}  // namespace fencepost
