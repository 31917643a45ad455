"""Clients of a daemon that use all collections, half of it reads, and check every reply: see model.py.

    with Load([daemon.path], groups=owners) as load:
        ...                       # whatever is done to the cluster meanwhile
        report = load.finish()
    assert not report.problems()

A process of its own runs them: 20 clients send 16 requests at once, and the next 16 some time after the
last reply. A reply's time is that from sending it to the moment its bytes are read. Each client has its
own keys; some numbers are added to by all. `groups` says of each hash slot to which group it belongs, None:
its keys are not used. What happened is told by group, and with `apart` each client uses the keys of one
group alone, for a request that waits holds up all that its client asked behind it.
"""

import collections
import gc
import multiprocessing
import random
import selectors
import time

import harness
import resp
from cluster import SLOTS, slot_of
from model import NOT, PERHAPS, Requests, Space

NAMESPACE, PREFIX = "load", b"load:"
INI = """\
[namespace load]
prefix = load:
ttl = 1d
lease = 1h
"""
TALLIES = 24
BUCKET = 0.01  # seconds: how exactly it is known when replies came
MOST_TOLD = 50  # of each kind of finding
MOST_FAILURES = 20_000
SEVERAL = "several"  # the group of a request whose keys are of more than one

Failure = collections.namedtuple("Failure", "at code slots verb text")


class Group:
    """The replies to requests for the keys of some slots."""

    def __init__(self):
        self.successes = collections.Counter()  # by bucket of time
        self.errors = collections.Counter()  # by code
        self.times = collections.Counter()  # of successes, by whole milliseconds
        self.slow = {}  # the worst of a bucket, in milliseconds

    def note(self, now, seconds, code):
        if code:
            self.errors[code] += 1
            return
        bucket, ms = int(now / BUCKET), int(seconds * 1000)
        self.successes[bucket] += 1
        self.times[ms] += 1
        if ms > self.slow.get(bucket, 0):
            self.slow[bucket] = ms

    def longest_pause(self, begin=0.0, end=float("inf")):
        """Seconds in which no success came, of those between two that did."""
        buckets = [b for b in sorted(self.successes) if begin <= b * BUCKET <= end]
        return max((b - a for a, b in zip(buckets, buckets[1:])), default=0) * BUCKET

    def first_success(self, after):
        """When the first success came that came later."""
        return min((b * BUCKET for b in self.successes if b * BUCKET >= after), default=None)

    def worst(self, begin=0.0, end=float("inf")):
        """The slowest success of that time, in milliseconds."""
        return max((ms for b, ms in self.slow.items() if begin <= b * BUCKET <= end), default=0)


class Report:
    def __init__(self):
        self.groups = collections.defaultdict(Group)
        self.replies = self.reads = self.unanswered = 0
        self.failures = []
        self.wrong = []  # replies that no order of what was asked explains
        self.lost = []  # those that would be right if writes that were acknowledged had been lost
        self.added = collections.Counter()  # acknowledged increments, by tally
        self.perhaps_added = collections.Counter()
        self.totals = {}  # what the tallies hold in the end
        self.worst_lag = 0.0  # seconds that this process was late to look

    @property
    def errors(self):
        return sum((group.errors for group in self.groups.values()), collections.Counter())

    def tell(self, findings, text):
        if len(findings) < MOST_TOLD:
            findings.append(text)

    def percentile(self, share, *groups):
        """Milliseconds in which that share of the successes came, of all groups by default."""
        chosen = [self.groups[name] for name in groups] or self.groups.values()
        times = sum((group.times for group in chosen), collections.Counter())
        left = share * sum(times.values())
        for ms in sorted(times):
            left -= times[ms]
            if left <= 0:
                return ms
        return 0

    def wrong_totals(self):
        """Tallies that do not hold what was acknowledged."""
        for name, count in sorted(self.added.items()):
            total = self.totals.get(name)
            if total is None or not count <= total <= count + self.perhaps_added[name]:
                perhaps = self.perhaps_added[name]
                yield f"{name}: {total}, but {count} acknowledged and {perhaps} perhaps"

    def problems(self, may_lose=False):
        """What must never be; `may_lose`: unless acknowledged writes may be lost, as by a failover."""
        found = list(self.wrong)
        if self.unanswered:
            found.append(f"{self.unanswered} requests were never answered")
        if not may_lose:
            found += [f"lost: {text}" for text in self.lost] + list(self.wrong_totals())
        return found

    def __str__(self):
        shares = ", ".join(f"{s * 100:g} % in {self.percentile(s)} ms" for s in (0.5, 0.99, 0.999))
        pauses = {name: round(g.longest_pause() * 1000) for name, g in self.groups.items()}
        return (
            f"{self.replies} replies, {self.reads} of reads; errors {dict(self.errors)};"
            f" {len(self.wrong)} wrong, {len(self.lost)} lost; {shares}; longest pauses {pauses} ms;"
            f" the load itself was late by {self.worst_lag * 1000:.0f} ms"
        )


