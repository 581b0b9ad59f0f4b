// Roles around the sequencers, each with one place changed: for the stepped build, so that what finds faults has them to
// find. The programs beside them, in Python: model/museum/.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "fencepost/pipeline/roles/committer.hpp"
#include "fencepost/pipeline/roles/joining.hpp"
#include "fencepost/pipeline/acknowledger.hpp"
#include "fencepost/pipeline/receiver.hpp"
#include "fencepost/pipeline/roles/position_reader.hpp"
#include "fencepost/pipeline/subscriber.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

// A broker says that its ring is there, and then wipes what another left in it.
template <class Memory>
class AnnouncesFirst : public Joining<Memory> {
 public:
  using Joining<Memory>::Joining;

  void run(std::span<const Arriving> batches) {
    this->announce();
    this->wipe();
    this->memory_.store_fence();
    this->receive(batches);
  }
};

// One fence for the wiped guards and for the word that says that the ring is there.
template <class Memory>
class WipesAndAnnounces : public Joining<Memory> {
 public:
  using Joining<Memory>::Joining;

  void run(std::span<const Arriving> batches) {
    this->wipe();
    this->announce();
    this->receive(batches);
  }
};

// The guard is stored before one of the fields that it vouches for: what is read then is a torn pair.
template <class Memory>
class GuardAmongFields final : public Receiver<Memory> {
 public:
  using Receiver<Memory>::Receiver;

 private:
  void write_header(const Batch& batch) override {
    const LineIndex header = this->header();
    this->memory_.store({header, seq_word}, batch.seq);
    this->memory_.store({header, count_word}, batch.count);
    this->store_guard(batch);
    this->memory_.store({header, client_word}, batch.client);
    this->memory_.flush(header);
    this->memory_.store_fence();
  }
};

// The header, with its guard, is written before the payload.
template <class Memory>
class OrderBeforePayload final : public Receiver<Memory> {
 public:
  using Receiver<Memory>::Receiver;

 private:
  void write_slot(const Batch& batch) override {
    this->write_header(batch);
    this->write_payload(batch);
    this->memory_.store_fence();
  }
};

// A batch without messages is let in, though zero messages is how an unwritten header looks.
template <class Memory>
class ZeroMessageBlocks final : public Receiver<Memory> {
 public:
  using Receiver<Memory>::Receiver;

 private:
  bool accepts(const Batch&) const override { return true; }
};

// Only the first slot of a lap waits until it was consumed.
template <class Memory>
class OnlySlotZeroProtected final : public Receiver<Memory> {
 public:
  using Receiver<Memory>::Receiver;

 private:
  bool wait_for_space() override { return !this->is_first_of_lap() || Receiver<Memory>::wait_for_space(); }
};

// One of several that fill a ring stores the guard while the payload is on its way: one fence for both.
template <class Memory>
class PublishesWhileItFills final : public Receiver<Memory, true> {
 public:
  using Receiver<Memory, true>::Receiver;

 private:
  void write_slot(const Batch& batch) override {
    this->write_payload(batch);
    this->write_header(batch);
  }
};

// The acknowledger greets with the count 0; a client takes it for an offset: its first batch is done.
template <class Memory>
class PhantomFirstAck final : public Acknowledger<Memory> {
 public:
  using Acknowledger<Memory>::Acknowledger;

  void run() {
    for (std::size_t place = 0; place < this->client_count(); ++place) this->tell(place, 1);
    Acknowledger<Memory>::run();
  }
};

// The reader drops its copy of a payload line before every 64th batch only.
template <class Memory>
class InvalidateEvery64 final : public Subscriber<Memory> {
 public:
  using Subscriber<Memory>::Subscriber;

 private:
  void invalidate(LineIndex payload) override {
    if (++batch_count_ % 64 == 0) Subscriber<Memory>::invalidate(payload);
  }

  std::uint32_t batch_count_ = 0;
};

// The frontier moves to the end of whatever was copied last, in the order in which entries are found.
template <class Memory>
class CommitsWhatComes final : public Committer<Memory> {
 public:
  using Committer<Memory>::Committer;

 private:
  void commit() override {
    std::ranges::sort(this->early_, {}, &Committer<Memory>::Early::start);
    for (const auto& batch : this->early_) {
      this->copy(batch);
      this->rings_[batch.ring].pass_by(batch.index);
    }
    this->early_.clear();
  }
};

// A batch's messages are copied from the last one on, to its positions from the first one on.
template <class Memory>
class CopiesBackwards final : public Committer<Memory> {
 public:
  using Committer<Memory>::Committer;

 private:
  Value number_at(Value place, Value count) const override { return count - 1 - place; }
};

// Between the flushes of the log's lines and the frontier there is no fence.
template <class Memory>
class CommitsInOneGo final : public Committer<Memory> {
 public:
  using Committer<Memory>::Committer;

 private:
  void finish_copy() override {}
};

// What the host's cache has of a line of the log is taken for what is there.
template <class Memory>
class ReadsItsCopy final : public PositionReader<Memory> {
 public:
  using PositionReader<Memory>::PositionReader;

 private:
  void invalidate(LineIndex) override {}
};

}  // namespace fencepost::pipeline
