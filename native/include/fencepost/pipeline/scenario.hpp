// A whole run of the pipeline: what arrives, which threads take part, on which host. model/programs/pipeline.py.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fencepost/structures/limits.hpp"
#include "fencepost/memory/stepped.hpp"
#include "fencepost/pipeline/acknowledger.hpp"
#include "fencepost/pipeline/client.hpp"
#include "fencepost/pipeline/roles/committer.hpp"
#include "fencepost/pipeline/roles/clock.hpp"
#include "fencepost/pipeline/delegation.hpp"
#include "fencepost/pipeline/roles/joining.hpp"
#include "fencepost/pipeline/layout.hpp"
#include "fencepost/pipeline/roles/position_reader.hpp"
#include "fencepost/pipeline/receiver.hpp"
#include "fencepost/pipeline/scanners/epoch4.hpp"
#include "fencepost/pipeline/scanners/epoch5.hpp"
#include "fencepost/pipeline/scanners/order4.hpp"
#include "fencepost/pipeline/scanners/order5.hpp"
#include "fencepost/pipeline/scanners/owner.hpp"
#include "fencepost/pipeline/subscriber.hpp"
#include "fencepost/pipeline/words.hpp"
#include "fencepost/pipeline/roles/stoppable.hpp"
#include "fencepost/pipeline/roles/supervisor.hpp"
#include "fencepost/pipeline/roles/wrong_roles.hpp"
#include "fencepost/stepped/system.hpp"
#include "fencepost/stepped/telling.hpp"

namespace fencepost::pipeline {

// Each position of the log is a line of the stepped memory.
inline constexpr std::int64_t position_max = 256;

enum class Role : std::uint8_t {
  scanner, receiver, delegation, subscriber, committer, reader, acknowledger, client, supervisor, clock,
};

struct Scenario {
  std::vector<std::vector<Arriving>> rings;  // empty ones with `plans`
  std::uint32_t slots = 4;
  bool written = false;  // the batches are in the rings when the run begins
  std::vector<std::vector<Arriving>> later;  // with `written`, what a receiver for each ring adds to that
  bool delegated = false;
  bool subscribers = false;
  bool acknowledgers = false;
  std::vector<std::vector<Sending>> plans;  // of each client
  bool restarts = false;
  std::uint32_t connections = 1;  // receivers that fill a ring together; its batches come on one after the other
  std::uint32_t timeouts = 0;     // of the waits of each scanner, at any moments
  std::uint32_t readers = 0;      // of the log, by position; a committer takes the place of the subscribers
  bool stops = false;             // each scanner is stopped once, at any moment, and another goes on in its place
  std::uint32_t late_count = 0;   // the last so many rings, whose brokers join while the others run

  // The clients whose batches come to a ring.
  std::vector<Value> clients(std::size_t ring) const {
    std::vector<Value> found;
    if (!plans.empty()) {
      for (std::size_t client = 0; client < plans.size(); ++client) found.push_back(static_cast<Value>(client));
      return found;
    }
    for (const Arriving& each : rings[ring]) found.push_back(each.batch.client);
    if (!later.empty()) {
      for (const Arriving& each : later[ring]) found.push_back(each.batch.client);
    }
    std::ranges::sort(found);
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }

  // What comes to a ring while the run goes on, on one of its connections.
  std::vector<Arriving> received(std::size_t ring, std::uint32_t connection) const {
    const std::vector<Arriving>& all = written ? later[ring] : rings[ring];
    std::vector<Arriving> found;
    for (std::size_t at = connection; at < all.size(); at += connections) found.push_back(all[at]);
    return found;
  }
  bool joins_late(std::size_t ring) const { return ring + late_count >= rings.size(); }
  // Of clients, of the scanners, of brokers and subscribers; of the committer and the readers.
  std::size_t host_count() const {
    return plans.size() + 1 + 2 * rings.size() + (readers > 0 ? std::size_t{1} + readers : 0);
  }
  bool has_receivers() const { return !plans.empty() || !written || !later.empty(); }

