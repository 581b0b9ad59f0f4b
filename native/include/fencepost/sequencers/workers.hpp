// The two kinds of sequencers: shared by all threads, or made of workers with one thread each.
#pragma once

namespace fencepost {

// Which rings a worker reads.
enum class Reading {
  own_ring,    // worker i reads ring i, and nobody else does
  every_ring,  // each worker reads all rings and leaves to the others what is theirs
};

// A sequencer that orders through workers, each used by one thread; the others are shared by all threads.
template <class Sequencer>
concept HasWorkers = requires { Sequencer::reading; };

}  // namespace fencepost
