"""Many clients, in processes of their own: unique values, pipelined, each reply checked and timed.

A reply's time is that between the sending and the moment its bytes are read. A process that was
busy may read late: `lag` is how long ago it last looked, and no reply is called late for it.
"""

import collections
import gc
import multiprocessing
import random
import selectors
import socket
import time

import harness
import resp

BATCH = 10
PROCESSES = 2
MAY_FAIL_WITH = {"LOST", "TIMEOUT", "UNAVAILABLE", "OVERLOADED"}

# In how many `steps`, each with its own deadline; the first of `right` where nothing was lost.
Asked = collections.namedtuple("Asked", "sent_at right may_fail steps what")


class Lease:
    """Equal to any."""

    def __eq__(self, other):
        return isinstance(other, bytes) and len(other) == 16


MISS = [b"MISS", None, Lease()]


class Report:
    """What a process found out."""

    def __init__(self):
        self.replies = 0
        self.read_back = 0  # of replies, those with what was written earlier
        self.failed = collections.Counter()
        self.wrong = []
        self.times = collections.Counter()  # of replies, by whole milliseconds
        self.worst = 0.0
        self.worst_lag = 0.0
        self.late = []

    def add(self, other):
        self.replies += other.replies
        self.read_back += other.read_back
        self.failed += other.failed
        self.wrong += other.wrong
        self.times += other.times
        self.worst = max(self.worst, other.worst)
        self.worst_lag = max(self.worst_lag, other.worst_lag)
        self.late += other.late

    def percentile(self, share):
        left = share * self.replies
        for ms in sorted(self.times):
            left -= self.times[ms]
            if left <= 0:
                return ms
        return 0

    def __str__(self):
        shares = ", ".join(f"{s * 100:g} % in {self.percentile(s)} ms" for s in (0.5, 0.99, 0.999))
        failed = ", ".join(f"{count} {code}" for code, count in sorted(self.failed.items()))
        return (
            f"{self.replies} replies ({failed or 'no errors'}), {self.read_back} of them read back what"
            f" was written; {shares}; worst {self.worst:.0f} ms"
            f" (clients busy for up to {self.worst_lag:.0f} ms)"
        )


class Talker:
    """One client. Its keys and values carry its number and a sequence."""

    def __init__(self, path, number, count, rng):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.number, self.left, self.rng = number, count, rng
        self.sequence = 0
        self.input = bytearray()
        self.asked = collections.deque()
        self.wakes_at = 0.0

    def earlier(self, requests):
        """What this wrote so many requests ago, and with another batch before that."""
        return b"%d.%d" % (self.number, self.sequence - requests - BATCH)

    def request(self):
        """The words, the replies that are right, the steps; Redis loses what it held when it dies."""
        self.sequence += 1
        own = b"%d.%d" % (self.number, self.sequence)
        hash_name, counter = b"d%d" % self.number, b"c%d" % self.number
        unique = self.number * 10_000_000 + self.sequence
        kind = self.sequence % 10
        if kind == 1:
            return ("key.set", "chaos", own, own), (b"OK",), 1
        if kind == 2:
            return ("key.swap", "chaos", own, own), (None,), 1
        if kind == 3:
            return ("dict.set", "chaos", hash_name, own, own), (1,), 1
        if kind == 4:
            last = self.earlier(1)
            return ("dict.get", "chaos", hash_name, last), (last, None), 1
        if kind == 5:
            return ("counter.incr", "chaos", counter, own, unique), (unique,), 1
        if kind == 6:
            last = self.earlier(5)
            return ("key.get", "chaos", last), (last, None), 1
        if kind == 7:
            return ("memo.set", "chaos", b"m" + own, own), (b"OK",), 1
        if kind == 8:
            return ("ping", own), (own,), 0
        if kind == 9:  # those of two steps end the batch: replies come in order
            last = self.earlier(2)
            return ("memo.get", "chaos", b"m" + last), ([b"HIT", last, None], MISS), 2
        return ("memo.get", "wait=1ms", "chaos", b"n" + own), (MISS,), 2

    def send_batch(self):
        requests = [self.request() for _ in range(min(BATCH, self.left))]
        self.left -= len(requests)
        data = b"".join(resp.array(*words) for words, _, _ in requests)
        now = time.monotonic()
        for words, right, steps in requests:
            self.asked.append(Asked(now, right, steps > 0, max(steps, 1), words))
        if self.socket.send(data) != len(data):
            raise AssertionError("the daemon does not read")

    def receive(self):
        data = self.socket.recv(resp.LARGEST_READ)
        if not data:
            raise AssertionError(f"client {self.number}: closed, {len(self.asked)} unanswered")
        self.input += data

    def check_replies(self, arrived, lag, most, report):
        while self.input:
            parsed = resp.parse(self.input)
            if not parsed:
                return
            reply, used = parsed
            del self.input[:used]
            if not self.asked:
                report.wrong.append(f"client {self.number}: unasked {reply!r}")
                return
            asked = self.asked.popleft()
            self.note_time((arrived - asked.sent_at) * 1000, lag * 1000, most, asked, report)
            self.check(reply, asked, report)

    def note_time(self, ms, lag, most, asked, report):
        report.replies += 1
        report.times[int(ms)] += 1
        report.worst = max(report.worst, ms)
        if ms - lag > most * asked.steps:
            report.late.append((round(ms), round(lag), asked.what))

    def check(self, reply, asked, report):
        if isinstance(reply, resp.Error) and asked.may_fail and reply.code in MAY_FAIL_WITH:
            report.failed[reply.code] += 1
        elif isinstance(reply, resp.Error) or reply not in asked.right:
            report.wrong.append(f"client {self.number}: {asked.what!r} got {reply!r}")
        elif len(asked.right) > 1:
            report.read_back += reply == asked.right[0]


