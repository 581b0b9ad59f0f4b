// The memory policy for several hosts: std::atomic inside the host, cache-line instructions towards the others.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/coherent.hpp"

namespace fencepost {

enum class LineInstruction : std::uint8_t {
  none,
  clflushopt,  // writes back and drops the line; needed by readers, who must not find an old copy
  clwb,        // writes back and may keep the line, which its writer is about to touch again
};

inline constexpr std::string_view line_instruction_names[] = {"none", "clflushopt", "clwb"};

// What this machine has, by CPUID leaf 7.
inline bool has_line_instruction(LineInstruction instruction) noexcept {
  if (instruction == LineInstruction::none) return true;
#if defined(__x86_64__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  return (ebx >> (instruction == LineInstruction::clflushopt ? 23 : 24) & 1U) != 0;
#else
  return false;
#endif
}

// Throws Refused where the machine lacks the instruction, or the one that readers need beside it.
inline void require_line_instruction(LineInstruction instruction) {
  for (const LineInstruction needed : {instruction, LineInstruction::clflushopt}) {
    if (instruction == LineInstruction::none || has_line_instruction(needed)) continue;
    throw Refused("this machine has no " + std::string(line_instruction_names[static_cast<std::size_t>(needed)]) +
                  " (CPUID leaf 7): publication 'none' needs no cache-line instruction, for threads of one host");
  }
}

// Coherent, and with it every atomic of one host; write_back is `instruction`. Whoever uses it has asked
// require_line_instruction() before. The instructions are written out, so that no compiler flag is needed for them.
template <LineInstruction instruction>
struct Flushing : Coherent {
#if defined(__x86_64__)
  static void write_back(const void* address) noexcept {
    if constexpr (instruction == LineInstruction::clwb) {
      asm volatile("clwb (%0)" : : "r"(address) : "memory");
    } else {
      asm volatile("clflushopt (%0)" : : "r"(address) : "memory");
    }
  }
  static void invalidate(const void* address) noexcept {
    asm volatile("clflushopt (%0)" : : "r"(address) : "memory");
  }
  static void fence() noexcept { asm volatile("sfence" : : : "memory"); }
  static void full_fence() noexcept { asm volatile("mfence" : : : "memory"); }
#endif
};

}  // namespace fencepost