  // Throws Refused for numbers that do not fit their words. `shard_count`: the locks of clients that have lines there;
  // `has_workers`: as many workers as rings read every ring; `has_fields`: those of headers are words of their own.
  Layout layout(std::uint32_t shard_count, bool has_workers, bool has_fields = false) const {
    checked("rings", static_cast<std::int64_t>(rings.size()), 1, 15);
    checked("slots", slots, 1, 1 << 16);
    checked("clients", static_cast<std::int64_t>(plans.size()), 0, 32);
    if (!plans.empty()) checked("connections with clients", connections, 1, 1);
    Value client_count = static_cast<Value>(plans.size());
    if (!later.empty()) {
      checked("rings of later batches", static_cast<std::int64_t>(later.size()), static_cast<std::int64_t>(rings.size()),
              static_cast<std::int64_t>(rings.size()));
    }
    for (const auto* const each : {&rings, &later}) {
      for (const auto& ring : *each) {
        const bool is_written = written && each == &rings;
        checked("batches of a ring", static_cast<std::int64_t>(ring.size()), 0, is_written ? slots : index_max / 2);
        for (const Arriving& arriving : ring) {
          check(arriving.batch, has_fields);
          client_count = std::max(client_count, arriving.batch.client + 1);
        }
      }
    }
    for (const auto& plan : plans) {
      for (const Sending& each : plan) {
        checked("ring", each.ring, 0, static_cast<std::int64_t>(rings.size()) - 1);
        check({0, each.seq, each.count}, false);  // a message, which is one word
      }
    }
    const auto ring_count = static_cast<std::uint32_t>(rings.size());
    checked("brokers that join late", late_count, 0, static_cast<std::int64_t>(ring_count));
    if (late_count > 0) client_count = std::max(client_count, gone_client + 1);
    Additions additions;
    additions.clock_count = timeouts > 0 ? ring_count : 0;
    additions.late_count = late_count;
    additions.stop_count = stops ? ring_count : 0;
    additions.position_count = readers > 0 ? static_cast<std::uint32_t>(position_count()) : 0;
    const std::uint32_t worker_count = has_workers ? ring_count : 1;
    if (has_fields) checked("readers by position, where the fields of headers are words,", readers, 0, 0);
    Layout layout(ring_count, slots, static_cast<std::uint32_t>(client_count), shard_count, worker_count, additions);
    layout.has_fields = has_fields;
    return layout;
  }

 private:
  // Of the log, when all that is sent is ordered, copies too.
  std::int64_t position_count() const {
    std::int64_t count = 0;
    for (const auto* const each : {&rings, &later}) {
      for (const auto& ring : *each) {
        for (const Arriving& arriving : ring) count += arriving.batch.count;
      }
    }
    for (const auto& plan : plans) {
      for (const Sending& each : plan) count += (restarts ? 2 : 1) * each.count;
    }
    count = std::max<std::int64_t>(count, 1);
    checked("messages for readers by position", count, 1, position_max);
    return count;
  }

  static void check(const Batch& batch, bool has_fields) {
    checked("client", batch.client, 0, 255);
    checked("seq", batch.seq, 0, seq_max);
    checked("message count", batch.count, 0, has_fields ? (Value{1} << 32U) - 1 : count_max);
  }
};

}  // namespace fencepost::pipeline

namespace fencepost::stepped {

inline constexpr std::array<std::string_view, 7> pipeline_designs{
    "order5.fetch_add", "order4.claim", "order4.mutex", "order4.sharded_mutex",
    "order4.owner",     "order5.epoch", "order4.epoch"};

// How many scanners there are: one a ring, or one for all.
template <class Scanner>
constexpr std::uint32_t scanner_count(std::uint32_t ring_count) {
  return requires { Scanner::is_the_only_one; } ? 1 : ring_count;
}

struct RoleOf {
  pipeline::Role role;
  std::uint32_t ring;  // of a client, its number
};

// The threads of a run on the stepped memory, scanners first. Layout and scenario must outlive them.
//
// Hosts are numbered in the order of the model's: clients, last one first, have no part in memory; then the scanners'
// host, the brokers, the readers.
template <pipeline::Mutant mutant, template <class> class ScannerOf>
class PipelineThreads {
 public:
  using Memory = SteppedMemory<mutant>;
  using Scenario = pipeline::Scenario;
  using Layout = pipeline::Layout;

