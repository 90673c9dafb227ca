"""--pcap-command: run on each capture file that is closed, without a shell, and never in the way of storing."""
import re

import pytest
from conftest import OUR_CAPTURES
from support import capture_file
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'
PACKETS = [p.data for p in capture_file.read(CALL)]
BAD_CONFIG = 78


def note(folder):
    """A command that notes its arguments, one a line, and the variable beside them."""
    script = folder / 'note'
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$#" "$@" "$HOOK_PCAP" >> "{folder}/noted"\n', encoding='utf-8')
    script.chmod(0o755)
    return script


def noted(folder):
    path = folder / 'noted'
    return path.read_text(encoding='utf-8').splitlines() if path.exists() else []


def captured_into(programs, stored, *options, interface=CALL):
    processor = programs.processord('--write-file', stored, *options)
    assert programs.hunterd(processor, interface=interface).wait() == 0
    return processor


@pytest.mark.parametrize('suffix', ['pcap', 'pcapng'])
def test_the_command_gets_the_closed_file_as_one_argument(programs, tmp_path, suffix):
    """A path that a shell would take apart, or execute."""
    folder = tmp_path / 'a b;$(touch pwned)\'"&'
    folder.mkdir()
    stored = folder / f's.{suffix}'
    processor = captured_into(programs, stored, '--pcap-command', f"{note(tmp_path)} %pcap% 'of %pcap%' 5%%")
    assert noted(tmp_path) == [], 'the file is not closed yet'
    assert processor.stop() == 0
    assert noted(tmp_path) == ['3', str(stored), f'of {stored}', '5%', str(stored)]
    assert [p.data for p in capture_file.read(stored)] == PACKETS
    assert 'a command has run' in processor.log
    assert re.search(r'commands=1 commands_failed=0', processor.output)
    assert not list(tmp_path.rglob('pwned'))


def test_what_a_killed_processord_left_is_closed_by_the_next(programs, tmp_path):
    stored = tmp_path / 's.pcapng'
    command = ('--pcap-command', f'{note(tmp_path)} %pcap%')
    captured_into(programs, stored, *command).kill()
    assert noted(tmp_path) == []
    processor = programs.processord('--write-file', stored, *command)
    wait_until(lambda: len(noted(tmp_path)) == 3, 10, 'the command on the file of before')
    _, left, _ = noted(tmp_path)
    assert left != str(stored)
    assert [p.data for p in capture_file.read(left)] == PACKETS
    assert processor.stop() == 0
    assert len(noted(tmp_path)) == 3, 'no packet came, so there is no file to speak of'


def test_a_failing_command_is_logged_and_counted_and_harms_nobody(programs, tmp_path):
    stored = tmp_path / 's.pcap'
    processor = captured_into(programs, stored, '--pcap-command', "sh -c 'echo no such bucket >&2; exit 3'")
    assert processor.stop() == 0
    assert re.search(r'a command failed .*result="exit code 3" .*said="no such bucket"', processor.log)
    assert 'commands=0 commands_failed=1' in processor.output
    assert [p.data for p in capture_file.read(stored)] == PACKETS


@pytest.mark.parametrize('options, told', [
    (['--write-file', 's.pcap', '--pcap-command', 'echo "%pcap%'], 'a " that is not closed at character 6'),
    (['--write-file', 's.pcap', '--pcap-command', 'echo %file%'],
     'unknown placeholder %file%, choose from %pcap% at character 6'),
    (['--write-file', 's.pcap', '--pcap-command', '/no/such/program %pcap%'],
     'no executable file "/no/such/program"'),
    (['--pcap-command', 'echo %pcap%'], '--pcap-command needs capture files: give --write-file, --rotate-dir or --per-call-dir too')])
def test_a_command_that_can_not_run_is_refused_at_the_start(programs, tmp_path, options, told):
    options = [tmp_path / o if o == 's.pcap' else o for o in options]
    processor = programs.run('processord', '--listen', '127.0.0.1:0', *options)
    assert processor.code == BAD_CONFIG
    assert told in processor.log
    assert len(processor.log.splitlines()) == 1
    assert not (tmp_path / 's.pcap').exists()
