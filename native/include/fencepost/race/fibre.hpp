// A function with a stack of its own that can be left in the middle and gone on with, in one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <utility>

#if defined(__x86_64__) && !defined(FENCEPOST_SWITCH_BY_UCONTEXT)
#define FENCEPOST_SWITCH_BY_HAND 1
#else
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace fencepost {

#if defined(FENCEPOST_SWITCH_BY_HAND)
// Saves what a called function must keep on the old stack, notes where that is, and goes on with the new one.
__attribute__((naked, noinline)) inline void switch_stacks(void** /*saved*/, void* /*to*/) {
  asm("pushq %rbp\n\t"
      "pushq %rbx\n\t"
      "pushq %r12\n\t"
      "pushq %r13\n\t"
      "pushq %r14\n\t"
      "pushq %r15\n\t"
      "movq %rsp, (%rdi)\n\t"
      "movq %rsi, %rsp\n\t"
      "popq %r15\n\t"
      "popq %r14\n\t"
      "popq %r13\n\t"
      "popq %r12\n\t"
      "popq %rbx\n\t"
      "popq %rbp\n\t"
      "ret");
}
#endif

// What runs on a fibre keeps nothing on its stack that must be destroyed: a fibre that is restarted in the middle drops
// its stack as it is.
class Fibre {
 public:
  Fibre() : stack_(static_cast<std::byte*>(::operator new(stack_size, std::align_val_t{64}))) {}
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;
  virtual ~Fibre() {
#if defined(__SANITIZE_THREAD__)
    if (inner_fibre_ != nullptr) __tsan_destroy_fiber(inner_fibre_);
#endif
  }

  // Begins from the start; runs until it is left or done. Throws what the function throws.
  void restart() {
    done_ = false;
#if defined(__SANITIZE_ADDRESS__)
    // Functions that were dropped in the middle have not taken back what they marked around their variables.
    ASAN_UNPOISON_MEMORY_REGION(stack_.get(), stack_size);
#endif
    prepare();
    enter();
  }

  // Goes on where it was left.
  void enter() {
    switch_in();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

  bool done() const { return done_; }

 protected:
  virtual void run() = 0;

  // Called on the fibre: back to whoever entered it.
  void leave() { switch_out(); }

 private:
  static constexpr std::size_t stack_size = std::size_t{64} << 10U;

  struct Free {
    void operator()(std::byte* stack) const { ::operator delete(stack, std::align_val_t{64}); }
  };

  static void begin(Fibre* fibre) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &fibre->outer_stack_, &fibre->outer_size_);
#endif
    try {
      fibre->run();
    } catch (...) {
      fibre->failure_ = std::current_exception();
    }
    fibre->done_ = true;
    while (true) fibre->switch_out();
  }

#if defined(FENCEPOST_SWITCH_BY_HAND)
  // The first switch pops six registers and returns to `start`, where the stack is aligned as before a call.
  void prepare() {
    void** const top = reinterpret_cast<void**>(stack_.get() + stack_size) - 3;
    *(top + 1) = nullptr;
    *top = reinterpret_cast<void*>(&start);
    inner_ = top - 6;
    for (void** each = top - 6; each != top; ++each) *each = nullptr;
    *(top - 2) = this;                                // popped into %rbx
    *(top - 3) = reinterpret_cast<void*>(&begin);  // popped into %r12
  }

  __attribute__((naked, noinline)) static void start() {
    asm("movq %rbx, %rdi\n\t"
        "call *%r12\n\t"
        "ud2");
  }

  void resume() { switch_stacks(&outer_, inner_); }
  void suspend() { switch_stacks(&inner_, outer_); }

  void* inner_ = nullptr;
  void* outer_ = nullptr;
#else
  void prepare() {
    getcontext(&inner_);
    inner_.uc_stack.ss_sp = stack_.get();
    inner_.uc_stack.ss_size = stack_size;
    inner_.uc_link = nullptr;
    const auto bits = reinterpret_cast<std::uintptr_t>(this);
    makecontext(&inner_, reinterpret_cast<void (*)()>(&start), 2, static_cast<unsigned>(bits),
                static_cast<unsigned>(bits >> 32U));
  }

  static void start(unsigned low, unsigned high) {
    begin(reinterpret_cast<Fibre*>(std::uintptr_t{low} | static_cast<std::uintptr_t>(high) << 32U));
  }

  void resume() { swapcontext(&outer_, &inner_); }
  void suspend() { swapcontext(&inner_, &outer_); }

  ucontext_t inner_{};
  ucontext_t outer_{};
#endif

#if defined(__SANITIZE_ADDRESS__)
  void switch_in() {
    void* kept = nullptr;
    __sanitizer_start_switch_fiber(&kept, stack_.get(), stack_size);
    resume();
    __sanitizer_finish_switch_fiber(kept, nullptr, nullptr);
  }
  void switch_out() {
    void* kept = nullptr;
    __sanitizer_start_switch_fiber(&kept, outer_stack_, outer_size_);
    suspend();
    __sanitizer_finish_switch_fiber(kept, &outer_stack_, &outer_size_);
  }
  const void* outer_stack_ = nullptr;
  std::size_t outer_size_ = 0;
#elif defined(__SANITIZE_THREAD__)
  void switch_in() {
    if (inner_fibre_ == nullptr) inner_fibre_ = __tsan_create_fiber(0);
    outer_fibre_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(inner_fibre_, 0);
    resume();
  }
  void switch_out() {
    __tsan_switch_to_fiber(outer_fibre_, 0);
    suspend();
  }
  void* inner_fibre_ = nullptr;
  void* outer_fibre_ = nullptr;
#else
  void switch_in() { resume(); }
  void switch_out() { suspend(); }
#endif

  std::unique_ptr<std::byte, Free> stack_;
  std::exception_ptr failure_;
  bool done_ = false;
};

}  // namespace fencepost
