"""What a key must reply after all that was done to it, for clients that check each of their replies.

A `Key` belongs to one client, and holds one collection. It knows every state in which it may be: one, as
long as each write was answered for, more once one ended with `TIMEOUT` or `LOST`. A request is an `Op`; its
`step(state, reply)` gives the state after it, or WRONG where that reply can't come from that state. `ANY` as
the reply asks what the state is if the request was carried out unseen.

Every value begins with its key's name and is used once, so that no other request's reply looks right.
"""

import collections

import resp
from cluster import slot_of

WRONG, ANY = object(), object()
PERHAPS = {"TIMEOUT", "LOST"}  # codes of a request that may have been carried out
NOT = {"UNAVAILABLE", "OVERLOADED"}  # of one that was not
SHARE_OF_TALLIES = 1 / 16
MOST_STATES = 64
REMEMBERED = 200  # states that a key has been in

Op = collections.namedtuple("Op", "words keys is_write steps")
Space = collections.namedtuple("Space", "name prefix tallies")  # tallies: pairs of name and slot


class Key:
    """A key of one client's."""

    def __init__(self, kind, name, slot):
        self.kind = kind
        self.name = name
        self.slot = slot
        self.states = [None]
        self.past = collections.deque([None], REMEMBERED)
        self.lease = None  # the last that memo.get gave
        self.is_given_up = False  # something was wrong with it: what was sent is not looked at any more

    def answered(self, step, reply):
        """Whether that is a right reply, given all that came before."""
        after = states_after(self.states, step, reply)
        if not after:
            return False
        self._set(after)
        return True

    def fell_back(self, step, reply):
        """Whether it would be right if the last writes had been lost."""
        after = states_after(reversed(self.past), step, reply)
        if after:
            self._set(after)
        return bool(after)

    def perhaps(self, step):
        """The request may have been carried out."""
        after = states_after(self.states, step, ANY)
        self._set(self.states + [state for state in after if state not in self.states])

    def removed(self):
        """It was removed, by one of several keys of a `del`."""
        self._set([None])

    def shown(self):
        return " or ".join(map(repr, self.states[:4]))

    def _set(self, states):
        self.states = states[-MOST_STATES:]
        for state in self.states:
            if state != self.past[-1]:
                self.past.append(state)


class Tally(Key):
    """A number that many clients add one to; what one of them has seen of it."""

    def __init__(self, name, slot):
        super().__init__("tally", name, slot)
        self.seen = 0
        self.added = 0  # as was acknowledged to this client
        self.perhaps_added = 0

    def answered(self, step, reply):
        if type(reply) is not int or reply <= self.seen:
            return False
        self.seen = reply
        self.added += 1
        return True

    def fell_back(self, step, reply):
        self.seen = reply if type(reply) is int else self.seen
        return type(reply) is int

    def perhaps(self, step):
        self.perhaps_added += 1


def states_after(states, step, reply):
    after = []
    for state in states:
        new = step(state, reply)
        if new is not WRONG and new not in after:
            after.append(new)
    return after


def is_right(expected, reply):
    if reply is ANY:
        return True
    return (type(reply) is type(expected) or isinstance(reply, bytes)) and reply == expected


def reads(expected):
    """A step that changes nothing: `expected(state)` is the reply."""
    return lambda state, reply: state if is_right(expected(state), reply) else WRONG


def writes(change):
    """A step of `change(state)`, which gives the reply and the state after it."""

    def step(state, reply):
        expected, after = change(state)
        return after if is_right(expected, reply) else WRONG

    return step


# --- states ---------------------------------------------------------------------------------------
#
# None where the key is absent; of `key` the value; of a collection a tuple with a place for each of
# FIELDS, which is None where that one is absent; of `memo` the value, or a Lease.

FIELDS = (b"f0", b"f1", b"f2", b"f3")
EMPTY = (None,) * len(FIELDS)
Lease = collections.namedtuple("Lease", "token")  # None where nobody was told of it


def cell(state, at):
    return (state or EMPTY)[at]


def with_cell(state, at, value):
    cells = (state or EMPTY)[:at] + (value,) + (state or EMPTY)[at + 1 :]
    return None if cells == EMPTY else cells


def filled(state):
    return sum(value is not None for value in state or EMPTY)


def pairs(state):
    return [word for pair in zip(FIELDS, state or EMPTY) if pair[1] is not None for word in pair]


def set_cell(at, value):
    return writes(lambda s: (int(cell(s, at) is None), with_cell(s, at, value)))


def drop_cell(at):
    return writes(lambda s: (int(cell(s, at) is not None), with_cell(s, at, None)))


