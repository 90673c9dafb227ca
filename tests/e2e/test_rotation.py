"""--rotate-dir: one capture file after the other, complete when it has its name, and no packet missing or twice."""
import contextlib
import os
import pathlib
import random
import re
import signal
import stat
import time

import pytest
from conftest import OUR_CAPTURES
from support import capture_file, judges
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'
PACKETS = [p.data for p in capture_file.read(CALL)]
NAME = r'[0-9]{8}T[0-9]{6}Z(-[A-Z_0-9]+)?(_[0-9]+)?\.(pcap|pcapng)'
USAGE, NO_PERMISSION, BAD_CONFIG = 2, 77, 78


def closed(folder):
    """In the order of their ends."""
    return sorted((p for p in folder.iterdir() if p.suffix != '.part'), key=lambda p: (p.stat().st_mtime_ns, p.name))


def parts(folder):
    return list(folder.glob('*.part')) if folder.exists() else []


def stored(folder):
    return [p.data for path in closed(folder) for p in capture_file.read(path)]


def loop(times, tmp_path):
    path = tmp_path / 'load.pcap'
    capture_file.write_pcap(path, list(capture_file.read(CALL)) * times)
    return path


def judge(folder):
    """Names, modes, and that capinfos and tshark take every file."""
    for path in closed(folder):
        assert re.fullmatch(NAME, path.name), path.name
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        judges.tshark_frames(path)


@pytest.mark.parametrize('form', ['pcap', 'pcapng'])
def test_files_end_at_their_size_and_hold_every_packet_once(programs, tmp_path, form):
    folder = tmp_path / 'new' / 'captures'
    processor = programs.processord('--rotate-dir', folder, '--rotate-size', '100K', '--rotate-format', form)
    assert stat.S_IMODE(folder.stat().st_mode) | stat.S_ISGID == 0o2750
    assert programs.hunterd(processor, '--batch-size', '10', interface=loop(60, tmp_path)).wait() == 0
    assert processor.stop() == 0
    assert not parts(folder)
    files = closed(folder)
    assert len(files) > 3
    for path in files[:-1]:
        assert 100 * 1024 <= path.stat().st_size < 600 * 1024, 'a batch is not divided'
    judge(folder)
    assert sorted(stored(folder)) == sorted(PACKETS * 60)


def test_an_idle_file_is_closed_and_the_next_packet_begins_another(programs, tmp_path):
    folder = tmp_path / 'captures'
    processor = programs.processord('--rotate-dir', folder, '--rotate-idle', '300ms')
    assert not list(folder.iterdir()), 'a file begins with its first packet'
    for files in (1, 2):
        assert programs.hunterd(processor, hunter_id=f'h{files}', interface=CALL).wait() == 0
        wait_until(lambda n=files: len(closed(folder)) == n and not parts(folder), 10, 'the file is closed')
    assert stored(folder) == PACKETS * 2
    assert processor.stop() == 0
    assert len(closed(folder)) == 2
    judge(folder)


def test_a_file_is_closed_at_its_age_while_packets_come(programs, tmp_path, link):
    folder = tmp_path / 'captures'
    processor = programs.processord('--rotate-dir', folder, '--rotate-interval', '500ms', inside=link.watching)
    hunter = programs.hunterd(processor, interface=link.rx[0], inside=link.watching)
    hunter.wait_for_log('hunter started')
    link.replay(CALL, '--pps=100', '--loop=3')
    wait_until(lambda: len(closed(folder)) >= 3, 20, 'three files')
    assert hunter.stop() == 0
    assert processor.stop() == 0
    judge(folder)
    assert stored(folder) == PACKETS * 3


def test_sigusr1_closes_the_file_now(programs, tmp_path):
    folder = tmp_path / 'captures'
    processor = programs.processord('--rotate-dir', folder, '--rotate-idle', '0')
    processor.signal(signal.SIGUSR1)  # there is none yet
    assert programs.hunterd(processor, interface=CALL).wait() == 0
    assert [p.suffix for p in folder.iterdir()] == ['.part']
    processor.signal(signal.SIGUSR1)
    wait_until(lambda: closed(folder), 5, 'the file has its name')
    assert stored(folder) == PACKETS
    assert processor.running()
    assert processor.stop() == 0
    assert len(closed(folder)) == 1