  // `fault`: of waits that time out, and of roles around the scanners.
  PipelineThreads(const Scenario& scenario, const Layout& layout, pipeline::Mutant fault)
      : scenario_(scenario), layout_(layout), fault_(fault) {
    using namespace pipeline;
    const auto ring_count = static_cast<std::uint32_t>(scenario.rings.size());
    const auto client_count = static_cast<Host>(scenario.plans.size());
    const bool has_plans = client_count > 0;
    const auto of_rings = [&](bool present, Role role, auto&& add) {
      const std::uint32_t count = role == Role::scanner ? scanner_count<ScannerOf<Memory>>(ring_count) : ring_count;
      for (std::uint32_t ring = 0; present && ring < count; ++ring) {
        const Host broker = client_count + 1 + ring, reader = client_count + 1 + ring_count + ring;
        const bool is_beside_scanners =
            (role == Role::scanner || role == Role::supervisor) && fault != Mutant::counter_spans_hosts;
        const Host host = is_beside_scanners ? client_count : role == Role::subscriber ? reader : broker;
        roles_.push_back({role, ring});
        threads_.hosts.push_back(host);
        add(ring);
      }
    };
    of_rings(true, Role::scanner, [&, sequencer = stepped_sequencer<typename ScannerOf<Memory>::Sequencer>(layout)](std::uint32_t ring) {
              add_scanner(ring, sequencer);
            });
    for (std::uint32_t ring = 0; scenario.has_receivers() && ring < ring_count; ++ring) {
      if (scenario.joins_late(ring)) {
        roles_.push_back({Role::receiver, ring});
        threads_.hosts.push_back(client_count + 1 + ring);
        add_joining(ring);
        continue;
      }
      for (std::uint32_t connection = 0; connection < scenario.connections; ++connection) {
        roles_.push_back({Role::receiver, ring});
        threads_.hosts.push_back(client_count + 1 + ring);
        add_receiver(ring, connection, has_plans);
      }
    }
    of_rings(scenario.delegated, Role::delegation, [&](std::uint32_t ring) { add<Delegation<Memory>>(ring); });
    of_rings(scenario.subscribers, Role::subscriber, [&](std::uint32_t ring) {
      fault == Mutant::invalidate_every_64 ? add<InvalidateEvery64<Memory>>(ring) : add<pipeline::Subscriber<Memory>>(ring);
    });
    if (scenario.readers > 0) add_readers(client_count + 1 + 2 * ring_count);
    of_rings(scenario.acknowledgers || has_plans, Role::acknowledger,
             [&](std::uint32_t ring) {
               fault == Mutant::phantom_first_ack ? add<PhantomFirstAck<Memory>>(ring, scenario.clients(ring))
                                                  : add<pipeline::Acknowledger<Memory>>(ring, scenario.clients(ring));
             });
    for (std::uint32_t client = 0; client < client_count; ++client) {
      roles_.push_back({Role::client, client});
      threads_.hosts.push_back(client_count - 1 - client);
      add<Client<Memory>>(client, scenario.plans[client], ScannerOf<Memory>::level, scenario.restarts);
    }
    of_rings(scenario.stops, Role::supervisor, [&](std::uint32_t ring) { add<Supervisor<Memory>>(ring); });
    for (std::uint32_t ring = 0; scenario.timeouts > 0 && ring < scanner_count<ScannerOf<Memory>>(ring_count); ++ring) {
      roles_.push_back({Role::clock, ring});
      threads_.hosts.push_back(client_count);
      add<pipeline::Clock<Memory>>(ring, scenario.timeouts);
    }
    checked("threads", static_cast<std::int64_t>(threads_.hosts.size()), 1, thread_max);
  }

  Threads take() { return std::move(threads_); }
  const std::vector<RoleOf>& roles() const { return roles_; }

 private:
  template <class Role, class... Arguments>
  void add(std::uint32_t number, Arguments... arguments) {
    add_running<Role>([](Role& role) { role.run(); }, number, arguments...);
  }

  template <class Sequencer>
  void add_scanner(std::uint32_t ring, const std::shared_ptr<Sequencer>& sequencer) {
    using Scanner = ScannerOf<Memory>;
    auto make = [this_layout = &layout_, ring, delegated = scenario_.delegated, sequencer,
                 may_time_out = scenario_.timeouts > 0, fault = fault_](Memory& memory, std::optional<Scanner>& role) {
      if (may_time_out) memory.wait_by(*this_layout, ring, fault);
      role.emplace(memory, *this_layout, ring, delegated, sequencer);
    };
    if (scenario_.stops) {
      if constexpr (requires(const Scanner& scanner) { scanner.hand_over(); }) {
        using Program = StoppableProgram<mutant, Scanner>;
        threads_.programs.push_back(std::make_unique<Program>(layout_, ring, fault_, std::move(make)));
        return;
      } else {
        throw Refused("workers, which read every ring, are not stopped: expected no stops");
      }
    }
    auto run = [](Scanner& role) { role.run(); };
    threads_.programs.push_back(std::make_unique<RoleProgram<mutant, Scanner>>(std::move(make), std::move(run)));
  }

  template <class Role, class Run, class... Arguments>
  void add_running(Run run, Arguments... arguments) {
    auto make = [this_layout = &layout_, arguments...](Memory& memory, std::optional<Role>& role) {
      role.emplace(memory, *this_layout, arguments...);
    };
    threads_.programs.push_back(std::make_unique<RoleProgram<mutant, Role>>(std::move(make), std::move(run)));
  }

  void add_joining(std::uint32_t ring) {
    using namespace pipeline;
    const auto add_one = [&]<class Joins>() {
      add_running<Joins>([batches = scenario_.received(ring, 0)](Joins& role) { role.run(batches); }, ring);
    };
    switch (fault_) {
      case Mutant::announced_before_wiped: return add_one.template operator()<AnnouncesFirst<Memory>>();
      case Mutant::wiped_with_the_announcement: return add_one.template operator()<WipesAndAnnounces<Memory>>();
      default: return add_one.template operator()<Joining<Memory>>();
    }
  }

