"""What a sorter says of each frame of each real capture: which call it belongs to, when every call is followed at once.

The sorter is what the processor's files of calls are made by; it runs in the same program as the selector that filters
are tested with (tests/support/select_dump.cpp), against the same lists of frames.
"""
import json
import subprocess

import pytest
from conftest import NEEDS_SHARED
from test_filters_against_truth import CAPTURES, SHARED, TRUTH, expected

pytestmark = NEEDS_SHARED


# Two Call-IDs here go on after more than five minutes of silence: a second file each.
SILENT = {'sip-auth-407-failures-in-lan-mix.pcap': 2}


def sorted_frames(binaries, name):
    """The calls that were found, and the frames of each: {Call-ID: {frame}}, and how often a Call-ID came again."""
    run = subprocess.run([binaries / 'select_dump', SHARED / name], input='"calls"\n', capture_output=True, text=True,
                         check=True)
    answer = json.loads(run.stdout)
    frames = {call_id: set() for call_id in answer['calls']}
    for frame, calls in answer['frames'].items():
        for call in calls:
            frames[answer['calls'][call]].add(int(frame))
    return frames, len(answer['calls']) - len(frames)


def was_in_progress(dialog):
    """A call that began before the capture: what there is of it only calls have."""
    return bool({'BYE', 'CANCEL', 'ACK', 'PRACK', 'UPDATE'} & set(dialog['messages']))


@pytest.mark.deadline(240)
@pytest.mark.parametrize('name', CAPTURES)
def test_each_call_gets_its_own_frames_and_no_other(name, binaries):
    wanted = {dialog['call_id']: dialog for dialog in TRUTH[name]['sip_dialogs']
              if dialog['is_call'] or was_in_progress(dialog)}
    found, again = sorted_frames(binaries, name)
    assert set(found) == set(wanted)
    assert again == SILENT.get(name, 0)
    for call_id, frames in found.items():
        want = expected(name, wanted[call_id])
        assert frames == want, (call_id, 'missing', sorted(want - frames)[:20], 'beyond', sorted(frames - want)[:20])
