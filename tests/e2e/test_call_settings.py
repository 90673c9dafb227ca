"""--per-call-dir: what is asked for must be possible, and what is in no call is treated as it is without."""
import re
import stat

import pytest
from conftest import OUR_CAPTURES
from support import capture_file

CALL = OUR_CAPTURES / 'call-media.pcap'
USAGE, NO_PERMISSION, BAD_CONFIG = 2, 77, 78


def captured(programs, interface, *options):
    processor = programs.processord(*options)
    assert programs.hunterd(processor, interface=interface).wait() == 0
    assert processor.stop() == 0
    return processor


@pytest.fixture(name='no_calls')
def packets_of_no_call(tmp_path):
    path = tmp_path / 'no-calls.pcap'
    packets = [p for p in capture_file.read(CALL) if b'SIP/2.0' not in p.data]
    capture_file.write_pcap(path, packets)
    return path, [p.data for p in packets]


def test_without_another_file_packets_of_no_call_are_live_only(programs, tmp_path, no_calls):
    path, packets = no_calls
    folder = tmp_path / 'new' / 'calls'
    processor = captured(programs, path, '--per-call-dir', folder)
    assert re.search(rf'stored=0 live_only={len(packets)} in_flight=0', processor.output)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2750
    assert not list(folder.iterdir())


@pytest.mark.parametrize('option', ['--write-file', '--rotate-dir'])
def test_beside_another_file_packets_of_no_call_go_there(programs, tmp_path, no_calls, option):
    path, packets = no_calls
    other = tmp_path / ('all.pcapng' if option == '--write-file' else 'rest')
    captured(programs, path, '--per-call-dir', tmp_path / 'calls', option, other)
    files = [other] if other.is_file() else list(other.iterdir())
    assert [p.data for file in files for p in capture_file.read(file)] == packets
    assert not list((tmp_path / 'calls').iterdir())


def test_a_folder_of_calls_has_one_processord(programs, tmp_path):
    processor = programs.processord('--per-call-dir', tmp_path / 'calls', '--state-dir', tmp_path / 'state')
    second = programs.run('processord', '--listen', '127.0.0.1:0', '--per-call-dir', tmp_path / 'calls', '--state-dir',
                          tmp_path / 'other-state')
    assert second.code == BAD_CONFIG
    assert 'is in use by another process; give each its own --per-call-dir' in second.log
    assert processor.stop() == 0


@pytest.mark.parametrize('options, told', [
    (['--per-call-split'], '--per-call-split needs --per-call-dir'),
    (['--max-open-files', '5'], '--max-open-files needs --per-call-dir'),
    (['--per-call-dir', 'D', '--per-call-pattern', '{timestamp}_{call-id}'],
     'unknown placeholder {call-id}, choose from {callid}, {from}, {to}, {timestamp} at character 13'),
    (['--per-call-dir', 'D', '--per-call-pattern', '{from}/{callid}'], 'at character 7'),
    (['--per-call-dir', 'D', '--per-call-format', 'cap'], 'is not one of pcapng, pcap'),
    (['--per-call-dir', 'D', '--max-open-files', '0'], '--max-open-files'),
    (['--per-call-dir', 'D', '--rotate-dir', 'D/../d/'], '--rotate-dir and --per-call-dir are the same folder'),
    (['--per-call-dir', 'D', '--per-call-pattern', '{callid}', '--keep-age', '7d'], '--per-call-pattern'),
    (['--keep-age', '7d'], '--keep-age needs --rotate-dir or --per-call-dir'),
    (['--voip-command', 'echo %callid%'], '--voip-command needs files of calls: give --per-call-dir too'),
    (['--per-call-dir', 'D', '--voip-command', 'echo %pcap%'], 'unknown placeholder %pcap%, choose from %callid%'),
    (['--per-call-dir', '/proc/no'], 'capture directory "/proc/no"')])
def test_settings_that_can_not_work_are_refused_at_the_start(programs, tmp_path, options, told):
    options = [o.replace('D', str(tmp_path / 'd'), 1) if o.startswith('D') else o for o in options]
    processor = programs.run('processord', '--listen', '127.0.0.1:0', '--state-dir', tmp_path / 'state', *options)
    assert processor.code in (USAGE, BAD_CONFIG, NO_PERMISSION), processor.log
    assert told in processor.log
    assert len(processor.log.splitlines()) == 1
