"""The relay: streams of venues for many programs and hosts, over Redis Streams.

One process holds the connections to the venues and gives its streams to a `Relay`; any number of
others read them with a `RelayReader`, typed as if they came from the venue.

**Shards.** One publisher holds a venue, or a `shard` of it: some of its topics, or one account.
Put venues on different hosts first, then shards, and let one more publisher of each stand by on
another host. All keys of an office, ``venuesdk:{onyx.eu}:…``, share a slot of a Redis Cluster;
offices spread over its nodes. `RedisEngine` does not follow a cluster's redirections: it is given
the node of its office, or a proxy that follows them, and then a reader asks for one office.

**Size.** An entry takes its payload and 120 to 150 bytes of memory (of 1 to 4 KiB a third more,
for Redis keeps them in nodes of 4 KiB: raise ``stream-node-max-bytes``), and on the wire its
payload and 300. One core of Redis spends 2.2 µs on appending it, and for each group 2 µs on
handing it out and taking the acknowledgement in batches of 500, 4 in batches of 10, 15 alone.
What is kept is what the slowest group has not read: at 2,000 events/s of 226 bytes an hour is 2.6
GB, and each group takes 8 Mbit/s.

**Consumers.** Each group gets all; those of one group share, so they cost no more than one. At
2,000 events/s and 10 groups, all so quick that they take events one by one, Redis is busy for a
third of a core; 100 would ask for three, and it has but one: by themselves they take larger
batches then, at 0.4 to 0.8 of a core, and are some milliseconds later. Reading in a group writes,
so a replica cannot serve it. Beyond that: shards on several Redis; one group for each host or
team, whose program hands on what it reads; for 1,000 a tree of these, or another engine.

**What a crash keeps.** With ``appendonly yes`` and ``appendfsync always`` a Redis that is killed
loses nothing of what it has confirmed; with ``everysec`` up to two seconds, where its disk is busy
or its host dies. ``always`` costs what the disk takes to write: on one 150,000 events/s became
120,000, on another 128,000 became 39,000, and 3,600 one by one. That is for orders, on a Redis and
a shard of their own. ``maxmemory-policy noeviction`` is needed: others delete whole streams, or
leases. Replication is asynchronous: a replica that is made the primary may lack the newest entries,
which the publisher notices by the stream's top and tells by `GapReason.LOST`. Sentinel is not
asked: give the address that follows the primary, of a proxy or a name.

**Who may do what.** ``rediss://`` is TLS. What each side needs, and nothing more::

    ACL SETUSER publisher on >PASSWORD resetkeys ~venuesdk:* -@all
        +del +evalsha +exec +get +hincrby +multi +sadd +script|load +set +time +xadd
        +xinfo|groups +xinfo|stream +xlen +xpending +xrange +xtrim
    ACL SETUSER reader on >PASSWORD resetkeys ~venuesdk:* -@all
        +exists +hget +smembers +xack +xautoclaim +xgroup|create +xinfo|consumers +xinfo|groups
        +xlen +xrange +xreadgroup

**Another engine** is a class with the methods of `Engine`; `MemoryEngine` is one. On NATS
JetStream: ``append`` publishes with the expected last sequence, ``claim`` is a key of a KV bucket
with a TTL, ``read`` fetches of a durable pull consumer, ``acknowledge`` acks, ``adopt`` is its
redelivery, ``trim`` the retention by interest. On Kafka: ``append`` is a transactional producer
for each office, which fences older ones, ``read`` and ``acknowledge`` are poll and commit, in
order only, ``adopt`` the rebalance, ``trim`` DeleteRecords; ``claim`` needs something beside it.
`PUBLISH` of Redis is quicker, and no engine: whoever is away for a moment misses what was said,
and nobody counts it.
"""

from __future__ import annotations

from .engine import (
    Deposed,
    Engine,
    EngineFull,
    EngineRefused,
    EngineUnavailable,
    GroupGone,
    GroupLag,
    Position,
    RelayError,
)
from .entry import Origin, RelayedError
from .memory import MemoryEngine, MemoryStore
from .publisher import Relay
from .reader import ReaderStats, RelayReader
from .stats import LaneStats, RelayStats

__all__ = [
    "Deposed",
    "Engine",
    "EngineFull",
    "EngineRefused",
    "EngineUnavailable",
    "GroupGone",
    "GroupLag",
    "LaneStats",
    "MemoryEngine",
    "MemoryStore",
    "Origin",
    "Position",
    "ReaderStats",
    "Relay",
    "RelayError",
    "RelayReader",
    "RelayStats",
    "RelayedError",
]
