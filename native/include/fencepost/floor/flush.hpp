// The floor: writing lines back to memory, with one fence a line or one fence for several.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "fencepost/floor/lanes.hpp"
#include "fencepost/structures/limits.hpp"

namespace fencepost {

// Bare instructions. Only to be called where cache_instructions() has shown them: they are illegal elsewhere.
struct Clwb {
  static constexpr const char* name = "clwb";
  static void write_back([[maybe_unused]] const void* line) noexcept {
#if defined(__x86_64__)
    asm volatile("clwb %0" : "+m"(*static_cast<volatile char*>(const_cast<void*>(line))));
#endif
  }
};

struct Clflushopt {
  static constexpr const char* name = "clflushopt";
  static void write_back([[maybe_unused]] const void* line) noexcept {
#if defined(__x86_64__)
    asm volatile("clflushopt %0" : "+m"(*static_cast<volatile char*>(const_cast<void*>(line))));
#endif
  }
};

inline void store_fence() noexcept {
#if defined(__x86_64__)
  asm volatile("sfence" ::: "memory");
#endif
}

struct alignas(cache_line_size) FlushedLine {
  std::atomic<std::uint64_t> word{0};
};

// A store and a write-back for each line, and a fence after every `lines_per_fence` of them. An operation is one line.
template <class Instruction>
class FlushProbe final : public Probe {
 public:
  // `operation_count` is a multiple of lines_per_fence.
  FlushProbe(std::size_t line_count, std::uint64_t lines_per_fence, std::uint64_t operation_count)
      : line_count_(line_count),
        lines_per_fence_(lines_per_fence),
        operation_count_(operation_count),
        lines_(std::make_unique<FlushedLine[]>(line_count)) {}

  void prepare(std::size_t /*lane*/) override { ++round_; }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    fence_count_ = 0;
    std::size_t index = 0;
    for (std::uint64_t count = 0; count < operation_count_; count += lines_per_fence_) {
      for (std::uint64_t within = 0; within < lines_per_fence_; ++within) {
        lines_[index].word.store(round_ + count + within, std::memory_order_relaxed);
        Instruction::write_back(&lines_[index]);
        index = index + 1 == line_count_ ? 0 : index + 1;
      }
      store_fence();
      ++fence_count_;
    }
  }

  // Every line holds what was stored to it last, and there were as many fences as the figure says.
  void verify() override {
    check_count("fences", operation_count_ / lines_per_fence_, fence_count_);
    std::uint64_t right_count = 0;
    for (std::size_t index = 0; index < line_count_; ++index) {
      if (index >= operation_count_) break;
      const std::uint64_t last = operation_count_ - 1 - (operation_count_ - 1 - index) % line_count_;
      right_count += lines_[index].word.load(std::memory_order_relaxed) == round_ + last ? 1U : 0U;
    }
    check_count("lines written back", std::min<std::uint64_t>(line_count_, operation_count_), right_count);
  }

 private:
  const std::size_t line_count_;
  const std::uint64_t lines_per_fence_;
  const std::uint64_t operation_count_;
  const std::unique_ptr<FlushedLine[]> lines_;
  std::uint64_t round_ = 0;
  std::uint64_t fence_count_ = 0;
};

// A fence after a store that it has nothing to wait for but the store buffer.
class FenceProbe final : public Probe {
 public:
  explicit FenceProbe(std::uint64_t operation_count) : operation_count_(operation_count) {}

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    for (std::uint64_t count = 0; count < operation_count_; ++count) {
      line_.word.store(count + 1, std::memory_order_relaxed);
      store_fence();
    }
  }

  void verify() override { check_count("fences", operation_count_, line_.word.load(std::memory_order_relaxed)); }

 private:
  const std::uint64_t operation_count_;
  FlushedLine line_;
};

}  // namespace fencepost
