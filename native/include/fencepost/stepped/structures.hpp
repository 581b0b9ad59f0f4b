// The programs of the shared structures under somebody else's schedule: built by name, explored, or run once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fencepost/structures/limits.hpp"
#include "fencepost/stepped/search/explore.hpp"
#include "fencepost/stepped/system.hpp"
#include "fencepost/stepped/structure_programs.hpp"

namespace fencepost::stepped {

inline constexpr std::string_view structure_names = "lap_ring, export_chain, ack_frontier or client_table";

class Structure {
 public:
  // `numbers` say which program of that name: model/programs/structures/. Throws Refused for what there is not.
  Structure(std::string_view name, std::span<const std::int64_t> numbers, const Profile& profile, const Matrix& matrix) {
    Numbers given(numbers);
    if (name == "lap_ring") {
      make_lap_ring(given);
    } else if (name == "export_chain") {
      make_export_chain(given);
    } else if (name == "ack_frontier") {
      make_ack_frontier(given);
    } else if (name == "client_table") {
      make_client_table(given);
    } else {
      throw Refused("unknown structure '" + std::string(name) + "': expected " + std::string(structure_names));
    }
    if (!given.is_empty()) throw Refused("the program of " + std::string(name) + " has numbers left over");
    system_ = std::make_unique<System>(std::move(threads_), profile, matrix, shape(), nullptr);
  }

  System& system() { return *system_; }
  const System& system() const { return *system_; }

 private:
  // Host 0 writes; each reader has a host of its own.
  void make_lap_ring(Numbers& given) {
    const std::size_t policy = given.next("policy", 0, 5);
    RingSizes sizes;
    sizes.slot_count = given.next("slots", 1, 64);
    sizes.value_count = given.next("values", 1, 64);
    sizes.reader_count = given.next("readers", 1, 30);
    sizes.message_count = given.next("messages", 0, 63);
    sizes.fault = static_cast<RingFault>(given.next("fault", 0, 2));
    switch (policy) {
      case 0: return publish_by<PerMessage<SteppedStructures>>(sizes);
      case 1: return publish_by<PerBatch<SteppedStructures>>(sizes);
      case 2: return publish_by<SingleFence<SteppedStructures>>(sizes);
      case 3: return publish_by<PerEpoch<SteppedStructures>>(sizes, epoch_batch_count);
      case 4: return publish_by<Seed<SteppedStructures>>(sizes);
      default: return publish_by<GuardBeforeFence<SteppedStructures>>(sizes);
    }
  }

  template <class Policy, class... Arguments>
  void publish_by(const RingSizes& sizes, Arguments... arguments) {
    using Shared = PublishedRing<Policy>;
    const auto make = [=](std::optional<Shared>& shared) { shared.emplace(sizes, arguments...); };
    add<Shared>(0, make, [](StructureThread&, Shared& shared) { shared.write(); });
    for (std::size_t reader = 0; reader < sizes.reader_count; ++reader) {
      add<Shared>(static_cast<Host>(1 + reader), make,
                  [reader](StructureThread& thread, Shared& shared) { shared.read(thread, reader); });
    }
  }

  void make_export_chain(Numbers& given) {
    const Publication publication = policy_of(given);
    const std::size_t slot_count = given.next("slots", 1, 64);
    const std::size_t record_count = given.next("records", 1, 64);
    const std::size_t reader_count = given.next("readers", 1, 30);
    using Shared = ExportChain<SteppedStructures>;
    const auto make = [=](std::optional<Shared>& shared) {
      shared.emplace(slot_count, reader_count, publication, epoch_batch_count);
    };
    add<Shared>(0, make, [=](StructureThread&, Shared& chain) {
      for (std::uint64_t seq = 0; seq < record_count; ++seq) chain.export_blocking(record_of(1, seq, 7 + seq, seq));
      chain.close();
    });
    for (std::size_t reader = 0; reader < reader_count; ++reader) {
      add<Shared>(static_cast<Host>(1 + reader), make,
                  [=](StructureThread& thread, Shared& chain) { follow_chain(thread, chain, reader); });
    }
  }

