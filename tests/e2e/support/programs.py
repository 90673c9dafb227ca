"""hunterd, processord and tapd, as a test starts them."""
import functools
import pathlib
import re
import subprocess

LISTENING = r'listening.* address=(?:"?)(?P<host>[^ "]*):(?P<port>[0-9]+)'


@functools.cache
def knows(program, name):
    """Whether it has this option."""
    told = subprocess.run([program, '--help'], capture_output=True, text=True, timeout=20, check=False)
    return re.search(rf'{name}\b', told.stdout) is not None


def option(options, *names):
    """The value of an option that is given as two arguments or with =; None without it."""
    texts = [str(o) for o in options]
    for i, text in enumerate(texts):
        if text in names:
            return texts[i + 1]
        if text.startswith(tuple(f'{n}=' for n in names if n.startswith('--'))):
            return text.split('=', 1)[1]
    return None


class Programs:
    def __init__(self, binaries, processes):
        self._binaries = pathlib.Path(binaries)
        self.processes = processes

    def path(self, name):
        return self._binaries / name

    def processord(self, *options, listen='127.0.0.1:0', inside=(), within=15, **how):
        """A processord that listens; its `port` and `address` are what it logged. One that writes the same file as
        another before it takes over its state, unless the test says where that is."""
        process = self.processes.start(
            [*inside, self.path('processord'), '--listen', listen,
             *self._kept('processord', '--state-dir', option(options, '--write-file', '-w'), options), *options],
            'processord', **how)
        process.port = int(process.wait_for_log(LISTENING, within).group('port'))
        process.address = f'127.0.0.1:{process.port}'
        return process

    def hunterd(self, processor, *options, interface=None, hunter_id='hunter-1', inside=(), **how):
        """A hunterd for `processor` (an address or whatever has one); not waited for."""
        where = ['--interface', interface] if interface else []
        return self.processes.start(
            [*inside, self.path('hunterd'), '--processor', getattr(processor, 'address', processor),
             '--hunter-id', hunter_id, *where, *self._kept('hunterd', '--spool-dir', hunter_id, options), *options],
            'hunterd', **how)

    def tapd(self, *options, interface, hunter_id='tap-1', listen='127.0.0.1:0', inside=(), within=15, **how):
        """A tapd that listens, with what processord() gives."""
        process = self.processes.start(
            [*inside, self.path('tapd'), '--listen', listen, '--interface', interface, '--hunter-id', hunter_id,
             *self._kept('tapd', '--state-dir', option(options, '--write-file', '-w') or hunter_id, options), *options],
            'tapd', **how)
        process.port = int(process.wait_for_log(LISTENING, within).group('port'))
        process.address = f'127.0.0.1:{process.port}'
        return process

    def _kept(self, program, folder_option, whose, options):
        """The option for a folder below the test's own, the same for the same `whose`."""
        if option(options, folder_option) is not None or not knows(self.path(program), folder_option):
            return []
        kept = self.processes.folder / 'kept'
        kept.mkdir(exist_ok=True)
        kept.chmod(0o1777)  # some tests start programs as somebody else
        name = re.sub(r'[^A-Za-z0-9.-]', '_', str(whose))[-200:]
        return [folder_option, kept / f'{program}-{name}']

    def run(self, program, *options, within=20, **how):
        """A program that is expected to end by itself."""
        kept = []
        if option(options, '--write-file', '-w') is not None:
            kept = self._kept(program, '--state-dir', option(options, '--write-file', '-w'), options)
        elif program == 'hunterd' and option(options, '--hunter-id') is not None:
            kept = self._kept('hunterd', '--spool-dir', option(options, '--hunter-id'), options)
        process = self.processes.start([self.path(program), *kept, *options], program, **how)
        process.code = process.wait(within)
        return process
