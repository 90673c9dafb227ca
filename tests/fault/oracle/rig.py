"""Processors one above the other, hunters at the lowest, relays, disks: the verbs that faults are made of."""
import time

from oracle import damage, sandbox
from oracle.certificates import Certificates
from oracle.monitor import Monitor
from oracle.nodes import Hunter, Processor
from oracle.relay import Relay
from support.processes import Processes
from support.programs import Programs

DISK_MB = 96
TIERS = {1: ('processord',), 2: ('root', 'leaf'), 3: ('root', 'middle', 'leaf')}  # names of the processors, from above
_FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'
_SANITIZERS = {'ASAN_OPTIONS': 'verify_asan_link_order=0', 'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1'}


class Failure(AssertionError):
    """The product did what it must not, other than with packets."""


class Rig:
    """`hunters`: (hunter_id, interface or file, spool mode, whether live) of each. `forward_spool`: the spool mode of
    processors that have a parent."""

    def __init__(self, binaries, folder, hunters, *, tiers=1, forward_spool='overflow', sync='interval',
                 suffix='pcapng', window='64M', tls=False, clock=False):
        self.folder = folder
        self.notes = []  # what was done to files
        self._started = []  # what has a close(), in order
        self._monitors = []
        self._alive = set()
        self._foreign = False
        self._next_try = 0.0
        try:
            self._build(binaries, hunters, TIERS[tiers], forward_spool, sync, suffix, window, tls, clock)
        except BaseException:
            self.close()
            raise

    def _build(self, binaries, hunters, tiers, forward_spool, sync, suffix, window, tls, clock):
        self.processes = Processes(self.folder)
        self._started.append(self.processes)
        programs = Programs(binaries, self.processes)
        self.certificates = Certificates(self.folder / 'certificates') if tls else None
        self.relays, self.disks = {}, {}  # the relay to the parent of each, the disk of each
        hunter_ids = [hunter_id for hunter_id, *_ in hunters]
        for name in (*tiers[1:], *hunter_ids):
            self.relays[name] = Relay()
            self._started.append(self.relays[name])
        for name in (*tiers, *hunter_ids):
            self.disks[name] = sandbox.SmallDisk(self.folder / 'disks' / name, DISK_MB)
        self.processors = []  # from above
        for name, below in zip(tiers, (*((name,) for name in tiers[1:]), hunter_ids)):
            above = self.relays.get(name)
            self.processors.append(Processor(
                programs, name, self.disks[name].folder, '--sync', sync, *self._tls('processor'),
                *(['--spool-mode', forward_spool] if above else []), suffix=suffix,
                relays=[self.relays[lower] for lower in below], above=above))
        self.hunters = {
            hunter_id: Hunter(programs, self.disks[hunter_id].folder, self.relays[hunter_id], *self._tls('client'),
                              '--window', window, *([] if live else ['--pace']), hunter_id=hunter_id,
                              interface=interface, mode=mode, live=live)
            for hunter_id, interface, mode, live in hunters}
        self.nodes = {**{node.name: node for node in self.processors}, **self.hunters}
        for node in self.nodes.values():
            node.env |= _SANITIZERS
            if clock:
                self._clock_file(node.name).write_text('+0', encoding='ascii')
                node.env |= {'LD_PRELOAD': _FAKETIME, 'FAKETIME_TIMESTAMP_FILE': str(self._clock_file(node.name)),
                             'FAKETIME_DONT_FAKE_MONOTONIC': '1', 'FAKETIME_NO_CACHE': '1'}

    def _tls(self, role):
        return self.certificates.options(role) if self.certificates else []

    def _clock_file(self, name):
        return self.folder / f'{name}.clock'

    def begin(self):
        """Everything runs when it returns."""
        for name in self.nodes:
            self.start(name)
        credentials = self.certificates.credentials() if self.certificates else None
        for processor in self.processors:
            asked_of = self.hunters.values() if processor is self.leaf else ()
            self._monitors.append(Monitor(processor, asked_of, credentials))
            self._started.append(self._monitors[-1])

    @property
    def leaf(self):
        """The processor that has the hunters."""
        return self.processors[-1]

    def processor_errors(self):
        """Each reason that a processor gave for an ERROR."""
        return set().union(*(monitor.processor_errors for monitor in self._monitors))

    def leave(self, who):
        """From now on its end is not by itself."""
        self.nodes[who].wanted = False
        self._alive.discard(who)

    def buried(self, who):
        """It killed itself, as asked."""
        if who in self._alive:
            self._alive.discard(who)
            self.nodes[who].died(self.nodes[who].last_words_ns())

    def finish(self, who, within=20):
        """Ends it in order."""
        self.leave(who)
        if code := self.nodes[who].process.stop(within):
            raise Failure(f'{self.nodes[who].process.name} ended with {code}, though everything was healed')

    def close(self):
        for started in reversed(self._started):
            started.close()

    def do(self, step):
        getattr(self, step.verb)(step.who, *step.arguments)

    def check(self):
        """Nothing has ended by itself; what could not start because of its disk tries again."""
        for name in sorted(self._alive):
            node = self.nodes[name]
            if node.running:
                continue
            code = node.process.wait()
            if not node.finished():
                raise Failure(f'{node.process.name} ended by itself with {code}')
            self._alive.discard(name)  # its file is read
        if time.monotonic() > self._next_try:
            self._next_try = time.monotonic() + 0.5
            for name, node in self.nodes.items():
                if node.wanted and not node.running and name not in self._alive:
                    self.start(name)

    # Verbs: processes

    def kill(self, who):
        self.leave(who)
        self.nodes[who].kill()

    def stop(self, who):
        self.leave(who)
        self.nodes[who].end()

    def start(self, who):
        node = self.nodes[who]
        if not node.ended():
            raise Failure(f'{node.process.name} ended with {node.process.wait()} when it was stopped')
        if node.running or node.finished():
            return
        node.wanted = True
        if self._foreign and node in self.processors:
            return  # it would serve with them for good; check() starts it when they are gone
        if node.start():
            self._alive.add(who)

    def pause(self, who):
        self.nodes[who].pause()

    def resume(self, who):
        self.nodes[who].resume()

    # Verbs: the link

    def cut(self, who):
        self.relays[who].cut()

    def reset_after(self, who, size):
        self.relays[who].reset_after(size)

    def stall(self, who, ways):
        self.relays[who].stall(ways)

    def slow(self, who, delay_s, bytes_per_second):
        self.relays[who].slow(delay_s, bytes_per_second)

    def refuse(self, who):
        self.relays[who].refuse()

    def forget(self, who, side):
        self.relays[who].forget(side)

    def drop_forgotten(self, who):
        self.relays[who].drop_forgotten()

    def heal_link(self, who):
        self.relays[who].heal()

    # Verbs: disks

    def fill_disk(self, who):
        self.nodes[who].trouble('full', True)
        self.disks[who].fill()

    def free_disk(self, who):
        self.disks[who].free()
        self.nodes[who].trouble('full', False)

    def fail(self, who, order):
        self.nodes[who].trouble('failing', True)
        self.nodes[who].fail(order)

    def work_again(self, who):
        self.nodes[who].fail('')
        self.nodes[who].trouble('failing', False)

    # Verbs: files of the dead

    def tear(self, who, pattern, cut, garbage):
        self._harm(who, pattern, lambda path: damage.tear(path, cut, garbage), f'{cut} cut, {garbage} added')

    def flip(self, who, pattern, where, bit):
        self._harm(who, pattern, lambda path: damage.flip(path, where, bit), f'bit {bit} flipped at {where:.4f}')

    def _harm(self, who, pattern, harm, what):
        path = None if self.nodes[who].running else damage.newest(self.nodes[who].folder, pattern)
        if path:
            harm(path)
        where = f'{path.name} of {path.stat().st_size} bytes' if path else f'no file: there is no {pattern}'
        self.notes.append(f'{who}: {what} in {where}')

    # Verbs: clock and certificates

    def step_clock(self, who, seconds):
        part = self._clock_file(who).with_suffix('.part')
        part.write_text(f'{seconds:+d}', encoding='ascii')
        part.rename(self._clock_file(who))

    def renew_certificates(self, _who):
        self.certificates.renew()

    def foreign_certificates(self, _who):
        self._foreign = True
        self.certificates.foreign()

    def own_certificates(self, _who):
        self._foreign = False
        self.certificates.restore()

    def heal(self):
        """Ends every fault; everything runs when it returns."""
        if self._foreign:
            self.own_certificates(self.leaf.name)
        for name, node in self.nodes.items():
            self.free_disk(name)
            self.work_again(name)
            node.resume()
        for relay in self.relays.values():
            relay.heal()
        for name in self.nodes:
            self.start(name)
        self.check()
