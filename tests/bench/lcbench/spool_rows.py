"""Rows on the spool: each batch on disk before it is sent, a large backlog, a processor that is away for minutes."""
import contextlib
import shutil
import time

from . import load
from .file_rows import pipeline
from .live_rows import need_root
from .processes import BenchError, Namespace, Process, status_mib
from .system import Processor, hunter
from .table import Row, median

ALWAYS = 0.3                        # M packets/s
FIRST_PACKET_SECONDS = 1            # from the start of hunterd until the first packet of the backlog is stored
CATCH_UP_SECONDS = 120              # after the return of a processor that was away
AWAY_RATE = 20_000                  # packets/s
BACKLOG_RATE = 200_000              # packets/s
HUNTER_MIB, WINDOW_MIB = 25, 64
NOBODY = '127.0.0.1:1'


@contextlib.contextmanager
def disk_folder(bench, name):
    """A folder on the disk that the build is on: a spool in memory would prove little."""
    path = bench.data / f'{name}-{bench.work.name}'
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def counted_load(bench, kind):
    packets = load.make_load(kind, bench.repository, bench.data)
    packets.read(bench.tool('pcap_read', packets.path))
    return packets


def always_row(bench):
    packets = counted_load(bench, 'calls')
    results = []
    for _ in range(bench.rounds):
        with disk_folder(bench, 'spool') as disk:
            results.append(pipeline(bench, packets, tls=False, spool=['--spool-mode', 'always', '--spool-dir', disk]))
    rates = [result['rate'] for result in results]
    return Row('calls, each batch on disk before it is sent', 'M packets/s', median(rates), ALWAYS, ALWAYS,
               detail={'rounds': rates, 'hunterd CPU s/M': median([r['hunterd_cpu'] for r in results]),
                       'hunterd MiB': max(r['hunterd_mib'] for r in results)})


def send(bench, packets, namespace, rate, count, first):
    """Numbered packets into the namespace; when the source is done."""
    bench.tool('load', packets.path, '--interface', 'source', '--rate', rate, '--count', count, '--first', first,
               namespace=namespace.name)


def missing_or_wrong(bench, processor, first, count):
    found = bench.tool('pcap_read', processor.stored, '--numbered', f'{first},{first + count}')
    return found['missing'] + found['doubled'] + found['out_of_order']


def wait_until_stored(processor, size, limit):
    end = time.monotonic() + limit
    while not processor.stored.exists() or processor.stored.stat().st_size < size:
        if time.monotonic() > end:
            raise BenchError(f'{processor.stored.name} did not reach {size} bytes within {limit} s')
        time.sleep(0.002)


def logged_count(path, word):
    """The last value of `word` in a log of statistics."""
    values = [field.partition('=')[2] for field in path.read_text().split() if field.startswith(word + '=')]
    return int(values[-1]) if values else 0


@contextlib.contextmanager
def capturing(bench, folder, address, namespace, options):
    """hunterd on `sink`, ready; its statistics go to folder/hunterd.stats."""
    with (folder / 'hunterd.stats').open('a') as stats:
        process = Process([bench.binaries / 'hunterd', '--processor', address, '--interface', 'sink', '--hunter-id',
                           'hunter-1', '--stats', *options], folder / 'hunterd.log', namespace.name, stdout=stats)
        try:
            process.logged('hunter started')
            time.sleep(0.5)   # the capture thread has begun to read
            yield process
        finally:
            process.kill()


def backlog_rows(bench):
    """A backlog is captured while nobody takes it; hunterd is killed, and started again beside a processor."""
    packets = counted_load(bench, 'sip')
    count = int(bench.backlog * 1e9 / packets.mean_bytes())
    with Namespace() as namespace, bench.folder() as folder, disk_folder(bench, 'backlog') as disk:
        spool = ['--spool-dir', disk, '--spool-max', f'{int(bench.backlog * 2) + 1}G']
        with capturing(bench, folder, NOBODY, namespace, spool) as process:
            send(bench, packets, namespace, BACKLOG_RATE, count, 1)
            time.sleep(6)   # one more line of statistics
            captured = logged_count(folder / 'hunterd.stats', 'captured')
            process.kill()
        on_disk = sum(file.stat().st_size for file in disk.iterdir())
        with disk_folder(bench, 'stored') as stored, Processor(
                bench, stored, namespace.name, options=['--write-file', stored / 'stored.pcap']) as processor:
            begin = time.monotonic()
            with hunter(bench, folder, processor, 'sink', spool, namespace.name) as process:
                wait_until_stored(processor, load.FILE_HEADER + 1, 60)
                first = time.monotonic() - begin
                process.logged('from memory again', 600)
                drained = time.monotonic() - begin
                peak = status_mib(process.pid, 'VmHWM')
                process.stop()
            processor.process.stop()
            wrong = missing_or_wrong(bench, processor, 1, count) - (count - captured)
    size = f'{on_disk / 1e9:.1f} GB'
    detail = {'packets captured': captured, 'of': count, 'drained in s': drained}
    return [Row(f'backlog of {size} after kill -9: first packet stored', 's', first, FIRST_PACKET_SECONDS,
                higher_is_better=False, detail=detail),
            Row(f'backlog of {size}: peak memory of hunterd', 'MiB', peak, HUNTER_MIB + WINDOW_MIB + WINDOW_MIB,
                higher_is_better=False, detail={'of this, ring and window at most': 2 * WINDOW_MIB}),
            Row(f'backlog of {size}: captured, and missing or wrong', 'packets', wrong, 0, higher_is_better=False)]


def away_rows(bench):
    """The processor goes, and comes back on the same port after --minutes of steady traffic."""
    packets = counted_load(bench, 'calls')
    seconds = bench.minutes * 60
    count = int(AWAY_RATE * seconds)
    with Namespace() as namespace, bench.folder() as folder, disk_folder(bench, 'away') as disk:
        store = ['--write-file', folder / 'stored.pcap']
        with Processor(bench, folder, namespace.name, options=store) as processor:
            address = processor.address
            with capturing(bench, folder, address, namespace,
                           ['--spool-dir', disk, '--spool-max', '16G']) as process:
                process.logged('connected')
                processor.process.stop()
                send(bench, packets, namespace, AWAY_RATE, count, 1)
                memory = status_mib(process.pid, 'VmHWM')
                begin = time.monotonic()
                with Processor(bench, folder, namespace.name, options=store, listen=address) as again:
                    process.logged('from memory again', 600)
                    caught_up = time.monotonic() - begin
                    memory = max(memory, status_mib(process.pid, 'VmHWM'))
                    process.stop()
                    again.process.stop()
                    wrong = missing_or_wrong(bench, again, 1, count)
        dropped = logged_count(folder / 'hunterd.stats', 'dropped')
    what = f'processor away for {bench.minutes:g} min at {AWAY_RATE:,}/s'
    return [Row(f'{what}: everything stored after its return', 's', caught_up, CATCH_UP_SECONDS,
                higher_is_better=False, detail={'packets': count}),
            Row(f'{what}: missing, doubled or out of order', 'packets', wrong, 0, higher_is_better=False,
                detail={'dropped, as hunterd says': dropped}),
            Row(f'{what}: peak memory of hunterd', 'MiB', memory, HUNTER_MIB + 2 * WINDOW_MIB, higher_is_better=False,
                detail={'of this, ring and window at most': 2 * WINDOW_MIB})]


def rows(bench, _):
    need_root()
    return [always_row(bench), *backlog_rows(bench), *away_rows(bench)]
