"""The two programs over all their lives: started, killed, stopped, with a record of what that excuses."""
import bisect
import re
import signal
import time
from dataclasses import dataclass, field

from oracle import balance, damage
from support.programs import LISTENING

MS = 1_000_000
START_WITHIN = 30
END_WITHIN = 40
BATCH_AGE_NS = 250 * MS  # a batch is cut at 100 ms; the rest is for the way from the wire into it
_SANITIZER = ('ERROR: AddressSanitizer', 'ERROR: LeakSanitizer', 'runtime error:', 'terminate called')


class Node:
    """One of the programs, over all its lives."""

    def __init__(self, programs, name, folder):
        self.programs = programs
        self.name = name
        self.folder = folder  # of what survives a kill
        self.points = programs.processes.folder / f'{name}.points'
        self.env = {'LC_FAIL_POINT_FILE': str(self.points)}
        self.process = None
        self.lives = []
        self.paused_ns = None
        self.ending = False  # it was asked to
        self.wanted = False  # it shall run, as soon as it can
        self.dies_at_fail_point = False  # it will kill itself, which is no failure
        self._troubles = set()

    @property
    def running(self):
        return self.process is not None and self.process.running()

    @property
    def disk_in_trouble(self):
        """Now: it may rightly refuse to start."""
        return bool(self._troubles)

    def trouble(self, what, now):
        """Its disk is full or fails, or no longer does."""
        (self._troubles.add if now else self._troubles.discard)(what)

    def finished(self):
        """It has nothing more to do, and said so."""
        return False

    def lines(self):
        """How many statistics lines this life has printed."""
        return self.process.output.count(' in_flight=')

    def drained(self, lines_before):
        """Whether a statistics line after the first `lines_before` says that everything has been passed on."""
        return self.lines() > lines_before and self.on_the_way() == 0

    def kill(self):
        """SIGKILL; returns when it is gone. False when it was not running."""
        if not self.running:
            return False
        now = time.monotonic_ns()  # from here on it may do nothing; its end may take a while to be seen
        self.process.kill()
        self.ending = False
        self.died(now)
        return True

    def died(self, at_ns):
        self.paused_ns = None

    def end(self):
        """Asks it to end in order; ended() waits for that."""
        self.resume()
        if self.running:
            self.process.signal(signal.SIGTERM)
            self.ending = True

    def ended(self):
        """Waits until it has; False when its exit code speaks of a failure that it should not have had."""
        if not self.ending:
            return True
        self.ending = False
        code = self.process.wait(END_WITHIN)
        return code == 0 or self.may_have_ended(code)

    def pause(self):
        if self.running and not self.paused_ns:
            self.process.signal(signal.SIGSTOP)
            self.paused_ns = time.monotonic_ns()

    def resume(self):
        if self.running and self.paused_ns:
            self.process.signal(signal.SIGCONT)
        self.paused_ns = None

    def fail(self, orders):
        """Puts fail-points in force; an empty text heals. Whoever reads the file sees the old or the new orders."""
        part = self.points.with_suffix('.part')
        part.write_text(orders, encoding='ascii')
        part.rename(self.points)

    def began(self, pattern):
        """Whether the process just started got as far as to log `pattern`; with a disk in trouble it need not."""
        try:
            self.process.wait_for_log(pattern, START_WITHIN)
            return True
        except AssertionError:
            if self.running or not self.may_have_ended(self.process.wait()):
                raise
            return False

    def may_have_ended(self, code):
        """Whether it had a right to end with this exit code while it started."""
        return (self.disk_in_trouble and code > 0) or self.killed_itself(code)

    def last_words_ns(self):
        """When it last logged."""
        return time.monotonic_ns() - (time.time_ns() - self.process.log_path.stat().st_mtime_ns)

    def killed_itself(self, code):
        return self.dies_at_fail_point and code == -signal.SIGKILL

    def complaints(self):
        """Reports of the sanitizers and of the C++ runtime, in any life."""
        return [f'{process.name}: {line}' for process in self.lives for line in process.log.splitlines()
                if any(mark in line for mark in _SANITIZER)]


# What a spool says of damage, and where it was: a later life finds it again if the file is still there.
_DAMAGE = re.compile(r'(?:packets in the spool were damaged|the spool holds a record that is not understood)'
                     r'(?P<where>.*) packets=(?P<packets>[0-9]+)')


