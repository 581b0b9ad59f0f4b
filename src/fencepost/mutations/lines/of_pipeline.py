"""Mutations of the pipeline's programs."""

from fencepost.mutations.lines.mutation import Mutation

OF_PIPELINE: tuple[Mutation, ...] = (
    Mutation("payload_unfenced", "pipeline/receiver.hpp", "fence dropped", "visible",
        "Between the flush of the payload and the header there is no fence.",
        "One fence for several flushes (DEV-005), with the guard stored before it.", "stepped",
        killer="compare",
        before="memory_.store_fence();\n"
               "    write_header(batch);",
        after="write_header(batch);"),
    Mutation("header_unflushed", "pipeline/receiver.hpp", "flush dropped", "drained",
        "The header with its guard is not written back.",
        "The receiver of 09ae22d writes headers on the host that reads them, in its tests.", "stepped",
        killer="compare",
        before="memory_.flush(header);",
        after=""),
    Mutation("slot_before_it_is_free", "pipeline/receiver.hpp", "off by one in the window", "no-overwrite",
        "A slot is used again one batch before its reader has consumed it.",
        "Whether a full ring has n or n - 1 values in it is decided once, and remembered otherwise.", "stepped",
        killer="compare",
        before="while (freed_count_ < index_ - static_cast<Value>(layout_.slots) + 1) {",
        after="while (freed_count_ < index_ - static_cast<Value>(layout_.slots)) {"),
    Mutation("count_unflushed", "pipeline/delegation.hpp", "flush dropped", "drained",
        "The count of filled slots is not written back.",
        "The delegation of 09ae22d flushes its progress every 8 batches or 64 KiB, and not when idle (DEV-002).",
        "stepped",
        killer="compare",
        before="memory_.flush(layout_.written(ring_));",
        after=""),
    Mutation("count_runs_ahead", "pipeline/delegation.hpp", "off by one", "visible",
        "The delegation counts the slot behind the one that it saw filled.",
        "An index, and the count that goes with it.", "stepped",
        killer="compare",
        before="const Value count = index + 1;",
        after="const Value count = index + 2;"),
    Mutation("entry_unfenced", "pipeline/scanners/scanner.hpp", "ack before publish", "ack-safe",
        "Between the flush of a chain entry and the acknowledgement word there is no fence.",
        "One fence for several flushes (DEV-005), where the count that is acknowledged is stored before it.",
        "stepped",
        killer="compare",
        before="memory_.flush(line);\n"
               "    memory_.store_fence();\n"
               "  }\n"
               "\n"
               "  const bool delegated_",
        after="memory_.flush(line);\n"
              "  }\n"
              "\n"
              "  const bool delegated_"),
    Mutation("frontier_unflushed", "pipeline/scanners/scanner.hpp", "flush dropped", "drained",
        "The acknowledgement word is not written back.",
        "It is stored last, and nothing behind it forces it out.", "stepped",
        killer="compare",
        before="memory_.flush(line);\n"
               "    memory_.store_fence();\n"
               "  }\n"
               "\n"
               "  // Gives",
        after="memory_.store_fence();\n"
              "  }\n"
              "\n"
              "  // Gives"),
    Mutation("newer_word_noted", "pipeline/scanners/order4.hpp", "lost wake-up", "drained",
        "The word that any attempt has seen becomes the one that parked batches compare with.",
        "Our own scanner did: a duplicate showed it the word that a parked batch was waiting for.", "stepped",
        killer="compare",
        before="if (slot.is_parked || earliest(slot.batch.client) == parked_.end()) {\n"
               "      const auto met",
        after="{\n"
              "      const auto met"),
    Mutation("payload_from_copy", "pipeline/subscriber.hpp", "invalidation dropped", "visible",
        "The payload is read from the reader's own copy, if it has one.",
        "No reader of 09ae22d invalidates.", "stepped",
        killer="compare",
        before="memory_.flush(payload);",
        after=""),
    Mutation("loads_do_not_wait", "pipeline/subscriber.hpp", "fence weakened", "visible",
        "An sfence stands where the invalidation needs an mfence.",
        "The fence that writers use, copied to the reader: sfence orders no loads.", "stepped",
        killer="compare",
        before="memory_.full_fence();",
        after="memory_.store_fence();"),
    Mutation("consumed_unflushed", "pipeline/subscriber.hpp", "flush dropped", "drained",
        "How many slots are consumed is not written back.",
        "The receiver is where the ring is, and its store would be seen there.", "stepped",
        killer="compare",
        before="memory_.flush(layout_.consumed(ring_));",
        after=""),
    Mutation("frontier_from_copy", "pipeline/acknowledger.hpp", "invalidation dropped", "drained",
        "The acknowledgement word is polled in the broker's own cache.",
        "The ack thread of 09ae22d polls so.", "stepped",
        killer="compare",
        before="watched_.push_back({{layout.acked(ring, client), 0}, 0, true});",
        after="watched_.push_back({{layout.acked(ring, client), 0}, 0, false});"),
    Mutation("acknowledged_inclusive", "pipeline/client.hpp", "off by one", "ack-safe",
        "A client takes the count of acknowledged batches for the last of them.",
        "The client of 09ae22d starts from -1, an offset, and is sent a count.", "stepped",
        killer="compare",
        before="if (level_ == 4 ? sent[at] < below : static_cast<Value>(at) < below)",
        after="if (level_ == 4 ? sent[at] <= below : static_cast<Value>(at) <= below)"),
)  # fmt: skip