def test_sigusr1_without_a_directory_is_said_and_harmless(programs, tmp_path):
    processor = programs.processord('--write-file', tmp_path / 's.pcap')
    processor.signal(signal.SIGUSR1)
    processor.wait_for_log('--rotate-dir asks for one')
    assert processor.stop() == 0


def test_kills_leave_whole_files_and_every_acknowledged_packet_once(programs, tmp_path):
    """Five lives of processord under one hunter that reads 300 calls."""
    folder = tmp_path / 'captures'
    options = ['--rotate-dir', folder, '--rotate-size', '150K', '--state-dir', tmp_path / 'state']
    load = loop(300, tmp_path)
    processor = programs.processord(*options)
    port = processor.port
    hunter = programs.hunterd(processor, interface=load)
    for life in range(1, 6):
        seen = len(closed(folder))
        wait_until(lambda n=seen: len(closed(folder)) > n or not hunter.running(), 20, f'files of life {life}')
        processor.kill()
        for path in closed(folder):
            judges.tshark_frames(path)
        processor = programs.processord(*options, listen=f'127.0.0.1:{port}')
    assert hunter.wait(30) == 0
    assert processor.stop() == 0
    assert not parts(folder)
    judge(folder)
    assert sorted(stored(folder)) == sorted(PACKETS * 300)


def test_the_last_file_of_a_directory_is_finished_by_a_processord_that_has_none(programs, tmp_path):
    folder = tmp_path / 'captures'
    state = ('--state-dir', tmp_path / 'state')
    processor = programs.processord('--rotate-dir', folder, *state)
    assert programs.hunterd(processor, interface=CALL).wait() == 0
    processor.kill()
    assert programs.processord('--write-file', tmp_path / 's.pcap', *state).stop() == 0
    assert not parts(folder)
    judge(folder)
    assert stored(folder) == PACKETS


def test_what_is_kept_is_bounded_and_what_is_newest_stays(programs, tmp_path):
    folder = tmp_path / 'captures'
    processor = programs.processord('--rotate-dir', folder, '--rotate-size', '50K', '--keep-bytes', '500K')
    (folder / 'notes.txt').write_text('mine', encoding='utf-8')
    assert programs.hunterd(processor, '--batch-size', '10', interface=loop(200, tmp_path)).wait() == 0
    assert processor.stop() == 0
    kept = [p for p in closed(folder) if p.suffix != '.txt']
    assert sum(p.stat().st_blocks * 512 for p in kept) < 1200 * 1024
    assert re.search(r'removed_files=[1-9]', processor.output)
    assert [p.data for p in capture_file.read(kept[-1])][-1] == PACKETS[-1]
    assert (folder / 'notes.txt').exists()


