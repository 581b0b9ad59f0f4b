// What one host tells another, access by access, as the production templates make them: publications, and single words.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "fencepost/structures/ack_frontier.hpp"
#include "fencepost/structures/export_chain.hpp"
#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/recorded.hpp"
#include "fencepost/structures/publication.hpp"

namespace fencepost {

// Kind, line and word of each access; lines are numbered as they first occur, words count from the line's start.
using RecordedRow = std::array<std::int64_t, 3>;

struct RecordedPublication {
  std::vector<RecordedRow> writer;
  std::vector<RecordedRow> reader;
};

// What this thread did since it was last asked, lines numbered as they first occur.
class AccessRecorder {
 public:
  std::vector<RecordedRow> taken() {
    std::vector<RecordedRow> rows;
    for (const RecordedAccess& each : Recorded::record()) {
      const bool is_fence = each.address == 0;
      const auto word = static_cast<std::int64_t>(each.address % cache_line_size / sizeof(std::uint64_t));
      rows.push_back({static_cast<std::int64_t>(each.kind), is_fence ? -1 : line_index(each.address),
                      is_fence ? -1 : word});
    }
    forget();
    return rows;
  }

  static void forget() { Recorded::record().clear(); }

 private:
  std::int64_t line_index(std::uintptr_t address) {
    const std::uintptr_t line = address / cache_line_size;
    const auto found = std::find(lines_.begin(), lines_.end(), line);
    if (found == lines_.end()) {
      lines_.push_back(line);
      return static_cast<std::int64_t>(lines_.size()) - 1;
    }
    return found - lines_.begin();
  }

  std::vector<std::uintptr_t> lines_;
};

using RecordedChain = LapRing<Recorded, ExportRecord>;

class PublicationRecorder {
 public:
  explicit PublicationRecorder(std::size_t message_count)
      : headers_(std::make_unique<MessageHeader<Recorded>[]>(message_count)), message_count_(message_count) {}

  // A batch that begins at 7 goes through `policy`; then a subscriber reads what it is offered.
  template <class Policy>
  RecordedPublication run(Policy policy) {
    RecordedChain ring(2, 1);
    const bool has_room = ring.has_room(1);
    RecordedPublication result;
    AccessRecorder::forget();
    if (has_room) policy.publish(ring, ExportRecord{1, 1, 7, message_count_, 1}, messages(), 7);
    policy.finish(ring);
    result.writer = recorder_.taken();
    RecordedChain::Reader reader(ring, 0);
    if (reader.readable_count(1) == 1) read(reader.at(0));
    result.reader = recorder_.taken();
    return result;
  }

 private:
  MessageHeaders<Recorded> messages() noexcept {
    return {reinterpret_cast<std::byte*>(headers_.get()), sizeof(MessageHeader<Recorded>), message_count_};
  }

  // As a subscriber does: what is already here of a line may be older than what the guard vouches for.
  void read(const ExportRecord& record) {
    for (std::size_t index = 0; index < record.message_count; ++index) {
      Recorded::invalidate(&headers_[index]);
      Recorded::full_fence();
      Recorded::read(headers_[index].position);
    }
  }

  std::unique_ptr<MessageHeader<Recorded>[]> headers_;
  std::size_t message_count_;
  AccessRecorder recorder_;
};

// What is told another host beside batches, each by one word:
//   hand_back      a reader gives a slot back, and the writer of the ring looks whether it has room
//   close          a ring is closed, and a reader looks whether it is finished
//   acknowledge    the frontier of a client moves, and the client looks; and another one, of whom nothing is known
enum class HandOver : std::uint8_t { hand_back, close, acknowledge };

inline constexpr std::string_view hand_over_names[] = {"hand_back", "close", "acknowledge"};

inline RecordedPublication record_hand_over(HandOver hand_over) {
  AccessRecorder recorder;
  RecordedChain ring(1, 1);
  RecordedChain::Reader reader(ring, 0);
  AckFrontier frontier(2, true);
  frontier.catch_up(1, 0);  // the client is known: its bucket is not part of what is told
  RecordedPublication result;
  if (hand_over != HandOver::close) {
    ring.place(ExportRecord{1, 0, 7, 1, 0});
    ring.raise();
  }
  AccessRecorder::forget();
  switch (hand_over) {
    case HandOver::hand_back:
      reader.consume(reader.readable_count(1));
      result.writer = recorder.taken();
      ring.has_room(1);
      break;
    case HandOver::close:
      ring.close();
      result.writer = recorder.taken();
      reader.is_finished();
      break;
    case HandOver::acknowledge:
      frontier.advance<Recorded>(std::span(&reader, 1));
      result.writer = recorder.taken();
      frontier.acked_count<Recorded>(1);
      frontier.acked_count<Recorded>(2);
      break;
  }
  result.reader = recorder.taken();
  return result;
}

inline RecordedPublication record_publication(Publication publication, std::size_t message_count) {
  PublicationRecorder recorder(message_count);
  switch (publication) {
    case Publication::per_message:
      return recorder.run(PerMessage<Recorded>{});
    case Publication::per_batch:
      return recorder.run(PerBatch<Recorded>{});
    case Publication::epoch:
      return recorder.run(PerEpoch<Recorded>(2));
    case Publication::seed:
      return recorder.run(Seed<Recorded>{});
    case Publication::none:
    case Publication::single_fence:
      break;
  }
  return recorder.run(SingleFence<Recorded>{});
}

}  // namespace fencepost
