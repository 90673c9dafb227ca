"""Real captures through chains and a tree of processords, each in a namespace of its own: every tier has every packet of
the hunters below it once, in each hunter's order, unchanged, and says which hunter it is from."""
import os

import pytest
from conftest import OUR_CAPTURES, shared_captures, truth
from support import capture_file, judges
from support.sites import Sites
from support.waiting import wait_until

ATTACHED = 'attached to the upstream processor'
MOST_PACKETS = 3000


def captures():
    """Small ones that libpcap reads without complaint: the real ones where they are, else our own."""
    real = [shared_captures() / name for name, entry in sorted(truth().items())
            if not entry['tcpdump']['messages'] and 0 < entry['packets'] <= MOST_PACKETS]
    return real or sorted(OUR_CAPTURES.glob('*.pcap*'))


class Node:
    """A processord at a site of its own; `hunters` are those registered at it: (id, capture)."""

    def __init__(self, programs, sites, folder, name, above=None):
        self.name, self.above, self.children, self.hunters = name, above, [], []
        self.folder = folder / name
        self.folder.mkdir()
        self.site = sites.make(above.site if above else None)
        if above:
            above.children.append(self)
        upstream = ['--upstream', f'{self.site.parents_address}:{above.process.port}'] if above else []
        self.process = programs.processord(
            '--insecure', '--processor-id', name, '--state-dir', self.folder / 'state', '--write-file',
            self.folder / 'stored.pcapng', *upstream, listen='0.0.0.0:0', inside=self.site.inside)

    def attached(self):
        if self.above:
            self.process.wait_for_log(ATTACHED, 20)
        return self

    def expected(self):
        """Capture files by where their packets are from, as this node sees it."""
        own = {hunter_id: capture for hunter_id, capture in self.hunters}
        for child in self.children:
            own.update({f'{child.name}/{path}': capture for path, capture in child.expected().items()})
        return own

    def check(self):
        stored = capture_file.packets_by_description(self.folder / 'stored.pcapng')
        expected = {f'hunter {path}': capture for path, capture in self.expected().items()}
        assert set(stored) == set(expected), self.name
        for description, capture in expected.items():
            capture_file.assert_same(capture_file.read(capture), stored[description], f'{self.name}, {description}: packet')
        assert judges.capinfos_count(self.folder / 'stored.pcapng') == sum(map(len, stored.values()))


@pytest.fixture
def grow(programs, tmp_path):
    if os.geteuid() != 0:
        pytest.skip('needs root for network namespaces')
    sites = Sites()
    yield lambda name, above=None: Node(programs, sites, tmp_path, name, above)
    sites.close()


def run(programs, nodes, hunters):
    """`hunters`: (node, id, capture). Until all have ended, and then the nodes, from below."""
    running = []
    for node, hunter_id, capture in hunters:
        node.hunters.append((hunter_id, capture))
        running.append(programs.hunterd(f'127.0.0.1:{node.process.port}', '--insecure', '--spool-mode', 'off', '--spool-dir',
                                        node.folder / hunter_id, interface=capture, hunter_id=hunter_id,
                                        inside=node.site.inside))
    for hunter in running:
        assert hunter.wait(within=90) == 0, hunter.log
    for node in reversed(nodes):
        wait_until(lambda: not node.above or ' forwarding=0 ' in (node.process.output.splitlines() or [''])[-1], 30,
                   f'{node.name} to have nothing on the way')
        assert node.process.stop() == 0
    for node in nodes:
        node.check()


@pytest.mark.deadline(120)
@pytest.mark.parametrize('length', [2, 3, 10])
def test_real_captures_pass_a_chain(programs, grow, length):
    nodes = [grow('p0').attached()]
    while len(nodes) < length:
        nodes.append(grow(f'p{len(nodes)}', nodes[-1]).attached())
    found = captures()
    run(programs, nodes, [(nodes[-1], 'h1', found[0]), (nodes[-1], 'h2', found[len(found) // 2]),
                          (nodes[(length - 1) // 2], 'h1', found[-1])])


@pytest.mark.slow
@pytest.mark.deadline(180)
def test_fifty_hunters_at_twenty_five_edges_of_five_regions_all_arrive_at_one_root(programs, grow):
    root = grow('root')
    regions = [grow(f'region-{n}', root) for n in range(5)]
    edges = [grow(f'edge-{n}', regions[n % 5]) for n in range(25)]
    for node in regions + edges:
        node.attached()
    found = captures()
    hunters = [(edges[n % 25], f'h{n // 25}', found[n % len(found)]) for n in range(50)]
    run(programs, [root, *regions, *edges], hunters)