class Talker:
    """One client."""

    def __init__(self, address, requests, pipeline):
        self.socket = resp.connect(address, 10)
        self.socket.setblocking(False)
        self.requests = requests
        self.pipeline = pipeline
        self.input = bytearray()
        self.asked = collections.deque()  # pairs: when it was sent, and the Op
        self.wakes_at = 0.0

    def send(self, ops):
        data = b"".join(resp.array(*op.words) for op in ops)
        now = time.monotonic()
        self.asked.extend((now, op) for op in ops)
        if self.socket.send(data) != len(data):
            raise AssertionError("the daemon does not read")

    def send_batch(self):
        self.send(self.requests.batch(self.pipeline))

    def receive(self):
        data = self.socket.recv(resp.LARGEST_READ)
        if not data:
            raise AssertionError(f"a client's connection was closed, with {len(self.asked)} unanswered")
        self.input += data

    def replies(self):
        """Those that are complete."""
        at = 0
        while parsed := self.input[at:] and resp.parse(self.input, at):
            reply, at = parsed
            yield reply
        del self.input[:at]


class Checker:
    """Looks whether replies are right, and notes what is not."""

    def __init__(self, report, groups):
        self.report = report
        self.groups = groups

    def group_of(self, op):
        names = {self.groups[key.slot] for key in op.keys}
        return names.pop() if len(names) == 1 else SEVERAL

    def check(self, talker, reply, op, arrived, seconds):
        self.report.replies += 1
        self.report.reads += not op.is_write
        code = reply.code if isinstance(reply, resp.Error) and reply.code in PERHAPS | NOT else None
        self.report.groups[self.group_of(op)].note(arrived, seconds, code)
        if code:
            self.note_failure(reply, op, arrived)
            return
        if len(op.keys) == 1:
            self.check_key(talker, op.keys[0], op.steps[0], reply, op)
        else:
            self.check_keys(talker, reply, op)
        if op.words[0] == "memo.get" and isinstance(reply, list) and len(reply) == 3 and reply[2]:
            op.keys[0].lease = reply[2]

    def note_failure(self, reply, op, arrived):
        failures = self.report.failures
        if len(failures) < MOST_FAILURES:
            slots = tuple(key.slot for key in op.keys)
            failures.append(Failure(arrived, reply.code, slots, op.words[0], reply.decode()))
        if reply.code in PERHAPS:
            for key, step in zip(op.keys, op.steps):
                key.perhaps(step)

    def check_keys(self, talker, reply, op):
        if op.words[0] == "del":
            self.check_del(talker, reply, op)
        elif isinstance(reply, list) and len(reply) == len(op.keys):
            for key, step, part in zip(op.keys, op.steps, reply):
                self.check_key(talker, key, step, part, op)
        else:
            self.report.tell(self.report.wrong, f"{op.words!r} replied {reply!r}")

    def check_del(self, talker, reply, op):
        """How many there were: exact where each key's state is known."""
        if any(key.is_given_up for key in op.keys):
            return
        there = [{state is not None for state in key.states} for key in op.keys]
        least = sum(False not in states for states in there)
        most = sum(True in states for states in there)
        if type(reply) is not int or not least <= reply <= most:
            ever = sum(any(state is not None for state in key.past) for key in op.keys)
            is_lost = type(reply) is int and reply <= ever
            findings = self.report.lost if is_lost else self.report.wrong
            self.report.tell(findings, f"{op.words!r} replied {reply!r}, not {least}..{most}")
        for key in op.keys:
            key.removed()

    def check_key(self, talker, key, step, reply, op):
        if key.is_given_up or key.answered(step, reply):
            return
        text = f"{op.words!r} replied {reply!r} for {key.name!r}, which was {key.shown()}"
        if key.fell_back(step, reply):
            self.report.tell(self.report.lost, text)
        else:
            self.report.tell(self.report.wrong, text)
            talker.requests.replace(key)


