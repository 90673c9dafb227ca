"""Sites of a tree, each a network namespace with a wire to the site above it and no way anywhere else. Needs root."""
import itertools
import os
import socket
import subprocess

from support.network import made_in

_numbers = itertools.count()


class Site:
    """`inside`: what to put before a command line that shall run there; `address` and `parents_address`: the two ends of
    the wire to the site above, None at the root."""

    def __init__(self, name, parents_address=None, address=None):
        self.name, self.parents_address, self.address = name, parents_address, address
        self.inside = ['ip', 'netns', 'exec', name]

    def close_to_the_outside(self, port):
        """As a firewall in front of the site: nothing that comes over the wire from above gets to that port of it."""
        for rule in (['add', 'pref', '10', 'iif', 'above', 'ipproto', 'tcp', 'dport', port, 'blackhole'],
                     ['add', 'pref', '20', 'lookup', 'local'], ['delete', 'pref', '0']):
            _ip('-n', self.name, 'rule', *rule)

    def reaches(self, address):
        """Whether a TCP connection can be made from here."""
        def attempt():
            try:
                socket.create_connection(address, timeout=1).close()
                return True
            except OSError:
                return False
        return made_in(self.name, attempt)


class Sites:
    def __init__(self):
        self._prefix = f'lc{os.getpid()}t{next(_numbers)}x'
        self._made = []

    def make(self, above=None):
        """One more, below another."""
        number = len(self._made)
        name = f'{self._prefix}{number}'
        _ip('netns', 'add', name)
        wire = [f'10.77.{number}.{end}' for end in (1, 2)] if above else []
        site = Site(name, *wire)
        self._made.append(site)
        _ip('-n', name, 'link', 'set', 'lo', 'up')
        if above:
            up, down = f'below{number}', 'above'
            _ip('-n', above.name, 'link', 'add', up, 'type', 'veth', 'peer', 'name', down, 'netns', name)
            for where, interface, address in ((above.name, up, wire[0]), (name, down, wire[1])):
                _ip('-n', where, 'address', 'add', f'{address}/30', 'dev', interface)
                _ip('-n', where, 'link', 'set', interface, 'up')
        return site

    def close(self):
        for site in self._made:
            subprocess.run(['ip', 'netns', 'del', site.name], check=False, stderr=subprocess.DEVNULL)


def _ip(*argv):
    done = subprocess.run(['ip', *map(str, argv)], check=False, text=True, capture_output=True, timeout=20)
    if done.returncode:
        raise RuntimeError(f'ip {argv}: {done.stderr.strip()}')
