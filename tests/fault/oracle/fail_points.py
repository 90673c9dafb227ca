"""One run per fail-point: the program dies there, starts again, and nothing is lost or doubled.

    python3 -m oracle.fail_points --binaries DIR --folder DIR --point NAME --seed N

inside a sandbox; writes DIR/result.json. The point is armed from the start; what traffic does not reach is reached by a
restart with a torn file, or by the end.
"""
import argparse
import json
import pathlib
import random
import signal
import sys
import time

from oracle import FAULT, PYTHON, judge, sandbox, source
from oracle.rig import Rig
from oracle.sequence import keep_disks, failed
from support.waiting import TooLate, wait_until

HUNTER = 'hunter-1'
# Every point there is, by the node that dies there, and up to which of its passes one is drawn. The leaf is a processor
# that has a parent.
POINTS = {
    HUNTER: {'spool.create': 1, 'spool.write': 20, 'spool.sync': 1, 'spool.truncate': 1, 'spool.unlink': 1,
             'spool.position': 2, 'uplink.acknowledge': 10},
    'processord': {'capture.create': 1, 'capture.write': 10, 'capture.sync': 5, 'capture.truncate': 1,
                   'capture.rename': 1, 'capture.unlink': 1, 'journal.create': 1, 'journal.write': 10,
                   'journal.sync': 5, 'journal.truncate': 1, 'journal.rename': 1, 'journal.unlink': 1,
                   'processor.acknowledge': 10},
    'leaf': {'forward.create': 1, 'forward.write': 10, 'forward.sync': 2, 'forward.truncate': 1, 'forward.unlink': 1,
             'forward.acknowledge': 3},
}
RATE = 3000


def owner(point):
    return next(node for node, points in POINTS.items() if point in points)


class Death:
    """The program's end at its fail-point, and its resurrection."""

    def __init__(self, rig, point, at_pass):
        self._rig, self._point = rig, point
        self._who = owner(point)
        self.in_forward_spool = point.startswith('forward.') and point != 'forward.acknowledge'
        self.node = rig.nodes[self._who]
        self.node.fail(f'{point}=kill@{at_pass}')
        self.node.dies_at_fail_point = True
        self.reached = False

    def look(self):
        """Whether it has come to that; then the point is disarmed and the program runs again."""
        if not self.reached and any(f'fail point {self._point}' in process.log for process in self.node.lives):
            code = self.node.process.wait()
            assert code == -signal.SIGKILL, f'ended with {code} at the fail-point'
            self.reached = True
            self.node.fail('')
            self.node.dies_at_fail_point = False
            self._rig.buried(self._who)
            self._rig.start(self._who)
        return self.reached

    def await_it(self, within):
        try:
            wait_until(self.look, within, self._point)
        except TooLate:
            pass

    def restart(self):
        """A kill -9, files with half a record at their end, a damaged journal, and the start after it."""
        self._rig.kill(self._who)
        if self._who == 'processord':
            self._rig.tear(self._who, 'stored*', 0, 100)
            self._rig.flip(self._who, 'journal', 0.5, 0)
        else:
            self._rig.tear(self._who, '*.spool', 0, 100)
        self._rig.start(self._who)

    def finish(self, who, connected):
        """Its orderly end, which may be where the point is. Again until it has passed on everything: what the one
        above did not take in time is on disk. `connected`: whether that one has it."""
        node = self._rig.nodes[who]
        while True:
            wait_until(lambda: (self.look() or True) and connected(), 20, f'{who} to be connected')
            self._rig.leave(who)
            code = node.process.stop(within=20)
            if code and self.look():
                self._rig.leave(who)
                code = node.process.stop(within=20)
            assert code == 0, f'{node.process.name} ended with {code}'
            if not node.on_the_way():
                return
            self._rig.start(who)


def carry_out(binaries, folder, point, seed):
    draw = random.Random(f'{point} {seed}')
    at_pass = draw.randint(1, POINTS[owner(point)][point])
    tx, rx = sandbox.add_pair(0)
    result = {'plan': f'{point} at pass {at_pass}, seed {seed}', 'counts': {}, 'details': [], 'balance errors': 0,
              'other': 0, 'reached': False}
    rig = Rig(binaries, folder, [(HUNTER, rx, 'always', True)], tiers=2 if owner(point) == 'leaf' else 1,
              sync=draw.choice(('interval', 'always')))
    try:
        _live(rig, Death(rig, point, at_pass), tx, seed, result)
    except AssertionError as error:
        result['other'] += 1
        result['details'] += [str(error), *(line for node in rig.nodes.values() for line in node.complaints())]
    finally:
        rig.close()
    return result


def _live(rig, death, tx, seed, result):
    if result['plan'].startswith('capture.unlink'):  # a capture without a packet
        rig.start('processord')
        rig.kill('processord')
    if death.in_forward_spool:  # which is used after a second without the parent
        rig.refuse('leaf')
    rig.begin()
    death.look()
    sent = rig.folder / f'{HUNTER}.sent'
    sender = rig.processes.start([PYTHON, '-m', 'oracle.source', HUNTER, seed, tx, RATE, 60, sent], 'source',
                                 env={'PYTHONPATH': str(FAULT)})
    if death.in_forward_spool:
        wait_until(lambda: death.look() or rig.leaf.spool_file(), 20, 'the spool to be used')
    death.await_it(within=3 if death.in_forward_spool else 1)
    if not death.reached:
        death.restart()
        death.await_it(within=1)
    if death.in_forward_spool:
        rig.heal_link('leaf')
    after = time.monotonic_ns()
    wait_until(lambda: sent.exists() and (times := source.times(sent)) and times[-1] > after + 300_000_000, 10,
               'traffic after the restart')
    assert sender.stop() == 0, sender.log
    death.finish(HUNTER, lambda: rig.leaf.has(HUNTER))
    for processor in reversed(rig.processors):
        death.finish(processor.name, processor.attached)
    times = source.times(sent)
    hunter = rig.hunters[HUNTER]
    verdict = judge.judge_tiers(rig.processors, {
        HUNTER: judge.Issued(len(times), times, hunter.excused(times), reported_dropped=hunter.reported_dropped(),
                             runs=hunter.owed())})
    unbalanced = [text for node in rig.nodes.values() if (text := node.balance())]
    complaints = [line for node in rig.nodes.values() for line in node.complaints()]
    result.update(reached=death.reached, stored=verdict.stored, excused=verdict.excused, counts=dict(verdict.counts))
    result['balance errors'], result['other'] = len(unbalanced), len(complaints)
    result['details'] += [*verdict.details, *unbalanced, *complaints]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--binaries', type=pathlib.Path, required=True)
    parser.add_argument('--folder', type=pathlib.Path, required=True)
    parser.add_argument('--point', required=True)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sandbox.prepare()
    try:
        result = carry_out(options.binaries, options.folder, options.point, options.seed)
        (options.folder / 'result.json').write_text(json.dumps(result, indent=2), encoding='utf-8')
        print(json.dumps(result, indent=2))
        code = int(failed(result) or not result['reached'])
    except BaseException:
        keep_disks(options.folder)
        raise
    if code:
        keep_disks(options.folder)
    return code


if __name__ == '__main__':
    sys.exit(main())
