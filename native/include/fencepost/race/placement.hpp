// Where memory and threads are put: asked of the operating system, then asked back what came of it.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "fencepost/structures/limits.hpp"

namespace fencepost {

inline constexpr std::size_t huge_page_size = std::size_t{2} << 20;
inline constexpr std::int64_t numa_node_max = 63;
inline constexpr std::int64_t core_max = 1023;

// What is asked for. What cannot be had is not an error: it is in what was got.
struct Placement {
  bool huge_pages = false;
  std::int64_t numa_node = -1;     // -1: wherever
  std::vector<std::int64_t> cores;  // thread i is bound to cores[i modulo their count]; empty: anywhere
};

struct PlacementGot {
  std::uint64_t memory_size = 0;     // bytes that were placed
  std::uint64_t huge_page_size = 0;  // bytes of those that are on huge pages
  std::uint64_t on_node_size = 0;    // bytes that are on the node asked for, by a sample of pages
  std::uint64_t bound_thread_count = 0;
  std::uint64_t thread_count = 0;

  PlacementGot& operator+=(const PlacementGot& other) noexcept {
    memory_size += other.memory_size;
    huge_page_size += other.huge_page_size;
    on_node_size += other.on_node_size;
    bound_thread_count += other.bound_thread_count;
    thread_count += other.thread_count;
    return *this;
  }
};

// Binds the calling thread; true if the system says afterwards that it may run on that core and no other.
inline bool bind_this_thread(std::int64_t core) noexcept {
#if defined(__linux__)
  cpu_set_t asked;
  CPU_ZERO(&asked);
  CPU_SET(static_cast<std::size_t>(core), &asked);
  if (sched_setaffinity(0, sizeof(asked), &asked) != 0) return false;
  cpu_set_t got;
  return sched_getaffinity(0, sizeof(got), &got) == 0 && CPU_EQUAL(&asked, &got);
#else
  return core < 0;
#endif
}

// Pages of their own, zero, placed as asked where that is possible. Every page is touched here: nothing is left to be
// placed by whoever comes first.
class PlacedMemory {
 public:
  PlacedMemory(std::size_t size, const Placement& placement) : asked_(placement) {
    const std::size_t page = placement.huge_pages ? huge_page_size : std::size_t{4096};
    size_ = (size + page - 1) / page * page;
#if defined(__linux__)
    // One page more, to begin at a multiple: a huge page cannot lie across two.
    mapped_size_ = size_ + (placement.huge_pages ? huge_page_size : 0);
    void* const mapped = mmap(nullptr, mapped_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    mapped_ = static_cast<std::byte*>(mapped);
    begin_ = mapped_ + (page - reinterpret_cast<std::uintptr_t>(mapped_) % page) % page;
    if (placement.huge_pages) madvise(begin_, size_, MADV_HUGEPAGE);
    if (placement.numa_node >= 0) bind_to_node();
#else
    mapped_ = static_cast<std::byte*>(::operator new(size_, std::align_val_t(cache_line_size)));
    begin_ = mapped_;
#endif
    std::fill_n(begin_, size_, std::byte{0});
  }
  PlacedMemory(const PlacedMemory&) = delete;
  PlacedMemory& operator=(const PlacedMemory&) = delete;
  ~PlacedMemory() {
#if defined(__linux__)
    munmap(mapped_, mapped_size_);
#else
    ::operator delete(mapped_, std::align_val_t(cache_line_size));
#endif
  }

  std::byte* begin() const noexcept { return begin_; }

  // What the system says of these pages now.
  PlacementGot got() const {
    PlacementGot result;
    result.memory_size = size_;
    if (asked_.huge_pages) result.huge_page_size = std::min<std::uint64_t>(size_, size_on_huge_pages());
    if (asked_.numa_node >= 0) result.on_node_size = size_on_node();
    return result;
  }

 private:
#if defined(__linux__)
  static constexpr unsigned long policy_bind = 2;       // MPOL_BIND
  static constexpr unsigned long node_of_address = 3;   // MPOL_F_NODE | MPOL_F_ADDR

  void bind_to_node() noexcept {
    const unsigned long mask = 1UL << static_cast<unsigned>(asked_.numa_node);
    syscall(SYS_mbind, begin_, size_, policy_bind, &mask, 8 * sizeof(mask) + 1, 0UL);
  }

  std::uint64_t size_on_node() const noexcept {
    constexpr std::size_t sample_count = 64;
    const std::size_t step = std::max<std::size_t>(size_ / sample_count / 4096, 1) * 4096;
    std::uint64_t on_node = 0, asked_count = 0;
    for (std::size_t offset = 0; offset < size_; offset += step, ++asked_count) {
      int node = -1;
      if (syscall(SYS_get_mempolicy, &node, nullptr, 0UL, begin_ + offset, node_of_address) != 0) return 0;
      on_node += node == asked_.numa_node ? 1U : 0U;
    }
    return size_ * on_node / asked_count;
  }

  // The AnonHugePages lines of the mappings that overlap these pages, in /proc/self/smaps.
  std::uint64_t size_on_huge_pages() const {
    std::ifstream maps("/proc/self/smaps");
    const auto first = reinterpret_cast<std::uintptr_t>(begin_);
    std::uint64_t found_size = 0;
    bool is_ours = false;
    for (std::string line; std::getline(maps, line);) {
      unsigned long low = 0, high = 0, kibibytes = 0;
      if (std::sscanf(line.c_str(), "%lx-%lx ", &low, &high) == 2) {
        is_ours = low < first + size_ && first < high;
      } else if (is_ours && std::sscanf(line.c_str(), "AnonHugePages: %lu kB", &kibibytes) == 1) {
        found_size += std::uint64_t{kibibytes} * 1024;
      }
    }
    return found_size;
  }
#else
  void bind_to_node() noexcept {}
  std::uint64_t size_on_node() const noexcept { return 0; }
  std::uint64_t size_on_huge_pages() const { return 0; }
#endif

  const Placement asked_;
  std::size_t size_ = 0;
  std::size_t mapped_size_ = 0;
  std::byte* mapped_ = nullptr;
  std::byte* begin_ = nullptr;
};

// An array in placed memory.
template <class Value>
class PlacedArray {
 public:
  PlacedArray(std::size_t count, const Placement& placement)
      : count_(count), memory_(std::max<std::size_t>(count, 1) * sizeof(Value), placement) {
    std::uninitialized_default_construct_n(data(), count_);
  }
  PlacedArray(const PlacedArray&) = delete;
  PlacedArray& operator=(const PlacedArray&) = delete;
  ~PlacedArray() { std::destroy_n(data(), count_); }

  Value* data() const noexcept { return reinterpret_cast<Value*>(memory_.begin()); }
  Value& operator[](std::size_t index) const noexcept { return data()[index]; }
  PlacementGot got() const { return memory_.got(); }

 private:
  std::size_t count_;
  PlacedMemory memory_;
};

}  // namespace fencepost
