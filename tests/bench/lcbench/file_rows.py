"""Rows that read a capture file: throughput, the same with TLS, and the share of raw TCP."""
import collections
import os
import time

from . import load
from .processes import Process, machine_cpu_seconds
from .system import check_stored, hunter, storing
from .table import Row, median

MILLION = 1e6
# Per load: packets/s and CPU seconds per million packets of both processes, plain and with TLS: (floor, goal).
RATE = {'calls': (1.5, 2.0), 'sip': (0.8, 1.0)}
RATE_TLS = {'calls': (1.2, 1.6), 'sip': (0.5, 0.7)}
CPU = {'calls': (1.1, 0.9), 'sip': (2.1, 1.6)}
SHARE_OF_RAW = (0.35, 0.5)
# MiB: 25 and 60, and the queues: hunterd's window of 64 MiB, processord's bound of 64 MiB before it pauses hunters.
MEMORY = {'hunterd': 25 + 64, 'processord': 60 + 64}


def pipeline(bench, packets, tls, spool=()):
    """file -> hunterd -> processord -> .pcap in memory. Times the hunter's whole life: it ends when the last packet is
    acknowledged."""
    busy, begin = machine_cpu_seconds(), time.monotonic()
    with bench.folder() as folder, storing(bench, folder, tls=tls) as processor, \
            hunter(bench, folder, processor, packets.path, ['--loop', bench.loops, *spool], tls=tls) as process:
        hunted = process.finish()
        check_stored(processor.stored, packets.stored_bytes(bench.loops))
        processed = processor.process.stop()
    others = machine_cpu_seconds() - busy - hunted.cpu_seconds - processed.cpu_seconds
    share = 100 * others / (time.monotonic() - begin) / os.cpu_count()
    millions = packets.packets * bench.loops / MILLION
    return {'rate': millions / hunted.seconds, 'others': max(0, share), 'hunterd_cpu': hunted.cpu_seconds / millions,
            'processord_cpu': processed.cpu_seconds / millions, 'hunterd_mib': hunted.peak_mib,
            'processord_mib': processed.peak_mib}


def raw_tcp(bench, packets, source):
    result = bench.tool('raw_tcp', packets.path, '--loop', bench.loops, '--from', source)
    millions = result['packets'] / MILLION
    return {'rate': millions / result['seconds'],
            'cpu': (result['sender_cpu_seconds'] + result['receiver_cpu_seconds']) / millions}


def pcap_read(bench, packets):
    result = bench.tool('pcap_read', packets.path, '--loop', bench.loops)
    millions = result['packets'] / MILLION
    return {'rate': millions / result['seconds'], 'cpu': result['cpu_seconds'] / millions}


def tcpdump(bench, packets):
    """tcpdump copies the same file into memory, once: it cannot read it several times."""
    with bench.folder() as folder:
        process = Process(['tcpdump', '-r', packets.path, '-w', folder / 'copy.pcap'], folder / 'tcpdump.log')
        try:
            usage = process.finish()
        finally:
            process.kill()
        check_stored(folder / 'copy.pcap', packets.stored_bytes(1))
    millions = packets.packets / MILLION
    return {'rate': millions / usage.seconds, 'cpu': usage.cpu_seconds / millions}


def measure(bench, plain, tls, raw):
    """All that is wanted, interleaved: rounds[load][what] is a list with one result per round."""
    rounds = collections.defaultdict(lambda: collections.defaultdict(list))
    for _ in range(bench.rounds):
        for kind, packets in bench.loads.items():
            results = rounds[kind]
            if plain or raw:
                results['plain'].append(pipeline(bench, packets, tls=False))
            if tls:
                results['tls'].append(pipeline(bench, packets, tls=True))
            if plain or raw or tls:
                results['raw_tcp_from_file'].append(raw_tcp(bench, packets, 'file'))
                results['raw_tcp_from_memory'].append(raw_tcp(bench, packets, 'memory'))
                results['tcpdump'].append(tcpdump(bench, packets))
                results['pcap_read'].append(pcap_read(bench, packets))
    return rounds


def series(results, figure):
    return [result[figure] for result in results]


def shares(results, reference, figure):
    """Median over the rounds of ours divided by the reference's, each within its round."""
    def of(result):
        return result['hunterd_cpu'] + result['processord_cpu'] if figure == 'cpu' else result['rate']
    return median([of(ours) / other[figure] for ours, other in zip(results, reference)])


def pipeline_rows(name, packets, rounds, what, rate_bounds, cpu_bounds):
    results = rounds[what]
    total_cpu = [r['hunterd_cpu'] + r['processord_cpu'] for r in results]
    references = {'raw TCP from the file': 'raw_tcp_from_file', 'raw TCP from memory': 'raw_tcp_from_memory',
                  'tcpdump -r -w': 'tcpdump', 'libpcap reading': 'pcap_read'}

    def compared(figure):
        return {f'of {title}': shares(results, rounds[key], figure) for title, key in references.items()}
    yield Row(name, 'M packets/s', median(series(results, 'rate')), *rate_bounds,
              detail={'mean bytes': packets.mean_bytes(), 'rounds': series(results, 'rate'), **compared('rate'),
                      '% of the machine that others used': series(results, 'others')})
    yield Row(f'{name}: CPU', 's/M packets', median(total_cpu), *cpu_bounds, higher_is_better=False,
              detail={'hunterd': median(series(results, 'hunterd_cpu')),
                      'processord': median(series(results, 'processord_cpu')), 'rounds': total_cpu, **compared('cpu')})
    for program, limit in MEMORY.items():
        values = series(results, f'{program}_mib')
        yield Row(f'{name}: peak memory of {program}, queue included', 'MiB', max(values), limit,
                  higher_is_better=False, detail={'rounds': values})


def raw_row(kind, rounds):
    def absolute(key):
        return median(series(rounds[key], 'rate'))
    per_round = [ours['rate'] / raw['rate'] for ours, raw in zip(rounds['plain'], rounds['raw_tcp_from_file'])]
    return Row(f'{kind}: share of raw TCP that does the same from the file', 'ratio', median(per_round), *SHARE_OF_RAW,
               detail={'rounds': per_round, 'raw TCP M/s': absolute('raw_tcp_from_file'),
                       'raw TCP CPU s/M': median(series(rounds['raw_tcp_from_file'], 'cpu')),
                       'bytes ready in memory M/s': absolute('raw_tcp_from_memory'),
                       'tcpdump M/s': absolute('tcpdump'), 'libpcap reading M/s': absolute('pcap_read')})


def rows(bench, wanted):
    """Rows of `throughput`, `tls` and `raw`, as far as wanted."""
    for kind in load.RECIPES:
        packets = bench.loads[kind] = load.make_load(kind, bench.repository, bench.data)
        packets.read(bench.tool('pcap_read', packets.path))   # also brings it into the page cache
    rounds = measure(bench, 'throughput' in wanted, 'tls' in wanted, 'raw' in wanted)
    found = []
    for kind, packets in bench.loads.items():
        if 'throughput' in wanted:
            found += pipeline_rows(kind, packets, rounds[kind], 'plain', RATE[kind], CPU[kind])
        if 'tls' in wanted:
            found += pipeline_rows(f'{kind}, mutual TLS', packets, rounds[kind], 'tls', RATE_TLS[kind], (None, None))
        if 'raw' in wanted:
            found.append(raw_row(kind, rounds[kind]))
    return found
