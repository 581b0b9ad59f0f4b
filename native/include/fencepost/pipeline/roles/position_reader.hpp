// A reader by position: takes message after message of the log, as far as the frontier says.
#pragma once

#include <cstdint>

#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/words.hpp"

namespace fencepost::pipeline {

// Reads the log behind the committed word, from a host of its own. It knows neither rings nor chains.
template <class Memory>
class PositionReader {
 public:
  PositionReader(Memory& memory, const Layout& layout, std::uint32_t number)
      : memory_(memory), layout_(layout), number_(number) {}
  PositionReader(const PositionReader&) = delete;
  PositionReader& operator=(const PositionReader&) = delete;
  virtual ~PositionReader() = default;

  // BLOCKS until the run is to end: waits until the frontier has moved, and reads up to it. Allocates nothing.
  void run() {
    Value committed = 0, position = 0;
    while (true) {
      const Watched watched{layout_.committed(), committed, true};
      const Result found = memory_.poll({&watched, 1});
      if (found.stopped()) return;
      for (committed = found.value; position < committed; ++position) read(position);
    }
  }

 protected:
  // Drops this host's copy of a line of the log: it may have come here before the line was written.
  virtual void invalidate(LineIndex line) {
    memory_.flush(line);
    memory_.full_fence();
  }

 private:
  void read(Value position) {
    const Word entry = layout_.log(position);
    invalidate(entry.line);
    const Value message = memory_.load(entry, Memory::computed(found, number_, position));
    memory_.read_at(number_, position, message);
  }

  // Whose message was found, and which of its batch.
  static Step found(const Step& given, Value value) {
    const Message message = unpack_message(value);
    return step(Action::read, given.arguments[0], given.arguments[1], message.client, message.seq, message.number);
  }

  Memory& memory_;
  const Layout& layout_;
  const std::uint32_t number_;
};

}  // namespace fencepost::pipeline
