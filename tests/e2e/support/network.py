"""Network namespaces with a veth pair between them: traffic that leaves no trace on the machine. Needs root."""
import ctypes
import itertools
import os
import socket
import subprocess
import threading

_numbers = itertools.count()


class Link:
    """Two namespaces, `sender` and `watcher`, joined by the interfaces `tx` and `rx` (and more pairs on demand).

    IPv6 is off and nothing has an address on the pair, so the only frames on it are those a test sends.
    """

    def __init__(self, pairs=1):
        unique = f'lc{os.getpid()}n{next(_numbers)}'
        self.sender, self.watcher = unique + 's', unique + 'w'
        self.tx = [f'tx{i}' for i in range(pairs)]
        self.rx = [f'rx{i}' for i in range(pairs)]
        try:
            for name in (self.sender, self.watcher):
                _ip('netns', 'add', name)
                self.run(name, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; '
                                           'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6')
                _ip('-n', name, 'link', 'set', 'lo', 'up')
            for tx, rx in zip(self.tx, self.rx):
                # Jumbo: captured calls hold frames that segmentation offload made longer than 1,500 bytes.
                _ip('link', 'add', tx, 'mtu', '9000', 'netns', self.sender, 'type', 'veth',
                    'peer', 'name', rx, 'mtu', '9000', 'netns', self.watcher)
                self.up(rx)
                _ip('-n', self.sender, 'link', 'set', tx, 'up')
        except Exception:
            self.close()
            raise

    def up(self, rx):
        _ip('-n', self.watcher, 'link', 'set', rx, 'up')

    def down(self, rx):
        _ip('-n', self.watcher, 'link', 'set', rx, 'down')

    @property
    def watching(self):
        """What to put before a command line that shall run where the capturing is done."""
        return ['ip', 'netns', 'exec', self.watcher]

    def run(self, namespace, *argv):
        return subprocess.run(['ip', 'netns', 'exec', namespace, *map(str, argv)], check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60).stdout

    def replay(self, path, *options, tx=None):
        """Sends the frames of a capture file from `tx`, with tcpreplay; `options` say how fast."""
        return self.run(self.sender, 'tcpreplay', '--intf1', tx or self.tx[0], '--quiet', *options, path)

    def listener(self):
        """A listening TCP socket on the watcher's loopback: for a relay out of the namespace (proxy.Proxy)."""
        return made_in(self.watcher, lambda: socket.create_server(('127.0.0.1', 0)))

    def sender_on(self, tx):
        """A socket whose send() puts whole frames onto the wire from `tx`."""
        made = made_in(self.sender, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        made.bind((tx, 0))
        return made

    def close(self):
        for name in (self.sender, self.watcher):
            subprocess.run(['ip', 'netns', 'del', name], check=False, stderr=subprocess.DEVNULL)


def made_in(namespace, make):
    """The socket that `make()` gives in the namespace: it stays there, whoever uses it."""
    made = []

    def enter():
        # Of this thread alone, which ends afterwards.
        with open(f'/run/netns/{namespace}', 'rb') as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0):
                raise OSError(ctypes.get_errno(), f'setns {namespace}')
        made.append(make())
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return made[0]


def _ip(*argv):
    done = subprocess.run(['ip', *argv], check=False, text=True, capture_output=True, timeout=20)
    if done.returncode:
        raise RuntimeError(f'ip {" ".join(argv)}: {done.stderr.strip()}')