class Processor(Node):
    """`relays`: those that lead to it; `above`: the one to its parent, None without one."""

    def __init__(self, programs, name, folder, *options, suffix='pcapng', relays=(), above=None):
        super().__init__(programs, name, folder)
        self._relays, self._above = relays, above
        self.captures = folder / 'captures'
        self.state = folder / 'state'
        for made in (self.captures, self.state):
            made.mkdir(parents=True)
        self._options = ['--processor-id', name, '--write-file', self.captures / f'stored.{suffix}',
                         '--state-dir', self.state, *(['--upstream', above.address] if above else []), *options]

    def start(self):
        """True when it listens; the relays then know where. False when its disk does not let it."""
        if self.running:
            return True
        self.process = self.programs.processes.start(
            [self.programs.path('processord'), '--listen', '127.0.0.1:0', *self._options], self.name, env=self.env)
        self.lives.append(self.process)
        if not self.began(LISTENING):
            return False
        self.process.port = int(self.process.wait_for_log(LISTENING).group('port'))
        for relay in self._relays:
            relay.target(self.process.port)
        return True

    def capture_files(self):
        """All of them, of all its lives, in the order in which they were written: that of their last changes."""
        return sorted(self.captures.glob('stored*.pcap*'), key=lambda path: (path.stat().st_mtime_ns, path.name))

    def has(self, hunter_id):
        """Whether that hunter is connected, by this life's log."""
        states = re.findall(rf'hunter (registered|disconnected) hunter_id={hunter_id}\b', self.process.log)
        return states[-1:] == ['registered']

    def attached(self):
        """Whether it is to the parent, if it has one, by this life's log."""
        states = re.findall('(attached to the|no) upstream processor', self.process.log)
        return self._above is None or states[-1:] == ['attached to the']

    def spool_file(self):
        """That of what its parent has not acknowledged; None when there is none."""
        return damage.newest(self.state / 'spool', '*.spool')

    def figures(self):
        return balance.last_line(self.process.output, 'received')

    def on_the_way(self):
        """Packets that its parent has not acknowledged, by its last statistics line."""
        return self.figures().get('forwarding', 0)

    def balance(self):
        figures = self.figures()
        if not figures:
            return 'it printed no statistics line'
        return balance.of_processor(figures) or self._counted_as_logged() or (
            f'{self.on_the_way()} packets are still to be forwarded' if self.on_the_way() else '')

    def _counted_as_logged(self):
        for process in self.lives:
            if figures := balance.last_line(process.output, 'received'):
                if wrong := balance.of_spool(figures, sum(packets for _, packets in _damage(process))):
                    return f'{process.name}: {wrong}'
        return ''

    def lost_on_the_way_up(self):
        """Packets that were damaged in its spool, as it says, over all lives."""
        return sum(packets for _, packets in {found for process in self.lives for found in _damage(process)})


def _damage(process):
    return [(found['where'], int(found['packets'])) for found in _DAMAGE.finditer(process.log)]


@dataclass
class Life:
    """One run of a hunter, for the judge."""
    spawned_ns: int
    process: object = None
    began_ns: int = 0  # it captures
    ended_ns: int = 0
    killed: bool = False
    seen_until_ns: int = 0  # when killed: it had surely read from the wire what was sent until then, but for one batch
    pauses: list = field(default_factory=list)  # (from, to): the kernel's ring does not bridge them
    disk_trouble: bool = False  # it may have dropped what its last heartbeat did not yet tell
    beats: list = field(default_factory=list)  # its heartbeats' counters, as the processor tells them
    stale: dict = None  # what the processor still said of the life before

    def first_lost_ns(self, mode, times):
        """Killed: of what was sent from here on nobody is owed anything; `times` are those of the source's sends."""
        if self.disk_trouble:
            return self.began_ns
        if mode == 'always':
            return self.seen_until_ns - BATCH_AGE_NS
        # What is not acknowledged is lost. Recovered packets are forwarded first, then those captured, in order.
        acknowledged = max(0, self.beats[-1]['forwarded'] - self.beats[-1]['recovered']) if self.beats else 0
        first = bisect.bisect_left(times, self.spawned_ns) + acknowledged
        return min(times[first], self.seen_until_ns - BATCH_AGE_NS) if first < len(times) else self.seen_until_ns


