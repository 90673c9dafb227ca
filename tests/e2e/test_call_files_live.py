"""tapd on a veth pair over which sipp makes calls: a complete file soon after each call, its command, and consoles told."""
import collections
import os
import sys
import time

import pytest
from conftest import OUR_CAPTURES
from grpc_call import json_values
from support import capture_file, judges
from support.sipp_calls import SippCalls, by_tshark
from support.waiting import wait_until

CALLS, RATE = 60, 15
SOON = 10  # seconds from a call's end to its file


def key(packet):
    return packet.time_ns, packet.data


def frames_of_calls(path):
    """What tcpdump saw, by call; a port belongs to the call that announced it last."""
    packets = list(capture_file.read(path))
    call_of_port, frames = {}, collections.defaultdict(list)
    for packet, frame in zip(packets, by_tshark(path)):
        call_id = frame.call_id or next((call_of_port[port] for port in frame.ports if port in call_of_port), None)
        if frame.sdp_port:
            call_of_port[frame.sdp_port] = frame.call_id
        if call_id:
            frames[call_id].append(packet)
    return frames


@pytest.mark.slow
@pytest.mark.deadline(120)
def test_each_call_of_sipp_has_its_file_its_command_and_is_told_to_consoles(programs, link, tmp_path):
    calls = SippCalls(programs, link, tmp_path)
    folder, told = tmp_path / 'calls', tmp_path / 'told'
    hook = tmp_path / 'hook'
    hook.write_text(f'#!/bin/sh\nprintf "%s %s\\n" "$1" "$(date +%s.%N)" >> {told}\n')
    hook.chmod(0o755)
    tap = programs.tapd('--per-call-dir', folder, '--voip-command', f'{hook} %callid%', interface=link.rx[0],
                        inside=link.watching)
    tap.wait_for_log('capturing')
    script = OUR_CAPTURES.parent / 'support' / 'grpc_call.py'
    console = programs.processes.start(
        [*link.watching, sys.executable, script, '-plaintext', '-max-time', '100', '-d',
         '{"client_id": "console", "with_removals": true}', tap.address,
         'lippycat.data.DataService/SubscribeCorrelatedCalls'], 'console')
    wait_until(lambda: 'CALL_SNAPSHOT_END' in console.output, 20, 'the console has its first snapshot')
    calls.watch()
    calls.make(RATE, CALLS, 60)
    ended = time.time()

    def whole():
        return [path for path in folder.iterdir() if path.suffix == '.pcapng']
    wait_until(lambda: len(whole()) == CALLS, SOON + 15, 'a file for each call')
    assert max(path.stat().st_mtime for path in whole()) - ended < SOON, 'the last file was complete too late'
    wait_until(lambda: told.exists() and len(told.read_text().split('\n')) == CALLS + 1, 10, 'a command for each call')
    assert tap.stop() == 0
    calls.end_watch()

    frames = frames_of_calls(calls.seen)
    assert len(frames) == CALLS
    # The kernel may give two packets that come at once to two watchers in different orders.
    files = {tuple(sorted(key(p) for p in capture_file.read(path))) for path in whole()}
    assert files == {tuple(sorted(key(p) for p in packets)) for packets in frames.values()}
    assert {line.split(' ')[0] for line in told.read_text().splitlines()} == set(frames)
    for path in whole()[:5]:
        judges.tshark_frames(path)
    states = collections.defaultdict(list)
    for update in json_values(console.output):
        for leg in update.get('legs', []):
            states[leg['callId']].append(update['state'])
    assert set(states) == set(frames)
    assert all(told_states[-1] == 'ended' for told_states in states.values())
    assert os.stat(folder).st_mode & 0o007 == 0