def add_to_cell(at, n):
    def change(state):
        total = (cell(state, at) or 0) + n
        return total, with_cell(state, at, total)

    return change


def same_items(reply, state):
    """Whether an array of pairs holds what the state does, in any order."""
    if not isinstance(reply, list) or len(reply) != 2 * filled(state):
        return False
    return dict(zip(reply[::2], reply[1::2])) == dict(zip(pairs(state)[::2], pairs(state)[1::2]))


def reads_items(as_reply):
    def step(state, reply):
        shown = tuple(value if value is None else as_reply(value) for value in state or EMPTY)
        return state if reply is ANY or same_items(reply, shown) else WRONG

    return step


def remove(state, reply):
    """One key of `del`; with several, the replies are added up."""
    return None if is_right(int(state is not None), reply) else WRONG


# --- memo -----------------------------------------------------------------------------------------


def memo_get(state, reply):
    if isinstance(state, bytes):
        return state if is_right([b"HIT", state, None], reply) else WRONG
    if isinstance(state, Lease):
        return state if is_right([b"MISS", None, None], reply) else WRONG
    if reply is ANY:
        return Lease(None)
    is_lease = isinstance(reply, list) and reply[:2] == [b"MISS", None] and reply[2] is not None
    return Lease(reply[2]) if is_lease else WRONG


def memo_put(token, value):
    """The lease is refused where another state is there than the lease's own."""

    def step(state, reply):
        if isinstance(state, Lease) and state.token == token:
            return value if is_right(b"OK", reply) else WRONG
        return state if reply is ANY or is_refused(reply) else WRONG

    return step


def is_refused(reply):
    return isinstance(reply, resp.Error) and reply.code == "LEASE"


# --- requests -------------------------------------------------------------------------------------


