"""What every end-to-end test shares: where things are, a fresh folder, processes that never outlive the test, a deadline."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from support.console import END, Console
from support.network import Link
from support.processes import Processes
from support.programs import Programs
from support.proxy import Proxy
from support.tree import PATIENCE, Tree, wait_for_shape
from support.waiting import wait_until
from support.watch import Watch

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
OUR_CAPTURES = REPOSITORY / 'tests' / 'data'
DEFAULT_DEADLINE = 60


def shared_captures():
    """The folder of real captures beside the checkout, or None: these tests are then skipped."""
    folder = os.environ.get('LC_SHARED_CAPTURES')
    return pathlib.Path(folder) if folder and (pathlib.Path(folder) / 'truth.json').exists() else None


NEEDS_SHARED = pytest.mark.skipif(shared_captures() is None,
                                  reason='LC_SHARED_CAPTURES names no folder of real captures')


def truth():
    """What tshark and tcpdump say of each shared capture; empty without them."""
    folder = shared_captures()
    return json.loads((folder / 'truth.json').read_text(encoding='utf-8'))['files'] if folder else {}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    marker = item.get_closest_marker('deadline')
    seconds = marker.args[0] if marker else DEFAULT_DEADLINE

    def too_late(_number, _frame):
        raise AssertionError(f'the test took longer than its deadline of {seconds} s')
    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope='session')
def binaries():
    folder = pathlib.Path(os.environ.get('LC_BIN_DIR', REPOSITORY / 'build' / 'release' / 'bin'))
    if not (folder / 'processord').exists():
        pytest.fail(f'no programs in {folder}: build them, or set LC_BIN_DIR', pytrace=False)
    return folder


@pytest.fixture
def programs(binaries, tmp_path):
    processes = Processes(tmp_path)
    yield Programs(binaries, processes)
    processes.close()


@pytest.fixture
def console_of():
    """Makes consoles that have had the first snapshot of a processor; they end with the test."""
    made = []

    def make(processor, **more):
        made.append(Console(processor, **more))
        wait_until(lambda: END in made[-1].kinds, 20, 'the first snapshot')
        return made[-1]
    yield make
    for console in made:
        console.close()


@pytest.fixture
def link():
    """A veth pair between two namespaces."""
    if os.geteuid() != 0:
        pytest.skip('needs root for network namespaces')
    for tool in ('ip', 'tcpreplay', 'tcpdump'):
        assert shutil.which(tool), f'{tool} is not installed: deploy/install-dependencies build test'
    made = Link(pairs=2)
    yield made
    made.close()


@pytest.fixture
def tree(programs, tmp_path):
    made = Tree(programs, tmp_path)
    yield made
    made.close()


@pytest.fixture(scope='module')
def site(binaries, tmp_path_factory):
    """root with east and west below it, and edge below east; a hunter with traffic at edge and one at west. `root` is a
    console of the first. All tests of a file have the same one."""
    folder = tmp_path_factory.mktemp('site')
    processes = Processes(folder)
    made = Tree(Programs(binaries, processes), folder)
    try:
        for name, *above in (('root',), ('east', 'root'), ('west', 'root'), ('edge', 'east')):
            node = made.start(name, *(made.nodes[each] for each in above))
            if above:
                node.wait_for_log('attached to the upstream processor', PATIENCE)
        made.hunter('edge', 'edge-1', OUR_CAPTURES / 'call-media.pcap')
        made.hunter('west', 'west-1', OUR_CAPTURES / 'call-ipv6.pcap')
        made.root = made.console('root')
        wait_for_shape(made.root, 'root (east (edge edge-1)) (west west-1)')
        yield made
    finally:
        made.close()
        processes.close()


@pytest.fixture
def lcwatch(binaries, tmp_path):
    """Starts lcwatch in a terminal of its own."""
    made = []

    def start(node, *options, **more):
        folder = tmp_path / f'home-{len(made)}'
        folder.mkdir()
        made.append(Watch(binaries, folder, '--addr', getattr(node, 'address', node), *options, **more))
        return made[-1]
    yield start
    for terminal in made:
        terminal.close()


@pytest.fixture
def proxy_to():
    """Makes relays to a port; they end with the test."""
    made = []

    def make(port):
        made.append(Proxy(port))
        return made[-1]
    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture(scope='session')
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp('certificates')
    subprocess.run([REPOSITORY / 'tests' / 'certificates', folder], check=True, timeout=60)
    return folder


@pytest.fixture(scope='session')
def load():
    """A capture of a million packets: 1,000 calls with media. Made once and kept in the build folder."""
    shared = shared_captures()
    if shared is None:
        pytest.skip('LC_SHARED_CAPTURES names no folder of real captures, whose make_load.py this needs')
    kept = REPOSITORY / 'build' / 'test-cache' / 'calls-1000-seconds-13.pcap'
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f'.{os.getpid()}.part')
        subprocess.run(['/usr/bin/python3', shared / 'make_load.py', '--calls', '1000', '--seconds', '13', '--out', part],
                       check=True, timeout=180, stdout=subprocess.DEVNULL)
        pathlib.Path(f'{part}.json').unlink(missing_ok=True)
        part.rename(kept)
    return kept
