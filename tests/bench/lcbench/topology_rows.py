"""How soon the root of a tree is told of what happens at its lower end."""
import contextlib
import pathlib
import sys
import time

from .processes import BenchError, Skipped, cpu_seconds
from .system import chain
from .table import Row, median

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'support'))
try:
    import topology_load
except ImportError as error:
    topology_load, MISSING = None, str(error)

LEVELS = 10          # the hunters are nine below the root
HUNTERS = 10
PER_SECOND = 100     # changes
GOAL_MS = 100        # 99 %


def wait_for(condition, what, limit=30):
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            raise BenchError(f'not within {limit} s: {what}')
        time.sleep(0.01)


def a_round(bench):
    with contextlib.ExitStack() as exits, bench.folder() as folder:
        nodes = exits.enter_context(chain(bench, folder, LEVELS))
        follower = topology_load.Follower(nodes[0].address)
        exits.callback(follower.close)
        changes = int(bench.seconds * 2 * PER_SECOND / HUNTERS)
        changing = topology_load.Changing(nodes[-1].address, HUNTERS, changes, PER_SECOND)
        exits.callback(changing.close)
        wait_for(lambda: len(follower.hunters) == HUNTERS, 'the hunters at the root')
        before = sum(cpu_seconds(node.process.pid) for node in nodes)
        changing.begin()
        wait_for(lambda: follower.count() == HUNTERS * changes, 'all changes at the root', 30 + 4 * bench.seconds)
        used = sum(cpu_seconds(node.process.pid) for node in nodes) - before
        if follower.gaps or follower.snapshots != 1:
            raise BenchError('the root has lost changes')
        took = topology_load.delays(changing, follower)
        return {'ms': topology_load.percentile(took, 0.99) * 1e3, 'median': topology_load.percentile(took, 0.5) * 1e3,
                'longest': took[-1] * 1e3, 'us': used * 1e6 / (HUNTERS * changes * LEVELS)}


def rows(bench, _):
    if topology_load is None:
        raise Skipped(MISSING)
    found = [a_round(bench) for _ in range(bench.rounds)]
    return [Row(f'status changes {LEVELS - 1} levels below, {PER_SECOND}/s, 99 %', 'ms',
                median([one['ms'] for one in found]), goal=GOAL_MS, higher_is_better=False,
                detail={'rounds': [one['ms'] for one in found], 'median': median([one['median'] for one in found]),
                        'longest': max(one['longest'] for one in found),
                        'CPU us of a change at each processord': median([one['us'] for one in found])})]
