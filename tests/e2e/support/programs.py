"""hunterd and processord, as a test starts them."""
import pathlib

LISTENING = r'listening.* address=(?:"?)(?P<host>[^ "]*):(?P<port>[0-9]+)'


class Programs:
    def __init__(self, binaries, processes):
        self._binaries = pathlib.Path(binaries)
        self.processes = processes

    def path(self, name):
        return self._binaries / name

    def processord(self, *options, listen='127.0.0.1:0', inside=(), within=15, **how):
        """A processord that listens; its `port` and `address` are what it logged."""
        process = self.processes.start(
            [*inside, self.path('processord'), '--listen', listen, *options], 'processord', **how)
        process.port = int(process.wait_for_log(LISTENING, within).group('port'))
        process.address = f'127.0.0.1:{process.port}'
        return process

    def hunterd(self, processor, *options, interface=None, hunter_id='hunter-1', inside=(), **how):
        """A hunterd for `processor` (an address or whatever has one); not waited for."""
        where = ['--interface', interface] if interface else []
        return self.processes.start(
            [*inside, self.path('hunterd'), '--processor', getattr(processor, 'address', processor),
             '--hunter-id', hunter_id, *where, *options], 'hunterd', **how)

    def run(self, program, *options, within=20, **how):
        """A program that is expected to end by itself."""
        process = self.processes.start([self.path(program), *options], program, **how)
        process.code = process.wait(within)
        return process