  // Scanners, acknowledger and client, each on a host of its own.
  void make_ack_frontier(Numbers& given) {
    const Publication publication = policy_of(given);
    const bool is_per_client = given.next("is_per_client", 0, 1) != 0;
    using Shared = AckedChains;
    const auto make = [=](std::optional<Shared>& shared) { shared.emplace(publication, is_per_client); };
    add<Shared>(0, make, [](StructureThread&, Shared& shared) { shared.export_both(); });
    add<Shared>(1, make, [](StructureThread&, Shared& shared) { shared.acknowledge(); });
    add<Shared>(2, make, [](StructureThread& thread, Shared& shared) { shared.ask(thread); });
  }

  // All threads on host 0.
  void make_client_table(Numbers& given) {
    const std::size_t capacity = given.next("capacity", 1, 64);
    const bool exchanges = given.next("exchanges", 0, 1) != 0;
    while (!given.is_empty()) {
      std::vector<std::uint64_t> clients(given.next("clients of a thread", 0, 64));
      for (std::uint64_t& each : clients) each = given.next("client", 0, INT64_MAX);
      exchanges ? add_look_ups<SteppedStructures>(capacity, std::move(clients))
                : add_look_ups<WithoutExchange>(capacity, std::move(clients));
    }
  }

  template <class Memory>
  void add_look_ups(std::size_t capacity, std::vector<std::uint64_t> clients) {
    using Shared = ClientTable<Memory>;
    add<Shared>(
        0, [=](std::optional<Shared>& shared) { shared.emplace(capacity); },
        [clients = std::move(clients)](StructureThread& thread, Shared& table) { look_up(thread, table, clients); });
  }

  // The policies of a chain, as the model numbers them: the one that is wrong on purpose is not among them.
  static Publication policy_of(Numbers& given) {
    constexpr Publication policies[] = {Publication::per_message, Publication::per_batch, Publication::single_fence,
                                        Publication::epoch, Publication::seed};
    return policies[given.next("policy", 0, 4)];
  }

  template <class Shared>
  void add(Host host, typename ThreadWith<Shared>::Make make, typename ThreadWith<Shared>::Body body) {
    checked("threads", static_cast<std::int64_t>(threads_.hosts.size()) + 1, 1, thread_max);
    auto thread = std::make_unique<ThreadWith<Shared>>(std::move(make), std::move(body));
    programs_.push_back(thread.get());
    threads_.hosts.push_back(host);
    threads_.programs.push_back(std::move(thread));
  }

  // The memory as the structure lays it out; every thread's copy does it alike.
  Shape shape() const {
    Shape made;
    made.thread_count = programs_.size();
    for (const Host each : threads_.hosts) made.host_count = std::max<std::size_t>(made.host_count, each + 1);
    programs_.front()->begin();
    made.word_counts = programs_.front()->layout().word_counts();
    made.initial = programs_.front()->layout().initial();
    return made;
  }

  static constexpr std::size_t epoch_batch_count = 2;  // few, so that epochs get full: model/programs/structures/ring.py

  Threads threads_;
  std::vector<StructureThread*> programs_;  // those of `threads_`, then the system's
  std::unique_ptr<System> system_;
};

// What is wrong with what the threads returned, asked once for each end that differs; a line that two hosts store to, if
// that is asked for.
class StructureEnds : public Ends {
 public:
  explicit StructureEnds(bool asks_single_writer) : asks_single_writer_(asks_single_writer) {}

  using Returned = std::vector<std::optional<std::vector<Value>>>;  // by thread; none of one that waits for ever

  bool wrong(const System& system) override {
    Returned returned;
    for (std::uint32_t thread = 0; thread < system.thread_count(); ++thread) {
      const bool ended = system.pending(thread) == nullptr;
      returned.push_back(ended ? std::optional(system.nodes(thread).returned(system.cells().node(thread))) : std::nullopt);
    }
    auto found = known_.find(returned);
    if (found == known_.end()) found = known_.emplace(returned, wrong_at_end(returned)).first;
    return found->second || (asks_single_writer_ && has_two_writers(system));
  }

 protected:
  virtual bool wrong_at_end(const Returned& returned) = 0;

 private:
  const bool asks_single_writer_;
  std::map<Returned, bool> known_;
};

}  // namespace fencepost::stepped