  // The committer on this host, and each reader on one of its own behind it.
  void add_readers(Host host) {
    using namespace pipeline;
    const auto add_committer = [&]<class Commits>() { add_running<Commits>([](Commits& role) { role.run(); }); };
    roles_.push_back({Role::committer, 0});
    threads_.hosts.push_back(host);
    switch (fault_) {
      case Mutant::frontier_jumps: add_committer.template operator()<CommitsWhatComes<Memory>>(); break;
      case Mutant::copied_backwards: add_committer.template operator()<CopiesBackwards<Memory>>(); break;
      case Mutant::log_and_frontier_in_one_go: add_committer.template operator()<CommitsInOneGo<Memory>>(); break;
      default: add_committer.template operator()<Committer<Memory>>();
    }
    for (std::uint32_t reader = 0; reader < scenario_.readers; ++reader) {
      roles_.push_back({Role::reader, reader});
      threads_.hosts.push_back(host + 1 + reader);
      if (fault_ == Mutant::log_read_in_cache) {
        add<ReadsItsCopy<Memory>>(reader);
      } else {
        add<PositionReader<Memory>>(reader);
      }
    }
  }

  void add_receiver(std::uint32_t ring, std::uint32_t connection, bool serves) {
    if (serves) {
      using Receiver = pipeline::Receiver<Memory>;
      add_running<Receiver>([](Receiver& role) { role.serve(); }, ring, pipeline::Value{0});
    } else if (scenario_.connections > 1) {
      using namespace pipeline;
      const bool is_wrong = fault_ == Mutant::published_while_filled;
      is_wrong ? add_filling<PublishesWhileItFills<Memory>>(ring, connection)
               : add_filling<Receiver<Memory, true>>(ring, connection);
    } else {
      add_the_only_one(ring);
    }
  }

  // The only receiver that fills a ring.
  void add_the_only_one(std::uint32_t ring) {
    using namespace pipeline;
    switch (fault_) {
      case Mutant::guard_among_fields: return add_filling<GuardAmongFields<Memory>>(ring, 0);
      case Mutant::order_before_payload: return add_filling<OrderBeforePayload<Memory>>(ring, 0);
      case Mutant::zero_message_blocks: return add_filling<ZeroMessageBlocks<Memory>>(ring, 0);
      case Mutant::only_slot_zero_protected: return add_filling<OnlySlotZeroProtected<Memory>>(ring, 0);
      default: return add_filling<Receiver<Memory>>(ring, 0);
    }
  }

  template <class Receiver>
  void add_filling(std::uint32_t ring, std::uint32_t connection) {
    const auto first = static_cast<pipeline::Value>(scenario_.written ? scenario_.rings[ring].size() : 0);
    add_running<Receiver>([batches = scenario_.received(ring, connection)](Receiver& role) { role.run(batches); }, ring,
                          first);
  }

  const Scenario& scenario_;
  const Layout& layout_;
  const pipeline::Mutant fault_;
  Threads threads_;
  std::vector<RoleOf> roles_;
};

// The shape of memory when a run begins.
inline Shape shape_of(const pipeline::Scenario& scenario, const pipeline::Layout& layout, std::size_t thread_count) {
  Shape shape;
  shape.host_count = scenario.host_count();
  shape.thread_count = thread_count;
  shape.channel_count = layout.channel_count();
  for (LineIndex line = 0; line < layout.line_count(); ++line) {
    shape.word_counts.push_back(layout.name(line).word_count);
    shape.initial.push_back({});
  }
  const auto fill = [&](std::uint32_t ring, Value index, const pipeline::Batch& batch) {
    shape.initial[layout.payload(ring, index)][0] = pack(pipeline::Batch{batch.client, batch.seq, 0});
    auto& header = shape.initial[layout.header(ring, index)];
    if (layout.has_fields) {
      header[pipeline::client_word] = batch.client;
      header[pipeline::seq_word] = batch.seq;
      header[pipeline::count_word] = layout.kept_count(batch.count);
    } else {
      header[pipeline::batch_word] = pack(batch);
    }
    header[layout.header_words() - 1] = pipeline::full_index(index);
  };
  for (std::uint32_t ring = 0; ring < layout.ring_count; ++ring) {
    for (Value index = 0; scenario.joins_late(ring) && index < static_cast<Value>(layout.slots); ++index) {
      fill(ring, index, {pipeline::gone_client, index, 1});  // what a broker that is gone left there
    }
    const auto& batches = scenario.rings[ring];
    for (std::size_t index = 0; scenario.written && index < batches.size(); ++index) {
      fill(ring, static_cast<Value>(index), batches[index].batch);
    }
  }
  return shape;
}

}  // namespace fencepost::stepped
