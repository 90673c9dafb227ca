"""Rows on tapd: what capturing, following calls and storing cost in one process, beside tcpdump on the same traffic."""
import contextlib
import subprocess
import time

from . import load
from .live_rows import need_root
from .processes import BenchError, Namespace, Process
from .table import Row, median

RATE = 100_000                       # packets/s
CPU_PLAIN, CPU_CALLS = (None, 1.5), (None, 3)   # of tcpdump's CPU
MEMORY_MIB = 80                      # without the kernel's ring, and what calls need
RING_MIB = 64


def replay(namespace, packets):
    """All packets of the file, once, at the rate."""
    done = subprocess.run(['ip', 'netns', 'exec', namespace.name, 'tcpreplay', '-q', '-K', '--pps', str(RATE), '-i',
                           'source', str(packets.path)], capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchError(f'tcpreplay failed: {done.stderr.strip()}')


def packets_in(folders):
    """Packets of all capture files there, by capinfos."""
    files = [path for folder in folders for path in folder.iterdir()]
    total = 0
    for at in range(0, len(files), 500):
        done = subprocess.run(['capinfos', '-T', '-r', '-c', '-M', *files[at:at + 500]], capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError(f'capinfos: {done.stderr.strip()}')
        total += sum(int(line.rsplit('\t', 1)[1]) for line in done.stdout.splitlines())
    return total, len(files)


@contextlib.contextmanager
def running(command, log, namespace, ready):
    process = Process(command, log, namespace.name)
    try:
        process.logged(ready)
        yield process
    finally:
        process.kill()


def captured(bench, packets, namespace, folder, command, ready, stored):
    """CPU seconds per million packets, peak memory, and what of the packets is missing."""
    with running(command, folder / 'program.log', namespace, ready) as process:
        replay(namespace, packets)
        time.sleep(1.5)   # tcpdump's ring hands over a block that is not full after a second
        usage = process.stop()
    found, files = packets_in(stored)
    return {'cpu': usage.cpu_seconds / packets.packets * 1e6, 'mib': usage.peak_mib, 'files': files,
            'missing': packets.packets - found}


def tcpdump(bench, packets, namespace):
    with bench.folder() as folder:
        (folder / 'stored').mkdir()
        command = ['tcpdump', '-Z', 'root', '-i', 'sink', '-B', '65536', '-w', folder / 'stored' / 'all.pcap']
        return captured(bench, packets, namespace, folder, command, 'listening on', [folder / 'stored'])


def tapd(bench, packets, namespace, per_call):
    with bench.folder() as folder:
        for name in ('stored', 'calls'):
            (folder / name).mkdir()
        options = ['--per-call-dir', folder / 'calls', '--rotate-dir', folder / 'stored', '--rotate-size', '0'] \
            if per_call else ['--write-file', folder / 'stored' / 'all.pcap']
        command = [bench.binaries / 'tapd', '--listen', '127.0.0.1:0', '--interface', 'sink', '--state-dir',
                   folder / 'state', *options]
        return captured(bench, packets, namespace, folder, command, 'capturing', [folder / 'stored', folder / 'calls'])


def rows(bench, _):
    need_root()
    packets = load.make_load('calls', bench.repository, bench.data)
    packets.read(bench.tool('pcap_read', packets.path))
    with Namespace() as namespace:
        rounds = [{'tcpdump': tcpdump(bench, packets, namespace), 'plain': tapd(bench, packets, namespace, False),
                   'calls': tapd(bench, packets, namespace, True)} for _ in range(bench.rounds)]

    def figures(kind, figure):
        return [results[kind][figure] for results in rounds]
    found = []
    for kind, name, bounds in (('plain', 'one file', CPU_PLAIN), ('calls', 'a file for each call', CPU_CALLS)):
        shares = [ours / other for ours, other in zip(figures(kind, 'cpu'), figures('tcpdump', 'cpu'))]
        found += [Row(f'tapd, {name}, {RATE:,} packets/s live: CPU of tcpdump', 'times', median(shares), *bounds,
                      higher_is_better=False,
                      detail={'rounds': shares, 'CPU s/M: tapd': median(figures(kind, 'cpu')),
                              'tcpdump': median(figures('tcpdump', 'cpu'))}),
                  Row(f'tapd, {name}: missing, worst round', 'packets', max(figures(kind, 'missing')), 0,
                      higher_is_better=False, detail={'rounds': figures(kind, 'missing'),
                                                      'files': figures(kind, 'files'),
                                                      'tcpdump missed': figures('tcpdump', 'missing')}),
                  Row(f'tapd, {name}: peak memory, ring included', 'MiB', max(figures(kind, 'mib')),
                      MEMORY_MIB + RING_MIB, higher_is_better=False, detail={'rounds': figures(kind, 'mib')})]
    return found
