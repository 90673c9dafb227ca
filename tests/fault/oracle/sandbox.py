"""A place of its own for each run: network, mounts and processes in namespaces that end with it, whatever ends it.

`command()` is put before a program's command line; inside, `prepare()` is the first call. The kernel kills what the
run started, unmounts and takes the interfaces away when the first process of the namespace ends; and that one is killed
when whoever started it is.
"""
import os
import pathlib
import subprocess


def command():
    return ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']


def why_not():
    """Why this can't run here, or nothing."""
    return '' if os.geteuid() == 0 else 'needs root for namespaces'


def prepare():
    _run('mount', '-t', 'sysfs', 'sysfs', '/sys')  # the interfaces that it shows are those of the mounting namespace
    _run('mount', '-t', 'tmpfs', 'tmpfs', '/dev/shm')  # libfaketime names its shared memory by pid, and pids repeat
    for kind in ('all', 'default'):  # no frames but those that a test sends
        pathlib.Path(f'/proc/sys/net/ipv6/conf/{kind}/disable_ipv6').write_text('1', encoding='ascii')
    _run('ip', 'link', 'set', 'lo', 'up')


def add_pair(number):
    """A veth pair; what is sent on the first interface arrives on the second."""
    tx, rx = f'tx{number}', f'rx{number}'
    _run('ip', 'link', 'add', tx, 'mtu', '9000', 'type', 'veth', 'peer', 'name', rx, 'mtu', '9000')
    for name in (rx, tx):
        _run('ip', 'link', 'set', name, 'up')
    return tx, rx


class SmallDisk:
    """A tmpfs on `folder`, that can be filled to the last byte."""

    def __init__(self, folder, megabytes):
        self.folder = folder
        folder.mkdir(parents=True)
        _run('mount', '-t', 'tmpfs', '-o', f'size={megabytes}m', 'tmpfs', folder)
        self._filler = folder / 'filler'

    def fill(self):
        with open(self._filler, 'ab', buffering=0) as file:
            block = bytes(1 << 20)
            while block:
                try:
                    file.write(block)
                except OSError:
                    block = block[:len(block) // 2]

    def free(self):
        self._filler.unlink(missing_ok=True)


def _run(*argv):
    done = subprocess.run([str(a) for a in argv], text=True, capture_output=True, timeout=20, check=False)
    if done.returncode:
        raise RuntimeError(f'{" ".join(map(str, argv))}: {done.stderr.strip()}')
