"""Sites of a tree, each a network namespace with a wire to the site above it and no way anywhere else. Needs root."""
import itertools
import os
import subprocess

_numbers = itertools.count()


class Site:
    """`inside`: what to put before a command line that shall run there. `above`: where it finds its parent's site."""

    def __init__(self, name, above, parents_address):
        self.name, self.above, self.parents_address = name, above, parents_address
        self.inside = ['ip', 'netns', 'exec', name]


class Sites:
    def __init__(self):
        self._prefix = f'lc{os.getpid()}t{next(_numbers)}x'
        self._made = []

    def make(self, above=None):
        """One more, below another."""
        number = len(self._made)
        name = f'{self._prefix}{number}'
        _ip('netns', 'add', name)
        site = Site(name, above, f'10.77.{number}.1' if above else None)
        self._made.append(site)
        _ip('-n', name, 'link', 'set', 'lo', 'up')
        if above:
            up, down = f'below{number}', 'above'
            _ip('-n', above.name, 'link', 'add', up, 'type', 'veth', 'peer', 'name', down, 'netns', name)
            for where, interface, end in ((above.name, up, 1), (name, down, 2)):
                _ip('-n', where, 'address', 'add', f'10.77.{number}.{end}/30', 'dev', interface)
                _ip('-n', where, 'link', 'set', interface, 'up')
        return site

    def close(self):
        for site in self._made:
            subprocess.run(['ip', 'netns', 'del', site.name], check=False, stderr=subprocess.DEVNULL)


def _ip(*argv):
    done = subprocess.run(['ip', *argv], check=False, text=True, capture_output=True, timeout=20)
    if done.returncode:
        raise RuntimeError(f'ip {" ".join(argv)}: {done.stderr.strip()}')