class Talk:
    """All clients, in one process, until they are told to end."""

    def __init__(self, plan, is_over, count):
        self.plan, self.is_over, self.count = plan, is_over, count
        self.report = Report()
        self.checker = Checker(self.report, plan.groups)
        self.rng = random.Random(plan.seed)
        self.selector = selectors.DefaultSelector()
        self.space = Space(NAMESPACE, PREFIX, self.tallies())
        self.talkers = [self.new_talker(number) for number in range(plan.clients)]

    def names(self):
        """Those of the groups, in order."""
        return sorted({name for name in self.plan.groups if name is not None})

    def tallies(self):
        """Their names and slots, as many in each group."""
        names, groups, wanted, number = [], self.plan.groups, TALLIES // len(self.names()), 0
        left = {name: wanted for name in self.names()}
        while any(left.values()):
            name = b"tally.%d" % number
            slot = slot_of(PREFIX + name)
            if left.get(groups[slot]):
                left[groups[slot]] -= 1
                names.append((name, slot))
            number += 1
        return names

    def new_talker(self, number):
        plan, is_ours = self.plan, lambda slot: plan.groups[slot] is not None
        if plan.apart:
            mine = self.names()[number % len(self.names())]
            is_ours = lambda slot: plan.groups[slot] == mine
        requests = Requests(self.space, number, plan.keys, self.rng, is_ours)
        talker = Talker(plan.addresses[number % len(plan.addresses)], requests, plan.pipeline)
        talker.wakes_at = time.monotonic() + self.rng.random() * plan.pause
        self.selector.register(talker.socket, selectors.EVENT_READ, talker)
        return talker

    def run(self):
        self.looked = time.monotonic()
        while not self.is_over.is_set():
            self.wake()
            self.look()
        self.wait_for_all()
        for talker in self.talkers:
            for op in talker.requests.last_reads():
                talker.send([op])
        self.wait_for_all()
        self.add_up()
        return self.report

    def wake(self):
        now = time.monotonic()
        for talker in self.talkers:
            if not talker.asked and talker.wakes_at <= now:
                talker.send_batch()

    def look(self):
        events = self.selector.select(0.002)
        arrived = time.monotonic()
        self.report.worst_lag = max(self.report.worst_lag, arrived - self.looked)
        self.looked = arrived
        for key, _ in events:
            key.data.receive()
        for key, _ in events:
            self.take_replies(key.data, arrived)
        self.count.value = self.report.replies

    def take_replies(self, talker, arrived):
        for reply in talker.replies():
            if not talker.asked:
                raise AssertionError(f"{reply!r} was not asked for")
            sent, op = talker.asked.popleft()
            self.checker.check(talker, reply, op, arrived, arrived - sent)
        if not talker.asked:
            talker.wakes_at = arrived + self.rng.random() * 2 * self.plan.pause

    def wait_for_all(self):
        deadline = time.monotonic() + self.plan.patience
        while any(talker.asked for talker in self.talkers) and time.monotonic() < deadline:
            self.look()
        self.report.unanswered += sum(len(talker.asked) for talker in self.talkers)
        for talker in self.talkers:
            talker.asked.clear()

    def add_up(self):
        for talker in self.talkers:
            for tally in talker.requests.tallies:
                self.report.added[tally.name] += tally.added
                self.report.perhaps_added[tally.name] += tally.perhaps_added
        with resp.Client(self.plan.addresses[0]) as client:
            for name in self.report.added:
                self.report.totals[name] = client.call("counter.get", NAMESPACE, name, "n")


PLAN = "addresses groups apart clients pipeline keys pause patience seed"
Plan = collections.namedtuple("Plan", PLAN)


def talk(pipe, plan, is_over, count):
    harness.end_with_parent()
    gc.disable()
    try:
        pipe.send(Talk(plan, is_over, count).run())
    except BaseException as error:  # the parent is to hear of it
        report = Report()
        report.wrong.append(f"the load ended with {error!r}")
        pipe.send(report)


class Load:
    def __init__(self, addresses, groups=None, apart=False, clients=20, **options):
        """`options`: of PLAN. `pause`: seconds between two batches of a client; `keys`: of each kind that
        it has; `patience`: seconds for the last replies."""
        usual = {"pipeline": 16, "keys": 4, "pause": 0.04, "patience": 15}
        usual["seed"] = random.randrange(1 << 32)
        groups = list(groups or [0] * SLOTS)
        plan = Plan(addresses, groups, apart, clients, **{**usual, **options})
        self.is_over = multiprocessing.Event()
        self.count = multiprocessing.RawValue("L")
        self.pipe, theirs = multiprocessing.Pipe()
        arguments = (theirs, plan, self.is_over, self.count)
        self.process = multiprocessing.Process(target=talk, args=arguments)
        self.process.start()
        theirs.close()
        self.wait_replies(10 * clients)

    def wait_replies(self, count):
        """Until so many more have come."""
        most = self.count.value + count
        have_come = lambda: self.count.value >= most or self.pipe.poll()
        harness.wait_until(have_come, f"{count} replies come")

    def finish(self):
        """Ends it, and gives the report."""
        self.is_over.set()
        report = self.pipe.recv()
        self.process.join()
        return report

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.pipe.close()
