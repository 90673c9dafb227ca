"""Packets on their way up a tree of processords: each tier stores each of them once, whatever breaks in between."""
import collections
import itertools
import os
import re
import signal
import threading

import pytest
from conftest import OUR_CAPTURES
from support import capture_file, judges
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'
MEGABYTE = 1_000_000
ATTACHED = 'attached to the upstream processor'


class Tier:
    """A processord of a chain, which stores where it did before when it is started again."""

    def __init__(self, tree, folder, name, above=None, options=(), stores=True):
        self.name, self.folder, self._above, self._tree = name, folder / name, above, tree
        self.folder.mkdir()
        self._options = [*(['--write-file', self.folder / 'capture.pcapng'] if stores else []), *options]
        self.start()

    @property
    def process(self):
        return self._tree.nodes[self.name]

    @property
    def address(self):
        return self.process.address

    def start(self):
        self._tree.start(self.name, *([self._above] if self._above else []), options=self._options)

    def attached(self):
        self.process.wait_for_log(ATTACHED, 15)
        return self

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL

    def files(self):
        """Those set aside, by their time, and then the last one."""
        return sorted(self.folder.glob('capture*.pcapng'))

    def packets(self):
        return itertools.chain.from_iterable(map(capture_file.read, self.files()))

    def has(self, packets):
        """So far."""
        return list(itertools.chain.from_iterable(capture_file.read(f, torn_tail=True) for f in self.files())) == packets

    def has_forwarded_all(self):
        lines = self.process.output.splitlines()
        return lines and ' forwarding=0 ' in lines[-1]


def chain(tree, folder, *names, options=(), stores=True):
    tiers = [Tier(tree, folder, names[0])]
    for name in names[1:]:
        tiers.append(Tier(tree, folder, name, tiers[-1], options, stores).attached())
    return tiers


def stop_all(tiers):
    for tier in reversed(tiers):
        assert tier.process.stop() == 0


def interfaces(path):
    return list(zip(capture_file.interface_names(path), capture_file.interface_descriptions(path)))


def test_each_tier_of_three_has_the_packets_their_times_and_where_they_come_from(programs, tree, tmp_path):
    tiers = chain(tree, tmp_path, 'root', 'middle', 'leaf')
    hunter = programs.hunterd(tiers[-1], interface=CALL, hunter_id='hunter-7')
    assert hunter.wait() == 0
    stop_all(tiers)
    sent = list(capture_file.read(CALL))
    for tier, path in zip(tiers, ('middle/leaf/hunter-7', 'leaf/hunter-7', 'hunter-7')):
        assert list(tier.packets()) == sent, tier.name
        assert interfaces(tier.files()[-1]) == [(str(CALL), f'hunter {path}')], tier.name
        assert judges.capinfos_count(tier.files()[-1]) == len(sent)


def test_an_acknowledgement_waits_for_the_root(programs, tree, tmp_path):
    """Without spools a hunter keeps everything until the root has it: what a middle tier alone has does not count."""
    root, leaf = tiers = chain(tree, tmp_path, 'root', 'leaf', options=['--spool-mode', 'off'])
    os.kill(root.process.pid, signal.SIGSTOP)
    hunter = programs.hunterd(leaf, '--spool-mode', 'off', interface=CALL)
    sent = list(capture_file.read(CALL))
    wait_until(lambda: leaf.has(sent), 10, 'the packets at the leaf')
    assert hunter.running() and not re.search('acknowledged', hunter.log)
    os.kill(root.process.pid, signal.SIGCONT)
    assert hunter.wait() == 0
    stop_all(tiers)
    assert list(root.packets()) == sent