@pytest.mark.parametrize('bound', [('--keep-bytes', '300K'), ('--keep-age', '1s')])
@pytest.mark.deadline(90)
def test_under_a_random_load_what_is_open_or_newest_is_never_removed(programs, tmp_path, bound):
    """Rotation by size, age, idleness and signal at once, hunters that come and go, and a look at the directory all
    the while: the newest stays until another one is closed."""
    seed = int(os.environ.get('LC_SEED', random.randrange(1 << 32)))
    print(f'LC_SEED={seed}')
    dice = random.Random(seed)
    folder = tmp_path / 'captures'
    processor = programs.processord('--rotate-dir', folder, '--rotate-size', '60K', '--rotate-interval', '400ms',
                                    '--rotate-idle', '150ms', *bound)
    newest, seen = None, set()

    def look():
        """By inode, as a name is free again when its file has been removed."""
        nonlocal newest
        finished = {}
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.suffix != '.part':
                    finished[path.stat().st_ino] = path.stat().st_mtime_ns
        if newest is not None and newest[0] not in finished:
            assert max(finished.values(), default=0) > newest[1], 'the newest is gone'
        seen.update(finished.items())
        newest = max(finished.items(), key=lambda item: item[1], default=newest)

    steady = tmp_path / 'steady.pcap'  # 2,000 packets/s
    capture_file.write_pcap(steady, [packet._replace(time_ns=number * 500_000) for number, packet
                                     in enumerate(list(capture_file.read(CALL)) * 40)])
    for life in range(12):
        hunter = programs.hunterd(processor, '--pace', '--batch-size', str(dice.choice([1, 20, 300])),
                                  hunter_id=f'h{life}', interface=dice.choice([CALL, steady, steady]))
        end = time.monotonic() + dice.uniform(0.1, 1.5)
        while hunter.running() and time.monotonic() < end:
            look()
            if dice.random() < 0.02:
                processor.signal(signal.SIGUSR1)
        hunter.stop()
    last = sorted(p.name for p in parts(folder))
    assert processor.stop() == 0
    look()
    assert re.search(r'removed_files=[1-9]', processor.output), 'nothing was too much'
    assert len(seen) > 12
    assert 'moved or removed' not in processor.log, 'an open file is gone'
    assert all((folder / name.removesuffix('.part')).exists() for name in last), 'what was open at the end is there'
    judge(folder)


def test_each_closed_file_goes_to_the_command(programs, tmp_path):
    folder = tmp_path / 'captures'
    script = tmp_path / 'note'
    script.write_text(f'#!/bin/sh\necho "$1" >> "{tmp_path}/noted"\n', encoding='utf-8')
    script.chmod(0o755)
    processor = programs.processord('--rotate-dir', folder, '--rotate-size', '100K', '--pcap-command',
                                    f'{script} %pcap%')
    assert programs.hunterd(processor, '--batch-size', '10', interface=loop(40, tmp_path)).wait() == 0
    assert processor.stop() == 0
    noted = (tmp_path / 'noted').read_text(encoding='utf-8').split()
    assert sorted(noted) == sorted(str(p) for p in closed(folder))
    assert len(noted) > 2


@pytest.mark.parametrize('options, told', [
    (['--rotate-dir', 'D', '--write-file', 'D/x.pcap'], '--write-file and --rotate-dir are two ways'),
    (['--rotate-size', '1M'], '--rotate-size needs --rotate-dir'),
    (['--keep-age', '7d'], '--keep-age needs --rotate-dir'),
    (['--rotate-dir', 'D', '--rotate-interval', '5w'], 'is not a time'),
    (['--rotate-dir', 'D', '--rotate-format', 'cap'], 'is not one of pcapng, pcap'),
    (['--rotate-dir', '/proc/no'], 'capture directory "/proc/no"')])
def test_settings_that_can_not_work_are_refused_at_the_start(programs, tmp_path, options, told):
    options = [o.replace('D', str(tmp_path / 'd')) if o.startswith('D') else o for o in options]
    processor = programs.run('processord', '--listen', '127.0.0.1:0', '--state-dir', tmp_path / 'state', *options)
    assert processor.code in (USAGE, BAD_CONFIG, NO_PERMISSION), processor.log
    assert told in processor.log
    assert len(processor.log.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root to be somebody else')
def test_a_directory_of_somebody_else_is_refused_at_the_start(programs, tmp_path):
    folder = tmp_path / 'theirs'
    folder.mkdir(mode=0o755)
    for path in [tmp_path, *tmp_path.parents][:-1]:
        pathlib.Path(path).chmod(path.stat().st_mode | 0o011)
    processor = programs.run('processord', '--listen', '127.0.0.1:0', '--rotate-dir', folder, '--state-dir',
                             '/tmp/lc-nobody-state', user='nobody')
    assert processor.code in (BAD_CONFIG, NO_PERMISSION)
    assert f'capture directory "{folder}": Permission denied' in processor.log
