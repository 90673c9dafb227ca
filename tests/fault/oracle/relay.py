"""A TCP relay between a processor and one below it that breaks the link: a process of its own, steered over a pipe.

Relay is its handle. Run as a program it reads JSON lines from standard input, each a command with its arguments, does
it and answers with a line; the first line it writes says its port. It ends when standard input does.
"""
import asyncio
import json
import socket
import struct
import subprocess
import sys

from oracle import FAULT, PYTHON

CHUNK = 16 * 1024
RESET_ON_CLOSE = struct.pack('ii', 1, 0)  # SO_LINGER on, 0 s: close() sends RST
BOTH = ('up', 'down')  # up: to the processor


class Relay:
    """Every method returns when it is done."""

    def __init__(self):
        self._child = subprocess.Popen([PYTHON, '-m', 'oracle.relay'], cwd=FAULT, text=True, bufsize=1,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = self._answer()['port']

    @property
    def address(self):
        return f'127.0.0.1:{self.port}'

    def target(self, port):
        """Where new connections go."""
        self._do('target', port=port)

    def cut(self):
        """Ends the connections in order (FIN both ways); new ones are served."""
        self._do('cut')

    def reset_after(self, size):
        """Lets `size` more bytes up, then resets (RST both ways) in the middle of whatever that is."""
        self._do('reset_after', size=size)

    def stall(self, ways=BOTH):
        """Reads no more; nothing ends."""
        self._do('stall', ways=list(ways))

    def forget(self, side):
        """Half-open: the other side is reset; `side` ('below', 'above') is not told; what it sends vanishes."""
        self._do('forget', side=side)

    def slow(self, delay_s=0.0, bytes_per_second=0):
        self._do('slow', delay_s=delay_s, bytes_per_second=bytes_per_second)

    def refuse(self):
        """Resets what there is and whatever comes."""
        self._do('refuse')

    def heal(self):
        """An ordinary link for new connections and those not yet broken; the forgotten ones stay forgotten."""
        self._do('heal')

    def drop_forgotten(self):
        """Tells the forgotten sides, with a reset, as a rebooted peer does."""
        self._do('drop_forgotten')

    def close(self):
        self._child.kill()
        self._child.wait()
        self._child.stdin.close()
        self._child.stdout.close()

    def _do(self, command, **arguments):
        self._child.stdin.write(json.dumps({'do': command, **arguments}) + '\n')
        self._answer()

    def _answer(self):
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError('the relay ended')
        return json.loads(line)


class _Connection:
    def __init__(self, server, below, above):
        self._server = server
        self.below, self.above = below, above  # (reader, writer) each
        self.forgotten = None  # the side that must not notice

    async def run(self):
        await asyncio.gather(self._pump('up', self.below[0], self.above[1]),
                             self._pump('down', self.above[0], self.below[1]))
        self._server.connections.discard(self)
        for _, writer in (self.below, self.above):
            writer.close()

    async def _pump(self, way, reader, writer):
        queue = asyncio.Queue(maxsize=256)
        await asyncio.gather(self._read(way, reader, queue), self._write(writer, queue))

    async def _read(self, way, reader, queue):
        try:
            while data := await reader.read(CHUNK):
                await self._server.flowing[way].wait()
                left = self._server.reset_after if way == 'up' else None
                if left is not None and not self.forgotten:
                    data = data[:left]
                    self._server.reset_after = left - len(data)
                await queue.put((asyncio.get_running_loop().time() + self._server.delay_s, data))
        except OSError:
            pass
        await queue.put((0, b''))

    async def _write(self, writer, queue):
        try:
            while True:
                due, data = await queue.get()
                if not data:
                    break
                await asyncio.sleep(max(0, due - asyncio.get_running_loop().time()))
                if self.forgotten:
                    continue
                writer.write(data)
                await writer.drain()
                if writer is self.above[1] and self._server.reset_after == 0 and queue.empty():
                    self._server.reset_after = None
                    self._server.reset()
                if self._server.bytes_per_second:
                    await asyncio.sleep(len(data) / self._server.bytes_per_second)
            if not self.forgotten and writer.can_write_eof():
                writer.write_eof()
        except OSError:
            while (await queue.get())[1]:  # the reader must not wait for room
                pass

    def forget(self, side):
        self.forgotten = side
        _reset(self.above[1] if side == 'below' else self.below[1])

    def reset(self):
        for _, writer in (self.below, self.above):
            _reset(writer)

    def cut(self):
        for _, writer in (self.below, self.above):
            writer.close()


def _reset(writer):
    if writer.is_closing():
        return
    writer.get_extra_info('socket').setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()


class _Server:
    def __init__(self):
        self.connections = set()
        self.flowing = {way: asyncio.Event() for way in BOTH}
        self._target = None
        self.heal()

    def heal(self):
        self._refusing = False
        self.reset_after = None
        self.slow(0.0, 0)
        for flowing in self.flowing.values():
            flowing.set()

    def slow(self, delay_s, bytes_per_second):
        self.delay_s, self.bytes_per_second = delay_s, bytes_per_second

    def target(self, port):
        self._target = port

    def _standing(self):
        return [c for c in self.connections if not c.forgotten]

    def cut(self):
        for connection in self._standing():
            connection.cut()

    def reset(self):
        for connection in self._standing():
            connection.reset()

    def set_reset_after(self, size):
        self.reset_after = size

    def stall(self, ways):
        for way in ways:
            self.flowing[way].clear()

    def forget(self, side):
        for connection in self._standing():
            connection.forget(side)

    def drop_forgotten(self):
        for connection in [c for c in self.connections if c.forgotten]:
            connection.reset()

    def refuse(self):
        self._refusing = True
        self.reset()

    async def accept(self, *below):
        try:
            if self._refusing:
                raise ConnectionRefusedError
            above = await asyncio.open_connection('127.0.0.1', self._target)
        except OSError:
            _reset(below[1])
            return
        for _, writer in (below, above):
            writer.get_extra_info('socket').setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(self, below, above)
        self.connections.add(connection)
        await connection.run()


async def _serve():
    server = _Server()
    listener = await asyncio.start_server(server.accept, '127.0.0.1', 0)
    print(json.dumps({'port': listener.sockets[0].getsockname()[1]}), flush=True)
    steering = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(steering), sys.stdin)
    commands = {'target': server.target, 'cut': server.cut, 'reset_after': server.set_reset_after,
                'stall': server.stall, 'forget': server.forget, 'slow': server.slow, 'refuse': server.refuse,
                'heal': server.heal, 'drop_forgotten': server.drop_forgotten}
    while line := await steering.readline():
        arguments = json.loads(line)
        commands[arguments.pop('do')](**arguments)
        print('{}', flush=True)


if __name__ == '__main__':
    asyncio.run(_serve())