class Talk:
    """The clients of one process, until each has had its share of replies."""

    def __init__(self, path, numbers, count, pause, most, seed):
        self.rng = random.Random(seed)
        self.pause, self.most = pause, most
        self.report = Report()
        self.selector = selectors.DefaultSelector()
        self.talkers = [Talker(path, number, count, self.rng) for number in numbers]
        for talker in self.talkers:
            talker.wakes_at = time.monotonic() + self.rng.random() * pause
            self.selector.register(talker.socket, selectors.EVENT_READ, talker)

    def run(self):
        looked = time.monotonic()
        while self.talkers:
            self.wake()
            events = self.selector.select(0.002)
            arrived = time.monotonic()
            lag, looked = arrived - looked, arrived
            self.report.worst_lag = max(self.report.worst_lag, lag * 1000)
            for key, _ in events:
                key.data.receive()
            for key, _ in events:
                key.data.check_replies(arrived, lag, self.most, self.report)
        return self.report

    def wake(self):
        """Those that have all their replies ask again, after a pause."""
        now = time.monotonic()
        for talker in [t for t in self.talkers if not t.asked and t.wakes_at <= now]:
            if talker.left == 0:
                self.talkers.remove(talker)
                self.selector.unregister(talker.socket)
                talker.socket.close()
                continue
            talker.wakes_at = now + self.rng.random() * 2 * self.pause
            talker.send_batch()


def talk(pipe, *arguments):
    harness.end_with_parent()
    gc.disable()
    try:
        report = Talk(*arguments).run()
    except BaseException as error:  # the parent is to hear of it
        report = Report()
        report.wrong.append(repr(error))
    pipe.send(report)


class Crowd:
    """`clients` that ask `requests` in all, `pause` seconds between two batches on average."""

    def __init__(self, path, clients, requests, pause, most, seed):
        self.pipes, self.processes = [], []
        for part in range(PROCESSES):
            ours, theirs = multiprocessing.Pipe()
            numbers = range(part, clients, PROCESSES)
            arguments = (theirs, path, numbers, requests // clients, pause, most, seed + part)
            process = multiprocessing.Process(target=talk, args=arguments)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    def is_done(self):
        return all(pipe.poll() for pipe in self.pipes)

    def join(self):
        report = Report()
        for pipe, process in zip(self.pipes, self.processes):
            report.add(pipe.recv())
            process.join()
        return report
