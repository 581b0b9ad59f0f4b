"""The sorts of the specs. One word, one meaning: DESIGN's vocabulary as types.

| sort      | what it is                                                                          |
| --------- | ----------------------------------------------------------------------------------- |
| Client    | who sends batches                                                                   |
| Ring      | one broker's ring of slots, and with it the one scanner that reads it               |
| Reader    | who follows the log in position order                                               |
| RingIndex | a place in a ring, counted from 0 and never reused (the lap is part of it)          |
| Seq       | a client's own number of a batch (`batch_seq`), from 0                              |
| Count     | a number of messages                                                                |
| Position  | the global number of one message; two positions differ by a Count                   |
| Row       | a place in the history: the n-th batch that was given a range, from 0               |
| Entry     | a place in the plan of an epoch, from 0                                             |
| Bucket    | a place in a table that has fewer of them than there are clients                    |
| Stage     | how far a scanner is with the batch in its hands                                    |
| Life      | how often a scanner was started again                                               |
"""

from typing import Annotated, TypeAlias

from fencepost.model.language import Sort

Client: TypeAlias = Annotated[int, Sort("Client", numeric=False)]
Ring: TypeAlias = Annotated[int, Sort("Ring", numeric=False)]
Reader: TypeAlias = Annotated[int, Sort("Reader", numeric=False)]
RingIndex: TypeAlias = Annotated[int, Sort("RingIndex")]
Seq: TypeAlias = Annotated[int, Sort("Seq")]
Count: TypeAlias = Annotated[int, Sort("Count")]
Position: TypeAlias = Annotated[int, Sort("Position", distance="Count")]
Row: TypeAlias = Annotated[int, Sort("Row")]
Entry: TypeAlias = Annotated[int, Sort("Entry")]
Bucket: TypeAlias = Annotated[int, Sort("Bucket", numeric=False)]
Stage: TypeAlias = Annotated[int, Sort("Stage")]
Life: TypeAlias = Annotated[int, Sort("Life")]
