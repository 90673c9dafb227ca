"""One run: settings and faults drawn from a seed, traffic, faults, healing, an orderly end, and the judge.

    python3 -m oracle.sequence --binaries DIR --folder DIR --seed N [--tiers N] [--traffic SECONDS] [--only FAULT ...]

runs inside a sandbox (sandbox.command()), writes DIR/result.json and ends with 1 when anything is wrong.
"""
import argparse
import json
import pathlib
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from oracle import FAULT, PYTHON, faults, judge, sandbox, source
from oracle.nodes import fail_points_built_in
from oracle.rig import TIERS, Rig
from support.waiting import wait_until

DRAINED_WITHIN = 90
TICK = 0.02


@dataclass
class Plan:
    seed: int
    hunters: list  # (hunter_id, spool mode, whether live, packets per second)
    sync: str
    suffix: str
    window: str  # of each hunter: what it keeps in memory
    tls: bool
    clock: bool
    tiers: int
    forward_spool: str  # the mode of that of each processor with a parent
    kinds: list
    steps: list

    def text(self):
        hunters = ', '.join(f'{name} {"live" if live else "file"} {mode} {rate}/s'
                            for name, mode, live, rate in self.hunters)
        options = [*([f'{self.tiers} tiers with spools {self.forward_spool}'] if self.tiers > 1 else []),
                   f'window {self.window}', f'sync {self.sync}', self.suffix, *(['TLS'] if self.tls else []),
                   *(['stepped clock'] if self.clock else [])]
        return f'seed {self.seed}: {hunters}; {", ".join(options)}; {" ".join(self.kinds)}'

    def timetable(self):
        return '\n'.join(f'{step.at_ms / 1000:7.3f} s  {step.verb} {step.who} {" ".join(map(str, step.arguments))}'
                         for step in self.steps)


def draw(seed, traffic_ms, only=(), points=True, count=None, tiers=1):
    """The Plan of a seed. `only`: of these kinds, each at least once; `points`: whether programs have fail-points."""
    random_ = random.Random(seed)
    possible = [name for name, kind in faults.KINDS.items()
                if (points or not kind.points) and (tiers > 1 or not kind.chain) and (not only or name in only)]
    count = count or random_.randrange(3, 7)
    kinds = list(only) + [random_.choice(possible) for _ in range(count - len(only))]
    traits = [faults.KINDS[name] for name in kinds]
    live_only = any(kind.live for kind in traits)
    spooled = any(kind.spool for kind in traits)
    hunters = []
    for number in range(random_.choice((1, 1, 2))):
        live = (live_only and number == 0) or random_.random() < 0.75
        mode = random_.choice(('overflow', 'always') if spooled else ('overflow', 'always', 'always', 'off'))
        hunters.append((f'hunter-{number + 1}', mode, live, random_.randrange(1000, 4000)))
    steps = []
    for kind in traits:
        candidates = [name for name, _, live, _ in hunters if live or not kind.live]
        at_ms = random_.randrange(500, max(501, traffic_ms - 1000))
        steps += kind.steps(random_, at_ms, _where(random_, random_.choice(candidates), TIERS[tiers]))
    settings = {
        'sync': random_.choice(('interval', 'interval', 'always', 'never')),
        'suffix': random_.choice(('pcapng', 'pcapng', 'pcap')),
        'window': random_.choice(('64M', '1M')),
        'tls': any(kind.tls for kind in traits) or random_.random() < 0.1,
        'clock': any(kind.clock for kind in traits)}
    spools = ('overflow',) if tiers == 1 or any(kind.chain for kind in traits) else ('overflow', 'overflow', 'off')
    return Plan(seed, hunters, **settings, tiers=tiers, forward_spool=random_.choice(spools), kinds=kinds,
                steps=sorted(steps, key=lambda step: step.at_ms))


def _where(draw_from, hunter, processors):
    above, children = processors[0], processors[1:]
    if not children:
        return faults.Where(hunter, above, None, hunter)
    return faults.Where(hunter, draw_from.choice(processors), draw_from.choice(children),
                        draw_from.choice((hunter, *children)))


