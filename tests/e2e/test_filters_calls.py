"""Many calls at once that sipp makes over a veth pair: of one filtered user all is stored, and of nobody else anything.

LC_CALL_SECONDS says for how long calls are made (10), LC_CALL_RATE how many in a second (50).
"""
import collections
import os

import pytest
from support import capture_file, judges
from support.filtering import LiveFiltering
from support.frames import udp_frame
from support.sipp_calls import USERS, SippCalls, by_tshark
from support.waiting import wait_until

SECONDS = int(os.environ.get('LC_CALL_SECONDS', '10'))
RATE = int(os.environ.get('LC_CALL_RATE', '50'))
USER = 'clara-ulm'
LAST_WORD = b'behind all calls'


@pytest.fixture
def filtering(programs, link, tmp_path):
    made = LiveFiltering(programs, tmp_path, link)
    yield made
    made.close()


def frames_of(user, path):
    """The frames of that user's calls, numbered from 0; how many are of others; and everybody's number of calls.

    A port belongs to the call that announced it last: sipp takes those of ended calls again."""
    own, foreign, user_of_call, user_of_port = [], 0, {}, {}
    for number, frame in enumerate(by_tshark(path)):
        if frame.call_id:
            owner = user_of_call.setdefault(frame.call_id, frame.user)
            if frame.sdp_port:
                user_of_port[frame.sdp_port] = owner
        else:
            owners = {user_of_port.get(port) for port in frame.ports} or {None}  # ARP has none
            assert len(owners) == 1, f'frame {number} is between two calls'
            owner, = owners
        if owner == user:
            own.append(number)
        else:
            foreign += 1
    return own, foreign, collections.Counter(user_of_call.values())


@pytest.mark.slow
@pytest.mark.deadline(150 + 3 * SECONDS)
def test_of_many_calls_exactly_those_of_the_filtered_user_are_stored_and_whole(programs, link, filtering, tmp_path):
    sipp = SippCalls(programs, link, tmp_path)
    operator = filtering.operator
    revision = operator.put('one-user', 'SIP_USER', USER).revision
    hunter = filtering.hunter(link.rx[0])
    operator.wait_in_force('hunter-1', revision)
    sipp.watch()
    sipp.make(RATE, RATE * SECONDS, SECONDS + 75)
    with link.sender_on(link.tx[0]) as wire:
        wire.send(udp_frame(('203.0.113.1', 9), ('203.0.113.2', 9), LAST_WORD))
    wait_until(lambda: LAST_WORD in sipp.seen.read_bytes()[-100_000:], 20, 'everything seen by tcpdump')
    assert hunter.stop() == 0
    sipp.end_watch()
    assert operator.hunter('hunter-1').stats.packets_dropped == 0
    assert filtering.processor.stop() == 0

    witnessed = list(capture_file.read(sipp.seen))
    own, foreign, calls = frames_of(USER, sipp.seen)
    assert sum(calls.values()) == RATE * SECONDS and calls[USER] == RATE * SECONDS // len(USERS)
    assert len(own) >= calls[USER] * 20, 'calls without media'
    assert foreign > 10 * len(own)
    # The kernel stamps a packet once, for all who watch the interface; two that come at once may reach them in
    # different orders.
    capture_file.assert_same(sorted(witnessed[number] for number in own), sorted(filtering.new()))
    assert judges.capinfos_count(filtering.stored) == len(own)
    for process in (hunter, filtering.processor):
        assert ' info ' in process.log
        assert 'clara' not in process.log, 'personal data in a log'
