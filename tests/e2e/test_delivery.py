"""A million packets arrive, each once and in order, although the link is cut and processord is killed on the way."""
import itertools
import os
import signal
import threading

import pytest
from support import capture_file, judges
from support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.deadline(180)]

MEGABYTE = 1_000_000
# The load is 230 MB on the wire, so that each of the five falls into the run even if nothing is sent twice.
BREAKS = [n * 35 * MEGABYTE for n in range(1, 6)]


def test_each_packet_is_stored_once_and_in_order_though_the_link_is_cut_five_times(programs, proxy_to, load, tmp_path):
    stored = tmp_path / 'stored.pcap'
    processor = programs.processord('--write-file', stored)
    proxy = proxy_to(processor.port)
    cuts = []
    for bytes_up in BREAKS:
        proxy.at(bytes_up, lambda: (cuts.append(proxy.bytes_up), proxy.cut()))
    hunter = programs.hunterd(proxy, interface=load)
    assert hunter.wait(within=120) == 0
    assert processor.stop() == 0
    assert len(cuts) == 5 and proxy.connections >= 6
    capture_file.assert_same(capture_file.read(load), capture_file.read(stored))
    assert judges.capinfos_count(stored) == sum(1 for _ in capture_file.read(load))


@pytest.mark.parametrize('suffix', ['pcap', 'pcapng'])
def test_each_packet_is_stored_once_and_in_order_though_processord_is_killed_five_times(
        programs, proxy_to, load, tmp_path, suffix):
    folder = tmp_path / 'stored'
    folder.mkdir()
    stored = folder / f'capture.{suffix}'

    def start():
        return programs.processord('--write-file', stored)
    processor = start()
    proxy = proxy_to(processor.port)
    killed = threading.Event()

    def kill():
        # On the relaying thread, in mid-stream: bytes are in its socket, its buffers and its file.
        os.kill(processor.pid, signal.SIGKILL)
        proxy.refuse()
        killed.set()
    for bytes_up in BREAKS:
        proxy.at(bytes_up, kill)
    hunter = programs.hunterd(proxy, interface=load)
    for _ in BREAKS:
        wait_until(killed.is_set, 60, 'the next kill')
        killed.clear()
        assert processor.wait() == -signal.SIGKILL
        processor = start()
        proxy.target = processor.port
        proxy.refuse(False)
    assert hunter.wait(within=120) == 0
    assert processor.stop() == 0

    files = sorted(folder.glob(f'capture*.{suffix}'))  # those set aside, by their time, and then the last one
    assert len(files) == 6, 'each killed processord leaves the file it was writing, and none is written over'
    capture_file.assert_same(capture_file.read(load), itertools.chain.from_iterable(map(capture_file.read, files)))
    assert sum(map(judges.capinfos_count, files)) == sum(1 for _ in capture_file.read(load))


def test_a_stalled_link_neither_loses_nor_doubles(programs, proxy_to, load, tmp_path):
    """Nothing is refused and nothing ends: bytes just stop. A new connection is needed when they do for long."""
    stored = tmp_path / 'stored.pcap'
    processor = programs.processord('--write-file', stored)
    proxy = proxy_to(processor.port)
    stalled = threading.Event()
    proxy.at(60 * MEGABYTE, lambda: (proxy.stall(), stalled.set()))
    hunter = programs.hunterd(proxy, interface=load)
    wait_until(stalled.is_set, 60, 'the stall')
    size = wait_until(lambda: stored.stat().st_size, 10, 'something stored')
    assert size < load.stat().st_size
    proxy.cut()
    proxy.release()
    assert hunter.wait(within=120) == 0
    assert processor.stop() == 0
    capture_file.assert_same(capture_file.read(load), capture_file.read(stored))
