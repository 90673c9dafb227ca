"""The system under measurement: processord and hunterd as an operator starts them."""
import contextlib
import dataclasses
import itertools
import pathlib
import shutil

from .processes import BenchError, Process, tool_result


@dataclasses.dataclass
class Bench:
    """Where everything is, and how long to measure."""
    repository: pathlib.Path
    binaries: pathlib.Path      # hunterd, processord
    tools: pathlib.Path         # bench_*
    data: pathlib.Path          # capture files, kept between runs
    work: pathlib.Path          # in memory, of this run alone
    rounds: int
    loops: int
    seconds: float
    minutes: float
    rates: list
    hunters: int
    backlog: float              # GB
    loads: dict = dataclasses.field(default_factory=dict)
    tls: tuple = None           # options of server and client
    _numbers: itertools.count = dataclasses.field(default_factory=itertools.count)

    def tool(self, name, *words, namespace=None):
        return tool_result([self.tools / f'bench_{name}', *words], self.work / f'{name}.log', namespace)

    @contextlib.contextmanager
    def folder(self):
        """A fresh folder in memory, gone afterwards."""
        path = self.work / f'run-{next(self._numbers)}'
        path.mkdir()
        try:
            yield path
        finally:
            shutil.rmtree(path)


class Processor:
    """A running processord that listens on a free port of 127.0.0.1."""

    def __init__(self, bench, folder, namespace=None, tls=False, options=(), listen='127.0.0.1:0'):
        self.stored = folder / 'stored.pcap'
        command = [bench.binaries / 'processord', '--listen', listen, '--state-dir', folder / 'state', *options]
        if tls:
            command += bench.tls[0]
        self.process = Process(command, folder / 'processord.log', namespace)
        try:
            self.address = self.process.logged(r'listening address=(\S+)')[1]
        except BaseException:
            self.process.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()


def storing(bench, folder, namespace=None, tls=False):
    """A processor that writes folder/stored.pcap."""
    return Processor(bench, folder, namespace, tls, ['--write-file', folder / 'stored.pcap'])


@contextlib.contextmanager
def chain(bench, folder, length, namespace=None, root=()):
    """Processors p0, p1, ... below each other, from the root down and attached; the root has options of its own."""
    with contextlib.ExitStack() as stack:
        made = []
        for number in range(length):
            own = folder / f'p{number}'
            own.mkdir()
            options = ['--upstream', made[-1].address] if made else root
            one = Processor(bench, own, namespace, options=['--processor-id', f'p{number}', *options])
            made.append(stack.enter_context(one))
            if number:
                one.process.logged('attached to the upstream processor')
        yield made


@contextlib.contextmanager
def hunter(bench, folder, processor, interface, options=(), namespace=None, tls=False):
    """A hunterd that captures from `interface` (or reads that file) for `processor`."""
    command = [bench.binaries / 'hunterd', '--processor', processor.address, '--interface', interface,
               '--hunter-id', 'hunter-1', *options]
    if '--spool-dir' not in options:
        command += ['--spool-dir', folder / 'spool']
    if tls:
        command += bench.tls[1]
    process = Process(command, folder / 'hunterd.log', namespace)
    try:
        yield process
    finally:
        process.kill()


def check_stored(stored, expected_bytes):
    size = stored.stat().st_size
    if size != expected_bytes:
        raise BenchError(f'{stored.name} has {size} bytes instead of {expected_bytes}: not every packet is there, or '
                         'some twice')
