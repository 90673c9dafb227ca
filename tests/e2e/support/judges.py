"""What programs that are not ours say of a capture file."""
import functools
import os
import subprocess
import tempfile
from collections import namedtuple

Frame = namedtuple('Frame', 'time_ns encapsulation length captured md5')

# An empty home: the judge must not depend on the preferences of whoever runs the tests.
_HOME = tempfile.TemporaryDirectory(prefix='lippycat-judge-')


def _run(argv):
    return subprocess.run([str(a) for a in argv], text=True, capture_output=True, timeout=120, check=False,
                          env={**os.environ, 'HOME': _HOME.name, 'XDG_CONFIG_HOME': _HOME.name, 'LC_ALL': 'C.UTF-8'})


@functools.lru_cache(maxsize=None)
def tshark_frames(path, damaged=False):
    """Every frame as tshark reads it, with the MD5 of its bytes; a complaint is a failure unless `damaged`.

    Asked once for each path: the file must be complete."""
    done = _run(['tshark', '-n', '-r', path, '-o', 'frame.generate_md5_hash:TRUE', '-T', 'fields', '-e', 'frame.time_epoch',
                 '-e', 'frame.encap_type', '-e', 'frame.len', '-e', 'frame.cap_len', '-e', 'frame.md5_hash'])
    complaints = [line for line in done.stderr.splitlines() if not line.startswith('Running as user')]
    assert damaged or (done.returncode == 0 and not complaints), f'tshark on {path}: {done.returncode} {complaints}'
    return tuple(_frame(line.split('\t')) for line in done.stdout.splitlines())


def _frame(fields):
    seconds, _, fraction = fields[0].partition('.')
    # Of a damaged record the fraction may be more than a second, and then has ten digits.
    time_ns = int(seconds) * 1_000_000_000 + int(fraction)
    return Frame(time_ns, int(fields[1]), int(fields[2]), int(fields[3]), fields[4])


def capinfos_count(path):
    """The number of packets by capinfos, which must find no fault with the file."""
    done = _run(['capinfos', '-T', '-r', '-c', '-M', path])
    assert done.returncode == 0 and not done.stderr.strip(), f'capinfos on {path}: {done.returncode} {done.stderr}'
    return int(done.stdout.rstrip('\n').split('\t')[1])
