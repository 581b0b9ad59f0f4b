// Which numbers of each client are there: gaps (`prefix`) and copies (`once`), in whatever order they come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <limits>
#include <map>
#include <vector>

#include "fencepost/history/groups.hpp"
#include "fencepost/history/order.hpp"

namespace fencepost {

constexpr std::uint64_t history_first_there = std::numeric_limits<std::uint64_t>::max();

// Numbers are below 2^63, and what is behind them is not: so ends have no sign.
struct HistoryNumberRules {
  std::uint64_t first_seq;  // history_first_there: the first that is there
  bool counts_messages;
  std::size_t kept_max;  // runs of numbers, and copies: with more, the pass cannot tell
};

class HistoryNumbers {
 public:
  struct Copy {
    std::int64_t client_id;
    std::int64_t batch_seq;
    std::int64_t row;
  };
  // Of the gap whose end has the lowest position: the row at its end, and the number that the gap begins with.
  struct Gaps {
    std::int64_t count = 0;
    std::int64_t row = -1;
    std::uint64_t low = 0;
    WorstCulprits worst;  // with the row at the end of a gap alone
  };

  explicit HistoryNumbers(HistoryNumberRules rules) : rules_(rules), clients_(Client{rules.first_seq, rules.first_seq}) {}

  void add(std::int64_t client_id, std::uint64_t batch_seq, std::uint64_t step, std::int64_t start, std::int64_t row) {
    Client& client = clients_.of(client_id);
    if (batch_seq == client.next) [[likely]] {
      client.next = batch_seq + step;
    } else {
      out_of_turn(client, client_id, batch_seq, step, start, row);
    }
  }

  // Whether the pass can tell. It cannot where numbers that count messages come out of turn.
  bool can_tell() const noexcept { return can_tell_; }
  const std::vector<Copy>& copies() const noexcept { return copies_; }

  Gaps gaps() const {
    Gaps found;
    std::int64_t lowest_start = 0;
    clients_.each([&](std::int64_t, const Client& client) {
      if (client.runs < 0) return;
      std::uint64_t expected = rules_.first_seq;
      for (const auto& [seq, run] : runs_[static_cast<std::size_t>(client.runs)]) {
        if (expected != history_first_there && seq > expected) {
          if (found.count++ == 0 || run.start < lowest_start) {
            lowest_start = run.start;
            found.row = run.row;
            found.low = expected;
          }
          found.worst.add({run.row, -1, seq - expected, run.start});
        }
        expected = run.end;
      }
    });
    return found;
  }

 private:
  struct Client {
    std::uint64_t next;   // behind the highest number that is there
    std::uint64_t first;  // without runs: the numbers first..next - 1 are there
    std::int64_t first_start = -1;
    std::int64_t first_row = -1;
    std::int64_t runs = -1;  // which of runs_; the end of its last run is `next`
  };
  struct Run {
    std::uint64_t end;
    std::int64_t start;  // the position of its first number
    std::int64_t row;
  };
  using Runs = std::map<std::uint64_t, Run>;

  void out_of_turn(Client& client, std::int64_t client_id, std::uint64_t batch_seq, std::uint64_t step,
                   std::int64_t start, std::int64_t row) {
    if (client.next == history_first_there) {
      client = Client{batch_seq + step, batch_seq, start, row};
      return;
    }
    if (rules_.counts_messages || kept_count_ > rules_.kept_max) can_tell_ = false;
    if (!can_tell_) return;
    Runs& runs = runs_of(client);
    auto behind = runs.upper_bound(batch_seq);
    if (behind != runs.begin() && std::prev(behind)->second.end > batch_seq) {
      copies_.push_back({client_id, static_cast<std::int64_t>(batch_seq), row});
      ++kept_count_;
      return;
    }
    Run run{batch_seq + 1, start, row};
    if (behind != runs.end() && behind->first == run.end) {
      run.end = behind->second.end;
      behind = runs.erase(behind);
    }
    if (behind != runs.begin() && std::prev(behind)->second.end == batch_seq) {
      std::prev(behind)->second.end = run.end;
    } else {
      runs.emplace_hint(behind, batch_seq, run);
      ++kept_count_;
    }
    client.next = runs.rbegin()->second.end;
  }

  Runs& runs_of(Client& client) {
    if (client.runs < 0) {
      client.runs = static_cast<std::int64_t>(runs_.size());
      Runs& made = runs_.emplace_back();
      if (client.next > client.first) made.emplace(client.first, Run{client.next, client.first_start, client.first_row});
      return made;
    }
    Runs& runs = runs_[static_cast<std::size_t>(client.runs)];
    if (!runs.empty()) runs.rbegin()->second.end = client.next;
    return runs;
  }

  HistoryNumberRules rules_;
  HistoryGroups<Client> clients_;
  std::deque<Runs> runs_;
  std::vector<Copy> copies_;
  std::size_t kept_count_ = 0;
  bool can_tell_ = true;
};

}  // namespace fencepost