def test_a_spool_takes_over_while_the_parent_is_away_and_a_restart_goes_on_with_it(programs, tree, tmp_path):
    root, leaf = tiers = chain(tree, tmp_path, 'root', 'leaf')
    root.kill()
    hunter = programs.hunterd(leaf, interface=CALL)
    assert hunter.wait() == 0, 'the spool has custody'
    leaf.kill()
    leaf.start()
    root.start()
    leaf.attached()
    sent = list(capture_file.read(CALL))
    wait_until(lambda: root.has(sent), 15, 'the packets at the root')
    stop_all(tiers)
    assert list(root.packets()) == list(leaf.packets()) == sent


def test_hunters_of_one_id_below_different_processors_are_told_apart(programs, tree, tmp_path):
    root = Tier(tree, tmp_path, 'root')
    edges = [Tier(tree, tmp_path, name, root).attached() for name in ('edge-1', 'edge-2')]
    hunters = [programs.hunterd(edge, '--spool-dir', edge.folder / 'spool', interface=CALL, hunter_id='h') for edge in edges]
    for hunter in hunters:
        assert hunter.wait() == 0
    stop_all([root, *edges])
    sent = collections.Counter(capture_file.read(CALL))
    assert collections.Counter(root.packets()) == sent + sent
    assert sorted(interfaces(root.files()[-1])) == [(str(CALL), f'hunter edge-{n}/h') for n in (1, 2)]


def test_a_processor_without_files_forwards_all_the_same(programs, tree, tmp_path):
    tiers = chain(tree, tmp_path, 'root', 'middle', 'leaf', stores=False)
    hunter = programs.hunterd(tiers[-1], interface=CALL)
    assert hunter.wait() == 0
    stop_all(tiers)
    assert list(tiers[0].packets()) == list(capture_file.read(CALL))
    assert not tiers[1].files() and not tiers[2].files()


@pytest.mark.slow
@pytest.mark.deadline(180)
@pytest.mark.parametrize('victim', ['root', 'middle', 'leaf'])
def test_a_million_packets_are_at_each_tier_once_though_one_is_killed_again_and_again(
        programs, tree, proxy_to, load, tmp_path, victim):
    tiers = chain(tree, tmp_path, 'root', 'middle', 'leaf')
    proxy = proxy_to(tiers[-1].process.port)
    due = threading.Event()
    for n in (1, 2, 3):
        proxy.at(n * 45 * MEGABYTE, due.set)
    hunter = programs.hunterd(proxy, interface=load)
    tier = next(t for t in tiers if t.name == victim)
    for _ in range(3):
        wait_until(lambda: due.is_set() or not hunter.running(), 90, 'the next kill')
        due.clear()
        tier.kill()
        tier.start()
    assert hunter.wait(within=120) == 0
    wait_until(lambda: all(t.has_forwarded_all() for t in tiers[1:]), 60, 'everything at the root')
    stop_all(tiers)
    for tier in tiers:
        capture_file.assert_same(capture_file.read(load), tier.packets())


def test_a_tap_does_not_capture_what_it_forwards(programs, link, tmp_path):
    """Over loopback each batch would be captured, forwarded, captured and so on without end."""
    stored = tmp_path / 'stored.pcapng'
    root = programs.processord('--write-file', stored, inside=link.watching)
    tap = programs.tapd('--upstream', root.address, '--processor-id', 'tap', interface='any', inside=link.watching)
    tap.wait_for_log(ATTACHED)
    link.replay(CALL, '--pps=5000')
    call = {packet.data[14:] for packet in capture_file.read(CALL)}
    wait_until(lambda: sum(p.data[20:] in call for p in capture_file.read(stored, torn_tail=True)) == len(call), 15,
               'the call at the root')
    assert tap.stop() == 0
    assert root.stop() == 0
    tcp_to_root = [p for p in capture_file.read(stored) if len(p.data) > 44 and p.data[29] == 6
                   and root.port in (int.from_bytes(p.data[40:42], 'big'), int.from_bytes(p.data[42:44], 'big'))]
    assert len(tcp_to_root) < 40, 'but for what passed before the link stood'
