"""Rows of a tree of processors: what a tier costs, what it adds in time, and many hunters on several edges."""
import contextlib
import json
import subprocess
import time

from . import load
from .live_rows import calls, need_root, wait_for_capture
from .processes import BenchError, Namespace, Process, cpu_seconds, status_mib
from .system import Processor, chain, hunter
from .table import Row, median

TIER_CPU = (0.8, None)        # s/M packets
TIER_MS = (2, None)
LATENCY_RATE = 10_000
EDGES, HUNTER_RATE, HUNTER_BYTES = 10, 100, 350


# ---- CPU of a tier that only forwards ---------------------------------------------------------------

def cpu_round(bench, packets):
    """hunterd -> leaf -> middle -> root, which all store nothing; the middle is measured until hunterd has ended."""
    with bench.folder() as folder, chain(bench, folder, 3) as (root, middle, leaf):
        before = {tier: cpu_seconds(tier.process.pid) for tier in (root, middle, leaf)}
        with hunter(bench, folder, leaf, packets.path, ['--loop', bench.loops]) as process:
            hunted = process.finish()
        millions = packets.packets * bench.loops / 1e6
        used = {tier: (cpu_seconds(tier.process.pid) - before[tier]) / millions for tier in before}
        peak = status_mib(middle.process.pid, 'VmHWM')
        for tier in (leaf, middle, root):
            tier.process.stop()
    return {'middle': used[middle], 'leaf': used[leaf], 'root': used[root], 'peak': peak,
            'rate': millions / hunted.seconds}


def cpu_rows(bench):
    packets = load.make_mixed(bench.repository, bench.data)
    packets.read(bench.tool('pcap_read', packets.path))
    results = [cpu_round(bench, packets) for _ in range(bench.rounds)]

    def each(figure):
        return [result[figure] for result in results]
    return [Row('forwarding: CPU of a middle tier', 's/M packets', median(each('middle')), *TIER_CPU,
                higher_is_better=False,
                detail={'mean bytes': packets.mean_bytes(), 'rounds': each('middle'), 'leaf': median(each('leaf')),
                        'root': median(each('root')), 'M packets/s': median(each('rate')), 'peak MiB': max(each('peak'))})]


# ---- what a tier adds in time -----------------------------------------------------------------------

def latency_round(bench, packets, namespace, tiers):
    """From the capture to the root's file."""
    with bench.folder() as folder, \
            chain(bench, folder, tiers, namespace.name, ['--write-file', folder / 'p0' / 'stored.pcap']) as chained, \
            hunter(bench, folder, chained[-1], 'sink', namespace=namespace.name) as process:
        wait_for_capture(bench, packets, chained[0], namespace)
        result = bench.tool('latency', chained[0].stored, '--interface', 'source', '--rate', LATENCY_RATE,
                            '--seconds', bench.seconds, namespace=namespace.name)
        process.stop()
        for tier in reversed(chained):
            tier.process.stop()
    if result['stored'] != result['sent']:
        raise BenchError(f'latency: {result["stored"]:.0f} of {result["sent"]:.0f} packets were stored')
    return result


def latency_rows(bench):
    need_root()
    packets = calls(bench)
    added, alone, through = [], [], []
    with Namespace() as namespace:
        for _ in range(bench.rounds):
            alone.append(latency_round(bench, packets, namespace, 1))
            through.append(latency_round(bench, packets, namespace, 3))
            added.append((through[-1]['median_ms'] - alone[-1]['median_ms']) / 2)
    return [Row(f'forwarding: median that a tier adds at {LATENCY_RATE:,}/s', 'ms', median(added), *TIER_MS,
                higher_is_better=False,
                detail={'rounds': added, 'one tier': median([r['median_ms'] for r in alone]),
                        'three tiers': median([r['median_ms'] for r in through]),
                        'their 99 %': median([r['p99_ms'] for r in through])})]


# ---- many hunters on several edges ------------------------------------------------------------------

def hunters_round(bench):
    limit = ['--max-hunters', bench.hunters]
    with bench.folder() as folder, contextlib.ExitStack() as stack:
        root = stack.enter_context(Processor(bench, folder, options=['--processor-id', 'root']))
        edges = []
        for number in range(EDGES):
            own = folder / f'edge-{number}'
            own.mkdir()
            edge = Processor(bench, own, options=[*limit, '--processor-id', f'edge-{number}', '--upstream', root.address,
                                                  '--spool-mode', 'off'])
            edges.append(stack.enter_context(edge))
            edge.process.logged('attached to the upstream processor')
        clients = Process([bench.tools / 'bench_hunters', '--address', ','.join(edge.address for edge in edges),
                           '--hunters', bench.hunters, '--seconds', bench.seconds * 2, '--rate', HUNTER_RATE,
                           '--bytes', HUNTER_BYTES], folder / 'hunters.log', stdout=subprocess.PIPE)
        try:
            clients.popen.stdout.readline()
            watched = [root, *edges]
            before, begin = {p: cpu_seconds(p.process.pid) for p in watched}, time.monotonic()
            end = json.loads(clients.popen.stdout.readline() or '{}')
            used = {p: cpu_seconds(p.process.pid) - before[p] for p in watched}
            passed = time.monotonic() - begin
            clients.finish()
        finally:
            clients.kill()
        if not end or end['streams_failed']:
            raise BenchError(f'streams of packets failed: {end}{clients.last_words()}')
        memory = {p: status_mib(p.process.pid, 'VmHWM') for p in watched}
    batches = end['packets_due'] / (HUNTER_RATE / 10)
    return {'lost': end['packets_due'] - end['packets_acknowledged'], 'rate': end['packets_due'] / end['seconds'],
            'behind': end['most_batches_behind'], 'root %': 100 * used[root] / passed, 'root MiB': memory[root],
            'edge %': 100 * median([used[e] for e in edges]) / passed, 'edge MiB': max(memory[e] for e in edges),
            'us/batch root': 1e6 * used[root] / batches, 'us/batch edges': 1e6 * sum(used[e] for e in edges) / batches,
            'us/batch generator': 1e6 * end['cpu_seconds'] / batches}


def hunters_rows(bench):
    results = [hunters_round(bench) for _ in range(bench.rounds)]
    name = f'{bench.hunters:,} hunters on {EDGES} edges, {HUNTER_RATE} packets/s each'
    detail = {key: median([r[key] for r in results])
              for key in ('rate', 'behind', 'root %', 'root MiB', 'edge %', 'edge MiB')}
    return [Row(f'{name}: not acknowledged by the root', 'packets', max(r['lost'] for r in results), 0,
                higher_is_better=False, detail=detail)]


def rows(bench, _):
    return cpu_rows(bench) + latency_rows(bench) + hunters_rows(bench)
