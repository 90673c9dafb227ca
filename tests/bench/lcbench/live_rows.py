"""Rows on a live interface and with many hunters: loss, latency, memory over time, 1,000 hunters."""
import json
import os
import subprocess
import time

from . import load
from .processes import BenchError, Namespace, Process, Skipped, cpu_seconds, ring_mib, status_mib
from .system import Processor, hunter, storing
from .table import Row, median, problem_row

LATENCY_RATE = 1000                 # packets/s
MEDIAN_MS, P99_MS = (5, 1), (20, 5)
LIVE_BOUNDS = {300_000: (0, None), 500_000: (None, 0)}   # packets/s: packets lost (floor, goal)
RATE_REACHED = 0.97                 # of the rate asked for, at least
HUNTER_MIB, PROCESSOR_MIB = 25, 60  # without ring and queues
FLAT_MIB = 2                        # growth that is not called a leak
MEMORY_RATE = 20_000                # packets/s: 10 minutes of it fit into memory
HUNTERS_CPU = (10, 10)              # per cent of a core
HUNTERS_MIB, HUNTERS_MIB_TLS = (80, 80), (150, 150)


def need_root():
    if os.geteuid() != 0:
        raise Skipped('network namespaces and capture need root')


def calls(bench):
    return load.make_load('calls', bench.repository, bench.data)


def wait_for_capture(bench, packets, processor, namespace):
    """Sends single packets (number 0) until one is stored."""
    for _ in range(100):
        bench.tool('load', packets.path, '--interface', 'source', '--count', 1, namespace=namespace.name)
        if processor.stored.exists() and processor.stored.stat().st_size > load.FILE_HEADER:
            return
        time.sleep(0.1)
    raise BenchError('the hunter does not capture: nothing is stored after 10 s' + processor.process.last_words())


# ---- live: is anything lost at a steady rate? -------------------------------------------------------

def live_round(bench, packets, namespace, rate):
    with bench.folder() as folder, storing(bench, folder, namespace.name) as processor, \
            hunter(bench, folder, processor, 'sink', namespace=namespace.name) as process:
        wait_for_capture(bench, packets, processor, namespace)
        sent = bench.tool('load', packets.path, '--interface', 'source', '--rate', rate, '--seconds', bench.seconds,
                          '--first', 1, namespace=namespace.name)
        hunted = process.stop()
        found = bench.tool('pcap_read', processor.stored, '--numbered', f'1,{int(sent["sent"]) + 1}')
        processed = processor.process.stop()
    millions = sent['sent'] / 1e6
    return {'lost': found['missing'], 'wrong': found['doubled'] + found['out_of_order'], 'rate': sent['rate'],
            'hunter_cpu': hunted.cpu_seconds / millions, 'processor_cpu': processed.cpu_seconds / millions,
            'source_cpu': sent['cpu_seconds'] / millions}


def tcpdump_round(bench, packets, namespace, rate):
    """tcpdump alone on the same interface, writing locally."""
    with bench.folder() as folder:
        process = Process(['tcpdump', '-Z', 'root', '-i', 'sink', '-B', '65536', '-w', folder / 'stored.pcap'],
                          folder / 'tcpdump.log', namespace.name)
        try:
            process.logged('listening on')
            sent = bench.tool('load', packets.path, '--interface', 'source', '--rate', rate, '--seconds',
                              bench.seconds, '--first', 1, namespace=namespace.name)
            time.sleep(1.5)   # tcpdump's ring hands over a block that is not full after a second
            usage = process.stop()
        finally:
            process.kill()
        found = bench.tool('pcap_read', folder / 'stored.pcap', '--numbered', f'1,{int(sent["sent"]) + 1}')
    return {'lost': found['missing'], 'cpu': usage.cpu_seconds / sent['sent'] * 1e6}


def live_row(bench, packets, namespace, rate):
    results, others = [], []
    for _ in range(bench.rounds):
        results.append(live_round(bench, packets, namespace, rate))
        others.append(tcpdump_round(bench, packets, namespace, rate))

    def each(figure):
        return [result[figure] for result in results]
    row = Row(f'live, {rate:,} packets/s for {bench.seconds:g} s: lost or wrong, worst round', 'packets',
              None, *LIVE_BOUNDS.get(rate, (None, None)), higher_is_better=False,
              detail={'lost': each('lost'), 'doubled or out of order': each('wrong'), 'rate sent': each('rate'),
                      'CPU s/M: hunterd': median(each('hunter_cpu')), 'processord': median(each('processor_cpu')),
                      'source with the kernel\'s part': median(each('source_cpu')),
                      'tcpdump alone': median([other['cpu'] for other in others]),
                      'tcpdump lost': [other['lost'] for other in others]})
    # A round whose source could not keep the rate says nothing about that rate.
    whole = [result for result in results if result['rate'] >= RATE_REACHED * rate]
    if whole:
        row.value = max(result['lost'] + result['wrong'] for result in whole)
    else:
        row.skipped = True
        row.detail = {'no round counts': 'the source did not keep the rate', **row.detail}
    return row


def live_rows(bench, _):
    need_root()
    packets = calls(bench)
    found = []
    with Namespace() as namespace:
        for rate in bench.rates:
            try:
                found.append(live_row(bench, packets, namespace, rate))
            except BenchError as error:
                found.append(problem_row(f'live, {rate:,} packets/s', error))
    return found


# ---- latency ----------------------------------------------------------------------------------------