class Requests:
    """Makes the requests of one client, half of them reads. `is_ours(slot)` says which keys it uses."""

    def __init__(self, space, number, keys, rng, is_ours):
        self.namespace = space.name
        self.prefix = space.prefix
        self.number = number
        self.rng = rng
        self.is_ours = is_ours
        self.sequence = 0
        self.named = 0
        self.keys = {kind: [self._new_key(kind) for _ in range(keys)] for kind in KINDS}
        self.tallies = [Tally(name, slot) for name, slot in space.tallies if is_ours(slot)]

    def _new_key(self, kind):
        while True:
            self.named += 1
            name = f"{kind[:3]}.{self.number}.{self.named}".encode()
            slot = slot_of(self.prefix + name)
            if self.is_ours(slot):
                return Key(kind, name, slot)

    def replace(self, key):
        """That key is not used any more."""
        key.is_given_up = True
        keys = self.keys.get(key.kind, ())
        if key in keys:
            keys[keys.index(key)] = self._new_key(key.kind)

    def value(self, key):
        self.sequence += 1
        return b"%s=%d" % (key.name, self.sequence)

    def op(self, verb, key, *words, step, is_write=False):
        return Op((verb, self.namespace, key.name, *words), (key,), is_write, (step,))

    def batch(self, count):
        """So many to be sent at once. A `memo.get` may take two steps, and what comes behind it can be
        carried out in between: it is the last for its key."""
        ops, last = [], set()
        while len(ops) < count:
            op = self.next()
            if op.keys[0] in last:
                continue
            if op.words[0] == "memo.get":
                last.add(op.keys[0])
            ops.append(op)
        return ops

    def next(self):
        if self.rng.random() < SHARE_OF_TALLIES:
            tally = self.rng.choice(self.tallies)
            return self.op("counter.incr", tally, b"n", step=None, is_write=True)
        kind = self.rng.choice(KINDS)
        key = self.rng.choice(self.keys[kind])
        is_write = self.rng.random() < 0.5
        return getattr(self, f"{kind}_{'write' if is_write else 'read'}")(key)

    def key_read(self, key):
        at = self.rng.randrange(4)
        if at == 0:
            return self.several("key.mget", "key", lambda s, r: s if is_right(s, r) else WRONG, False)
        if at == 1:
            return self.op("exists", key, step=reads(lambda s: int(s is not None)))
        return self.op("key.get", key, step=reads(lambda s: s))

    def key_write(self, key):
        at, new = self.rng.randrange(6), self.value(key)
        if at == 0:
            return self.several("del", "key", remove, True)
        if at == 1:
            return self.op("key.swap", key, new, step=writes(lambda s: (s, new)), is_write=True)
        if at == 2:
            return self.op("key.take", key, step=writes(lambda s: (s, None)), is_write=True)
        if at == 3:
            add = writes(lambda s: (0, s) if s is not None else (1, new))
            return self.op("key.add", key, new, step=add, is_write=True)
        return self.op("key.set", key, new, step=writes(lambda s: (b"OK", new)), is_write=True)

    def several(self, verb, kind, step, is_write):
        keys = self.rng.sample(self.keys[kind], min(3, len(self.keys[kind])))
        words = (verb, self.namespace, *(key.name for key in keys))
        return Op(words, tuple(keys), is_write, (step,) * len(keys))

    def dict_read(self, key):
        at = self.rng.randrange(len(FIELDS))
        if self.rng.random() < 0.3:
            return self.op("dict.items", key, step=reads_items(lambda v: v))
        if self.rng.random() < 0.3:
            mget = reads(lambda s: list(s or EMPTY))
            return self.op("dict.mget", key, *FIELDS, step=mget)
        return self.op("dict.get", key, FIELDS[at], step=reads(lambda s: cell(s, at)))

    def dict_write(self, key):
        at, new = self.rng.randrange(len(FIELDS)), self.value(key)
        if self.rng.random() < 0.3:
            return self.op("dict.del", key, FIELDS[at], step=drop_cell(at), is_write=True)
        return self.op("dict.set", key, FIELDS[at], new, step=set_cell(at, new), is_write=True)

    def set_read(self, key):
        at = self.rng.randrange(len(FIELDS))
        if self.rng.random() < 0.3:
            return self.op("set.len", key, step=reads(filled))
        has = reads(lambda s: int(cell(s, at) is not None))
        return self.op("set.has", key, FIELDS[at], step=has)

    def set_write(self, key):
        at = self.rng.randrange(len(FIELDS))
        if self.rng.random() < 0.5:
            return self.op("set.del", key, FIELDS[at], step=drop_cell(at), is_write=True)
        return self.op("set.add", key, FIELDS[at], step=set_cell(at, True), is_write=True)

    def sorted_read(self, key):
        at = self.rng.randrange(len(FIELDS))
        score = reads(lambda s: None if cell(s, at) is None else b"%d" % cell(s, at))
        return self.op("sorted.score", key, FIELDS[at], step=score)

    def sorted_write(self, key):
        at, n = self.rng.randrange(len(FIELDS)), self.rng.randrange(1, 1000)
        if self.rng.random() < 0.3:
            return self.op("sorted.del", key, FIELDS[at], step=drop_cell(at), is_write=True)
        if self.rng.random() < 0.5:
            add = set_cell(at, n)
            return self.op("sorted.add", key, str(n), FIELDS[at], step=add, is_write=True)
        change = add_to_cell(at, n)

        def as_score(state):
            total, after = change(state)
            return b"%d" % total, after

        return self.op("sorted.incr", key, FIELDS[at], str(n), step=writes(as_score), is_write=True)

    def counter_read(self, key):
        at = self.rng.randrange(len(FIELDS))
        if self.rng.random() < 0.3:
            return self.op("counter.items", key, step=reads_items(lambda n: n))
        if self.rng.random() < 0.3:
            total = reads(lambda s: sum(n for n in s or EMPTY if n is not None))
            return self.op("counter.total", key, step=total)
        return self.op("counter.get", key, FIELDS[at], step=reads(lambda s: cell(s, at) or 0))

    def counter_write(self, key):
        at, n = self.rng.randrange(len(FIELDS)), self.rng.randrange(1, 1000)
        step = writes(add_to_cell(at, n))
        return self.op("counter.incr", key, FIELDS[at], n, step=step, is_write=True)

    def memo_read(self, key):
        return self.op("memo.get", key, step=memo_get)

    def memo_write(self, key):
        new = self.value(key)
        if key.lease:
            lease, key.lease = key.lease, None
            return self.op("memo.put", key, lease, new, step=memo_put(lease, new), is_write=True)
        if self.rng.random() < 0.3:
            return self.op("del", key, step=remove, is_write=True)
        return self.op("memo.set", key, new, step=writes(lambda s: (b"OK", new)), is_write=True)

    def last_reads(self):
        """A read of all of each key."""
        whole = {"dict": reads_items(lambda v: v), "counter": reads_items(lambda n: n)}
        for kind in ("key", "dict", "set", "counter", "memo"):
            for key in self.keys[kind]:
                if kind == "key":
                    yield self.op("key.get", key, step=reads(lambda s: s))
                elif kind == "set":
                    yield self.op("set.len", key, step=reads(filled))
                elif kind == "memo":
                    yield self.memo_read(key)
                else:
                    yield self.op(f"{kind}.items", key, step=whole[kind])


KINDS = ("key", "dict", "set", "sorted", "counter", "memo")
