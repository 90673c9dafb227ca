"""Stopping: what was captured is stored first, a second signal does not wait, and nobody hangs on anybody else."""
import re
import signal
import time

import pytest
from conftest import OUR_CAPTURES
from support import capture_file, judges
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'


# What a hunter that could not deliver does with the rest: its exit code, and what it says.
WITH_AND_WITHOUT_SPOOL = pytest.mark.parametrize('mode, code, last_words', [
    ('overflow', 0, 'packets wait on disk for the next start packets=[1-9]'),
    ('off', 1, 'no processor acknowledged.*=[1-9]')])


def stalled(programs, proxy_to, tmp_path, *options):
    """A hunterd whose file is read and sent, but never acknowledged: the link stands still behind the first bytes."""
    processor = programs.processord('--write-file', tmp_path / 'stored.pcapng')
    proxy = proxy_to(processor.port)
    hunter = programs.hunterd(proxy, *options, interface=endless(tmp_path))
    wait_until(lambda: proxy.bytes_up > 100_000, 15, 'packets on their way')
    proxy.stall()
    return processor, proxy, hunter


def endless(tmp_path):
    """Enough packets to be still under way when a test stops the hunter."""
    path = tmp_path / 'long.pcap'
    capture_file.write_pcap(path, list(capture_file.read(CALL)) * 5000)
    return path


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_hunter_first_delivers_what_it_captured(programs, link, tmp_path, number):
    """The batch is far from full and its time far from over when the signal comes."""
    stored = tmp_path / 'stored.pcapng'
    processor = programs.processord('--write-file', stored, inside=link.watching)
    hunter = programs.hunterd(processor, '--batch-size', '512', '--batch-timeout', '60000', interface=link.rx[0],
                              inside=link.watching)
    hunter.wait_for_log('hunter started')
    link.replay(CALL, '--pps=50000')
    hunter.signal(number)
    assert hunter.wait(within=10) == 0
    assert processor.stop() == 0
    assert [p.data for p in capture_file.read(stored)] == [p.data for p in capture_file.read(CALL)]


@WITH_AND_WITHOUT_SPOOL
def test_a_second_signal_ends_hunterd_at_once(programs, proxy_to, tmp_path, mode, code, last_words):
    _, _, hunter = stalled(programs, proxy_to, tmp_path, '--spool-mode', mode)
    hunter.signal(signal.SIGTERM)
    hunter.wait_for_log('stopping')
    begun = time.monotonic()
    hunter.signal(signal.SIGTERM)
    assert hunter.wait(within=2) == code
    assert time.monotonic() - begun < 1
    assert re.search(last_words, hunter.log)


@pytest.mark.slow
@WITH_AND_WITHOUT_SPOOL
def test_hunterd_waits_ten_seconds_for_the_last_acknowledgement_and_says_what_is_left(
        programs, proxy_to, tmp_path, mode, code, last_words):
    _, _, hunter = stalled(programs, proxy_to, tmp_path, '--spool-mode', mode)
    begun = time.monotonic()
    hunter.signal(signal.SIGTERM)
    assert hunter.wait(within=14) == code
    assert 8 < time.monotonic() - begun < 13
    assert re.search(last_words, hunter.log)


def test_processord_stops_with_hunters_connected_and_its_file_is_whole(programs, tmp_path):
    stored = tmp_path / 'stored.pcapng'
    processor = programs.processord('--write-file', stored)
    hunter = programs.hunterd(processor, interface=endless(tmp_path))
    wait_until(lambda: stored.exists() and stored.stat().st_size > 1_000_000, 20, 'packets in the file')
    begun = time.monotonic()
    assert processor.stop(within=12) == 0
    assert time.monotonic() - begun < 10
    assert judges.capinfos_count(stored) > 0
    assert hunter.running(), 'the hunter keeps what is not acknowledged and tries again'


def test_a_hunter_goes_on_where_it_was_when_processord_comes_back(programs, proxy_to, tmp_path):
    first, second = tmp_path / 'first.pcap', tmp_path / 'second.pcap'
    source = endless(tmp_path)
    processor = programs.processord('--write-file', first)
    proxy = proxy_to(processor.port)
    hunter = programs.hunterd(proxy, interface=source)
    wait_until(lambda: first.exists() and first.stat().st_size > 1_000_000, 20, 'packets in the first file')
    assert processor.stop(within=12) == 0
    again = programs.processord('--write-file', second)
    proxy.target = again.port
    assert hunter.wait(within=45) == 0
    assert again.stop() == 0
    before, after = list(capture_file.read(first)), list(capture_file.read(second))
    sent = list(capture_file.read(source))
    assert before == sent[:len(before)]
    assert after == sent[len(sent) - len(after):]
    assert len(before) + len(after) >= len(sent), 'packets are in neither file'


def test_a_file_that_is_being_written_can_be_read_after_a_stop_and_a_second_run_keeps_it(programs, tmp_path):
    stored = tmp_path / 'capture.pcap'
    for _ in range(2):
        processor = programs.processord('--write-file', stored)
        assert programs.hunterd(processor, interface=CALL).wait() == 0
        assert processor.stop() == 0
    files = sorted(tmp_path.glob('capture*.pcap'))
    assert len(files) == 2, 'the first run\'s file must not be written over'
    for file in files:
        capture_file.assert_same(capture_file.read(CALL), capture_file.read(file))