class Run:
    """A plan carried out."""

    def __init__(self, plan, binaries, folder, traffic_ms):
        self._plan, self._folder, self._traffic_ms = plan, folder, traffic_ms
        self._sources = {}
        hunters = []
        for number, (name, mode, live, rate) in enumerate(plan.hunters):
            if live:
                self._sources[name], interface = sandbox.add_pair(number)
            else:
                interface = folder / f'{name}.pcap'
                source.write_file(interface, name, plan.seed, self._owed(rate), rate)
            hunters.append((name, interface, mode, live))
        self.rig = Rig(binaries, folder, hunters, tiers=plan.tiers, forward_spool=plan.forward_spool, sync=plan.sync,
                       suffix=plan.suffix, window=plan.window, tls=plan.tls, clock=plan.clock)

    def _owed(self, rate):
        return rate * self._traffic_ms // 1000

    def go(self):
        """The judge's Verdict; AssertionError when it did not come to that."""
        self.rig.begin()
        senders = [self._send(name, rate) for name, _, live, rate in self._plan.hunters if live]
        begun = time.monotonic()
        steps = list(self._plan.steps)
        while steps or time.monotonic() - begun < self._traffic_ms / 1000:
            now_ms = (time.monotonic() - begun) * 1000
            while steps and steps[0].at_ms <= now_ms:
                self.rig.do(steps.pop(0))
            self.rig.check()
            time.sleep(TICK)
        self.rig.heal()
        for sender in senders:
            if sender.stop() != 0:
                raise RuntimeError(f'the source failed: {sender.log}')
        self._finish()
        return self._judge()

    def _send(self, name, rate):
        return self.rig.processes.start(
            [PYTHON, '-m', 'oracle.source', name, self._plan.seed, self._sources[name], rate, 600,
             self._folder / f'{name}.sent'], f'source-of-{name}', env={'PYTHONPATH': str(FAULT)})

    def _finish(self):
        """Everything captured is at the root, then all end in order: from below."""
        end = time.monotonic() + DRAINED_WITHIN
        before = {name: hunter.lines() for name, hunter in self.rig.hunters.items() if hunter.live}
        for hunter in self.rig.hunters.values():
            if hunter.live:
                self._drain(hunter, before[hunter.name], end)
                self.rig.finish(hunter.name)
            else:
                wait_until(lambda: self.rig.check() or hunter.finished(), max(1, end - time.monotonic()),
                           f'{hunter.name} to be done with its file')
        for processor in reversed(self.rig.processors):
            if processor is not self.rig.processors[0]:
                self._drain(processor, processor.lines(), end)
            self.rig.finish(processor.name)

    def _drain(self, node, lines_before, end):
        wait_until(lambda: self.rig.check() or node.drained(lines_before), max(10, end - time.monotonic()),
                   f'{node.name} to have passed everything on')

    def _judge(self):
        issued = {}
        for name, _, live, rate in self._plan.hunters:
            hunter = self.rig.hunters[name]
            if live:
                times = source.times(self._folder / f'{name}.sent')
                issued[name] = judge.Issued(len(times), times, hunter.excused(times), runs=hunter.owed())
            else:
                issued[name] = judge.Issued(self._owed(rate))
            issued[name].reported_dropped = hunter.reported_dropped()
        return judge.judge_tiers(self.rig.processors, issued)

    def problems(self):
        """What is wrong beside the packets: balances that do not add up, reports of the sanitizers."""
        unbalanced = [f'{node.name}: {text}' for node in self.rig.nodes.values() if (text := node.balance())]
        return unbalanced, [line for node in self.rig.nodes.values() for line in node.complaints()]

    def close(self):
        self.rig.close()


def carry_out(plan, binaries, folder, traffic_ms):
    """The result as JSON can hold it."""
    result = {'plan': plan.text(), 'timetable': plan.timetable(), 'kinds': plan.kinds, 'counts': {}, 'details': [],
              'balance errors': 0, 'other': 0}
    run = None
    begun = time.monotonic()
    try:
        run = Run(plan, binaries, folder, traffic_ms)
        try:
            verdict = run.go()
            result |= {'stored': verdict.stored, 'excused': verdict.excused, 'counts': dict(verdict.counts)}
            result['details'] += verdict.details
            unbalanced, complaints = run.problems()
            result['balance errors'] = len(unbalanced)
            result['other'] = len(complaints)
            result['processor errors'] = sorted(run.rig.processor_errors())
            result['details'] += unbalanced + complaints
        except AssertionError as error:  # rig.Failure, TooLate, a program that ended while it was awaited
            result['other'] += 1
            result['details'] += [str(error), *(line for node in run.rig.nodes.values() for line in node.complaints())]
        result['details'] += run.rig.notes
    finally:
        if run:
            run.close()
    result['seconds'] = round(time.monotonic() - begun, 1)
    return result


def failed(result):
    return bool(result['other'] or result['balance errors'] or any(result['counts'].values()))


def keep_disks(folder):
    """Copies what lies on the sandbox's own mounts, which go with it, to where the folder is."""
    subprocess.run(['cp', '-a', folder / 'disks', folder / 'kept'], check=False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--binaries', type=pathlib.Path, required=True)
    parser.add_argument('--folder', type=pathlib.Path, required=True)
    parser.add_argument('--seed', type=int, required=True)
    parser.add_argument('--traffic', type=float, default=10.0)
    parser.add_argument('--only', nargs='*', default=[])
    parser.add_argument('--count', type=int)
    parser.add_argument('--tiers', type=int, choices=TIERS, default=1)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sandbox.prepare()
    points = fail_points_built_in(options.binaries)
    plan = draw(options.seed, int(options.traffic * 1000), options.only, points, options.count, options.tiers)
    print(plan.text(), plan.timetable(), sep='\n', flush=True)
    try:
        result = carry_out(plan, options.binaries, options.folder, int(options.traffic * 1000))
        (options.folder / 'result.json').write_text(json.dumps(result, indent=2), encoding='utf-8')
        print(json.dumps(result, indent=2))
        code = int(failed(result))
    except BaseException:
        keep_disks(options.folder)
        raise
    if code:
        keep_disks(options.folder)
    return code


if __name__ == '__main__':
    sys.exit(main())
