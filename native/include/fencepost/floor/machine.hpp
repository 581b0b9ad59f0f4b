// What the machine at hand is and can do: asked of it, never assumed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sched.h>
#include <sys/resource.h>
#endif

namespace fencepost {

struct CacheInstructions {
  bool clflushopt = false;
  bool clwb = false;
};

// CPUID leaf 7, register ebx: bit 23 is clflushopt, bit 24 is clwb (Intel SDM volume 2, CPUID).
inline CacheInstructions cache_instructions() noexcept {
  CacheInstructions found;
#if defined(__x86_64__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0) {
    found.clflushopt = (ebx >> 23 & 1U) != 0;
    found.clwb = (ebx >> 24 & 1U) != 0;
  }
#endif
  return found;
}

// The processor's own name, from CPUID leaves 0x80000002..4; empty where it has none to give.
inline std::string cpu_model() {
#if defined(__x86_64__)
  char text[49] = {};
  for (unsigned leaf = 0; leaf < 3; ++leaf) {
    unsigned words[4] = {};
    if (__get_cpuid(0x80000002U + leaf, &words[0], &words[1], &words[2], &words[3]) == 0) return {};
    std::memcpy(text + leaf * 16, words, 16);
  }
  const std::string name(text);
  const auto first = name.find_first_not_of(' ');
  return first == std::string::npos ? std::string() : name.substr(first, name.find_last_not_of(' ') - first + 1);
#else
  return {};
#endif
}

// The cores this process may run on, in rising order. Empty where the system does not say.
inline std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
  }
#endif
  return cpus;
}

// Keeps the calling thread on one core. Returns the core it is on then, -1 if it was not done.
inline int pin_this_thread([[maybe_unused]] int cpu) noexcept {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0) return -1;  // 0 is the calling thread
  return sched_getcpu() == cpu ? cpu : -1;
#else
  return -1;
#endif
}

// How often the calling thread was made to leave its core so far; 0 where the system does not say.
inline std::int64_t preemption_count() noexcept {
#if defined(__linux__)
  rusage usage{};
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
#else
  return 0;
#endif
}

}  // namespace fencepost