class Hunter(Node):
    def __init__(self, programs, folder, relay, *options, hunter_id, interface, mode, live):
        super().__init__(programs, hunter_id, folder)
        self.relay, self.mode, self.live = relay, mode, live
        self._options = ['--processor', relay.address, '--hunter-id', hunter_id, '-i', interface, '--stats',
                         '--spool-mode', mode, '--spool-dir', folder / 'spool', *options]
        (folder / 'spool').mkdir(parents=True)
        self.life_spans = []
        self._captures = False  # since its last start

    def start(self):
        """True when it captures. False when its disk does not let it."""
        if self.running:
            return True
        life = Life(time.monotonic_ns(), disk_trouble=self.disk_in_trouble)
        self._captures = False
        self.process = self.programs.processes.start(
            [self.programs.path('hunterd'), *self._options], self.name, env=self.env)
        self.lives.append(self.process)
        if not self.began('hunter started'):
            return False
        self._captures, life.process = True, self.process
        if self.life_spans:
            before = self.life_spans[-1]
            life.stale = before.beats[-1] if before.beats else before.stale
        life.began_ns = time.monotonic_ns()
        self.life_spans.append(life)
        return True

    def trouble(self, what, now):
        super().trouble(what, now)
        if now and self.life_spans:
            self.life_spans[-1].disk_trouble = True

    def finished(self):
        return not self.live and self.process is not None and not self.running and self.process.wait() == 0

    def resume(self):
        if self.running and self.paused_ns:
            self.life_spans[-1].pauses.append((self.paused_ns - BATCH_AGE_NS, time.monotonic_ns() + BATCH_AGE_NS))
        super().resume()

    def died(self, at_ns):
        if self._captures:
            life = self.life_spans[-1]
            life.seen_until_ns = life.ended_ns or self.paused_ns or at_ns
            life.ended_ns, life.killed = time.monotonic_ns(), True
            self._captures = False
        super().died(at_ns)

    def end(self):
        super().end()
        if self.ending and self._captures:
            self.life_spans[-1].ended_ns = time.monotonic_ns()

    def may_have_ended(self, code):
        # Without a spool, what is not acknowledged within ten seconds is given up, and reported.
        return super().may_have_ended(code) or (code == 1 and self.mode == 'off')

    def heard(self, counters):
        """What the processor says this hunter's last heartbeat was."""
        life = self.life_spans[-1] if self.life_spans else None
        if life and not life.ended_ns and counters != life.stale and counters not in life.beats[-1:]:
            life.beats.append(counters)

    def excused(self, times):
        """The spans in which a live packet may be lost: from the end of each life to the beginning of the next, and
        those of which a killed life could no longer report what the kernel had dropped."""
        spans = []
        for life, following in zip(self.life_spans, self.life_spans[1:]):
            spans.append((life.first_lost_ns(self.mode, times) if life.killed else life.ended_ns, following.began_ns))
            spans += life.pauses if life.killed else []
        return spans

    def owed(self):
        """With every batch on disk before it is sent: what a killed life had reported must be stored, whatever came."""
        if self.mode != 'always':
            return []
        return [(life.spawned_ns, life.ended_ns, life.beats[-1]['captured'] - life.beats[-1]['dropped'])
                for life in self.life_spans if life.killed and life.beats and not life.disk_trouble]

    def reported_dropped(self):
        """Over all lives; of a killed one, what its last heartbeat said."""
        total = 0
        for life in self.life_spans:
            if not life.killed:
                total += sum(balance.drops(balance.last_line(life.process.output, 'captured')).values())
            elif life.beats:
                total += life.beats[-1]['dropped']
        return total

    def figures(self):
        return balance.last_line(self.process.output, 'captured')

    def on_the_way(self):
        """Packets that are not acknowledged, by its last statistics line."""
        return self.figures()['in_flight']

    def balance(self):
        figures = self.figures()
        return balance.of_hunter(figures) if figures else 'it printed no statistics line'


def fail_points_built_in(binaries):
    return all(b'LC_FAIL_POINT_FILE' in (binaries / name).read_bytes() for name in ('hunterd', 'processord'))