def latency_round(bench, packets, namespace):
    with bench.folder() as folder, storing(bench, folder, namespace.name) as processor, \
            hunter(bench, folder, processor, 'sink', namespace=namespace.name) as process:
        wait_for_capture(bench, packets, processor, namespace)
        result = bench.tool('latency', processor.stored, '--interface', 'source', '--rate', LATENCY_RATE,
                            '--seconds', bench.seconds, namespace=namespace.name)
        process.stop()
        processor.process.stop()
    if result['stored'] != result['sent']:
        raise BenchError(f'latency: {result["stored"]:.0f} of {result["sent"]:.0f} packets were stored')
    return result


def latency_rows(bench, _):
    need_root()
    packets = calls(bench)
    with Namespace() as namespace:
        results = [latency_round(bench, packets, namespace) for _ in range(bench.rounds)]

    def row(name, figure, bounds, *others):
        values = [result[figure] for result in results]
        detail = {'rounds': values, **{title: median([r[key] for r in results]) for title, key in others}}
        return Row(f'capture to stored at {LATENCY_RATE:,}/s: {name}', 'ms', median(values), *bounds,
                   higher_is_better=False, detail=detail)
    return [row('median', 'median_ms', MEDIAN_MS, ('90 %', 'p90_ms'), ('from sending', 'sent_median_ms')),
            row('99 %', 'p99_ms', P99_MS, ('worst', 'max_ms'), ('from sending', 'sent_p99_ms'))]


# ---- memory over time -------------------------------------------------------------------------------

def growth(samples):
    """How much more the last quarter needs than the second one; the first is for warming up."""
    quarter = max(1, len(samples) // 4)
    return median(samples[-quarter:]) - median(samples[quarter:2 * quarter])


def memory_rows(bench, _):
    need_root()
    packets = calls(bench)
    hunter_mib, processor_mib, seconds = [], [], bench.minutes * 60
    with Namespace() as namespace, bench.folder() as folder, storing(bench, folder, namespace.name) as processor, \
            hunter(bench, folder, processor, 'sink', namespace=namespace.name) as process:
        wait_for_capture(bench, packets, processor, namespace)
        source = Process([bench.tools / 'bench_load', packets.path, '--interface', 'source', '--rate', MEMORY_RATE,
                          '--seconds', seconds], folder / 'load.log', namespace.name)
        try:
            ring = 0
            while source.running():
                time.sleep(1)
                hunter_mib.append(status_mib(process.pid, 'VmRSS'))
                processor_mib.append(status_mib(processor.process.pid, 'VmRSS'))
                ring = max(ring, ring_mib(process.pid))
            source.finish()
        finally:
            source.kill()
        process.stop()
        processor.process.stop()
    what = f'after {bench.minutes:g} min live at {MEMORY_RATE:,}/s'
    return [Row(f'hunterd {what}, without its ring', 'MiB', max(hunter_mib) - ring, HUNTER_MIB,
                higher_is_better=False, detail={'ring': ring, 'peak with ring': max(hunter_mib)}),
            Row(f'processord {what}', 'MiB', max(processor_mib), PROCESSOR_MIB, higher_is_better=False),
            Row('growth of hunterd, second to last quarter', 'MiB', growth(hunter_mib), FLAT_MIB,
                higher_is_better=False),
            Row('growth of processord, second to last quarter', 'MiB', growth(processor_mib), FLAT_MIB,
                higher_is_better=False)]


# ---- many hunters -----------------------------------------------------------------------------------

SETTLE_SECONDS = 6   # every hunter has sent its first heartbeat, and the handshakes are over


def hunters_round(bench, tls):
    length = SETTLE_SECONDS + bench.seconds * 2
    limit = ['--max-hunters', bench.hunters]
    with bench.folder() as folder, Processor(bench, folder, tls=tls, options=limit) as server:
        command = [bench.tools / 'bench_hunters', '--address', server.address, '--hunters', bench.hunters,
                   '--seconds', length, *(bench.tls[1] if tls else [])]
        clients = Process(command, folder / 'hunters.log', stdout=subprocess.PIPE)
        try:
            up = clients.popen.stdout.readline()
            if not up:
                clients.finish()
                raise BenchError('bench_hunters said nothing')
            up = json.loads(up)
            if up['registered'] != bench.hunters:
                raise BenchError(f'{up["registered"]} of {bench.hunters} hunters were accepted{clients.last_words()}')
            time.sleep(SETTLE_SECONDS)
            before, begin = cpu_seconds(server.process.pid), time.monotonic()
            time.sleep(bench.seconds * 2 - 1)
            used, passed = cpu_seconds(server.process.pid) - before, time.monotonic() - begin
            end = json.loads(clients.popen.stdout.readline() or '{}')
            clients.finish()
        finally:
            clients.kill()
        memory = server.process.stop().peak_mib
    if not end or end['streams_failed'] or end['beats_answered'] < end['beats_sent']:
        raise BenchError(f'heartbeats went unanswered: {end}')
    return {'cpu': 100 * used / passed, 'mib': memory, 'up': up['seconds'], 'beats': end['beats_answered']}


def hunters_rows(bench, _):
    found = []
    for tls, memory in ((False, HUNTERS_MIB), (True, HUNTERS_MIB_TLS)):
        results = [hunters_round(bench, tls) for _ in range(bench.rounds)]
        cpu, mib = [r['cpu'] for r in results], [r['mib'] for r in results]
        name = f'{bench.hunters:,} hunters, heartbeats only' + (', mutual TLS' if tls else '')
        found += [Row(f'{name}: processord', '% of a core', median(cpu), *HUNTERS_CPU, higher_is_better=False,
                      detail={'rounds': cpu, 'all up after s': median([r['up'] for r in results]),
                              'heartbeats answered': median([r['beats'] for r in results])}),
                  Row(f'{name}: processord', 'MiB', median(mib), *memory, higher_is_better=False,
                      detail={'rounds': mib})]
    return found
