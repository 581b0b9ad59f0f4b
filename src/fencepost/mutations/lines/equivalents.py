"""Changes that look like mistakes and are none: nothing can tell them from the line that stands there."""

from fencepost.mutations.lines.mutation import Equivalent

EQUIVALENTS: tuple[Equivalent, ...] = (
    Equivalent("structures/lap_ring.hpp",
        "readable_count() asks for a guard of at least this lap, not of this lap exactly",
        "A guard of a later lap cannot stand there: the writer raises it when has_room() has seen that every reader"
        " consumed this one. The equality matters once has_room() is wrong (one_slot_too_many)."),
    Equivalent("structures/lap_ring.hpp", "close() stores the final count relaxed, or is_finished() reads it so",
        "A reader is finished when the final count is the number that it consumed itself. Nothing is read behind that:"
        " what it consumed it saw by the guards, with an acquire each."),
    Equivalent("structures/publication.hpp", "SingleFence leaves out the fence of finish()",
        "The fence says when the last guard has arrived. The write-back in front of it is under way already and cannot"
        " be lost; the guard arrives without it, later, and no promise has a time."),
    Equivalent("structures/ack_frontier.hpp", "advance() leaves out its fence",
        "As above: the frontier was written back, and nothing behind the fence relies on that it has arrived."),
    Equivalent("sequencers/order4_claim.hpp",
        "not_now() calls a batch whose claim is in progress a duplicate, not later",
        "The copy that is claimed is ordered, or the positions are used up and nothing is ordered ever after: this copy"
        " is dropped in both cases, now or at the next attempt."),
    Equivalent("sequencers/order4_claim.hpp", "the claim that is given back is stored relaxed",
        "It is given back when the counter is sealed, for good: whoever claims the batch next is refused, and orders"
        " nothing that could come before anything."),
    Equivalent("structures/issued.hpp", "the limit is asked as start + message_count > limit",
        "start is below 2^63 + 2^48 and a count below 2^32, so the sum does not wrap: the two comparisons are one."),
    Equivalent("structures/scanner.hpp", "take() does not release successors when a batch is ordered",
        "The round over clients with something parked releases them, in this scanner's next breath. That costs time,"
        " and no promise has one."),
    Equivalent("sequencers/worker_loop.hpp", "the epoch is not finished when there is nothing to take",
        "It is finished when the worker leaves. Batches wait for that: where senders stop, which is when drained is"
        " asked, all are ordered. Where they never stop they could wait for ever, and no promise speaks of that."),
    Equivalent("pipeline/scanners/scanner.hpp", "passes() reads a slot when the count is its index, not more",
        "A scanner waits at a slot only when the count that it saw last is the slot's index: it has read every slot"
        " below. What it waits for is another count, and counts only grow, so it is more."),
)  # fmt: skip
