// Order 4's writing of positions into every message of a batch measured: bare, and by the publication policies.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "fencepost/structures/batch.hpp"
#include "fencepost/bench/publish.hpp"
#include "fencepost/sequencers/configuration.hpp"
#include "fencepost/structures/export_chain.hpp"
#include "fencepost/floor/flush.hpp"
#include "fencepost/floor/lanes.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/sequencers/order4_owner.hpp"
#include "fencepost/structures/publication.hpp"

namespace fencepost {

// Batches of 481 messages of 1 KiB, each behind a header of one line: half a MiB a batch, as in the public
// micro-benchmark of the system that is modelled.
class MessageBatches {
 public:
  static constexpr std::size_t message_count = 481;
  static constexpr std::size_t stride_size = 1088;
  static constexpr std::size_t batch_size = message_count * stride_size;

  explicit MessageBatches(std::size_t batch_count)
      : batch_count_(batch_count),
        bytes_(static_cast<std::byte*>(::operator new(batch_count * batch_size, alignment))) {
    std::memset(bytes_.get(), 0, batch_count * batch_size);
  }

  std::size_t count() const noexcept { return batch_count_; }
  // The first header of a batch; more batches than there are begin again with the first.
  std::byte* first_header(std::size_t batch) const noexcept {
    return bytes_.get() + (batch % batch_count_) * batch_size;
  }

  // Every message of the batch has its place in the batch, and its position, of those that begin at `start`.
  void verify(std::size_t batch, std::uint64_t start) const {
    for (std::size_t message = 0; message < message_count; ++message) {
      std::uint64_t words[4];
      std::memcpy(words, first_header(batch) + message * stride_size, sizeof(words));
      check_count("message, by its place in the batch", message, words[1]);
      check_count("message, by its position", start + message, words[2]);
      check_count("message, by the distance to the next", stride_size, words[3]);
    }
  }

 private:
  static constexpr std::align_val_t alignment{cache_line_size};
  struct Free {
    void operator()(std::byte* bytes) const noexcept { ::operator delete(bytes, alignment); }
  };

  std::size_t batch_count_;
  std::unique_ptr<std::byte[], Free> bytes_;
};

struct NoInstruction {
  static void write_back(const void* /*line*/) noexcept {}
  static void fence() noexcept {}
};

template <class Instruction>
struct WithFence : Instruction {
  static void fence() noexcept { store_fence(); }
};

// Bare: three words into every header; a write-back, and a fence for each message or one for all; then a record, and
// its guard behind a fence. An operation is a batch.
template <class Instruction, bool fences_each>
class BareMessagesProbe final : public Probe {
 public:
  BareMessagesProbe(std::shared_ptr<MessageBatches> batches, std::size_t pass_count)
      : batches_(std::move(batches)), batch_count_(batches_->count() * pass_count), line_() {}

  void prepare(std::size_t /*lane*/) override { first_ += batch_count_ * MessageBatches::message_count; }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    for (std::size_t batch = 0; batch < batch_count_; ++batch) {
      const std::uint64_t start = first_ + batch * MessageBatches::message_count;
      std::byte* header = batches_->first_header(batch);
      for (std::size_t message = 0; message < MessageBatches::message_count; ++message) {
        if (message + prefetch_distance < MessageBatches::message_count) {
          __builtin_prefetch(header + prefetch_distance * MessageBatches::stride_size);
        }
        auto* const words = reinterpret_cast<std::uint64_t*>(header);
        words[1] = message;
        words[2] = start + message;
        words[3] = MessageBatches::stride_size;
        Instruction::write_back(header);
        if constexpr (fences_each) Instruction::fence();
        header += MessageBatches::stride_size;
      }
      line_.word.store(start, std::memory_order_relaxed);
      Instruction::write_back(&line_);
      Instruction::fence();
      line_.word.store(start + 1, std::memory_order_release);
      Instruction::write_back(&line_);
      Instruction::fence();
    }
  }

  void verify() override {
    for (std::size_t back = 1; back <= batches_->count(); ++back) {
      const std::size_t batch = batch_count_ - back;
      batches_->verify(batch, first_ + batch * MessageBatches::message_count);
    }
  }

 private:
  static constexpr std::size_t prefetch_distance = 8;  // headers ahead

  std::shared_ptr<MessageBatches> batches_;
  const std::size_t batch_count_;
  FlushedLine line_;
  std::uint64_t first_ = 0;
};

// order4.owner, one client in order, and the policy's publication of each batch with all its messages.
template <class Memory, class Policy>
class PublishMessagesProbe final : public Probe {
 public:
  PublishMessagesProbe(std::shared_ptr<MessageBatches> batches, std::size_t pass_count)
      : batches_(std::move(batches)), batch_count_(batches_->count() * pass_count) {}

  void prepare(std::size_t /*lane*/) override {
    first_ += batch_count_ * MessageBatches::message_count;
    ring_ = std::make_unique<LapRing<Memory, ExportRecord>>(batch_count_, 1);
    Configuration configuration;
    configuration.first_position = first_;
    sequencer_ = std::make_unique<Order4Owner<Coherent>>(configuration);
  }

  void work(std::size_t /*lane*/, const StopFlag& /*stop*/) override {
    Policy policy;
    Sink sink{*this, policy};
    auto& worker = sequencer_->worker(0);
    for (std::size_t batch = 0; batch < batch_count_; ++batch) {
      worker.take(Batch{0, batch, MessageBatches::message_count}, batch, sink);
    }
    policy.finish(*ring_);
  }

  void verify() override {
    check_count("batches published", batch_count_, ring_->raised_count());
    for (std::size_t back = 1; back <= batches_->count(); ++back) {
      const std::size_t batch = batch_count_ - back;
      batches_->verify(batch, first_ + batch * MessageBatches::message_count);
    }
  }

 private:
  struct Sink {
    PublishMessagesProbe& self;
    Policy& policy;

    void ordered(const Batch& batch, std::uint64_t origin, std::uint64_t start, bool /*was_parked*/) noexcept {
      const MessageHeaders<Memory> messages(self.batches_->first_header(origin), MessageBatches::stride_size,
                                            MessageBatches::message_count);
      const ExportRecord record{batch.client_id, batch.batch_seq, start, batch.message_count, origin};
      policy.publish(*self.ring_, record, messages, start);
    }
    void dropped(const Batch& /*batch*/, std::uint64_t /*origin*/) noexcept {}
  };

  std::shared_ptr<MessageBatches> batches_;
  const std::size_t batch_count_;
  std::unique_ptr<LapRing<Memory, ExportRecord>> ring_;
  std::unique_ptr<Order4Owner<Coherent>> sequencer_;
  std::uint64_t first_ = 0;
};

}  // namespace fencepost
