"""Many calls at once that sipp makes over a veth pair: of one filtered user all is stored, and of nobody else anything.

LC_CALL_SECONDS says for how long calls are made (10), LC_CALL_RATE how many in a second (50).
"""
import collections
import os
import shutil
import signal
import subprocess

import pytest
from conftest import OUR_CAPTURES
from support import capture_file, judges
from support.filtering import LiveFiltering
from support.frames import udp_frame
from support.waiting import wait_until

SECONDS = int(os.environ.get('LC_CALL_SECONDS', '10'))
RATE = int(os.environ.get('LC_CALL_RATE', '50'))
USERS = [f'{name}-{place}' for name in ('anna', 'boris', 'clara', 'dimitri', 'elena')
         for place in ('bonn', 'kiel', 'ulm', 'trier')]
USER = 'clara-ulm'
LAST_WORD = b'behind all calls'
CALLER, CALLED = '192.0.2.1', '192.0.2.2'


@pytest.fixture
def filtering(programs, link, tmp_path):
    assert shutil.which('sipp'), 'sipp is not installed: deploy/install-dependencies build test'
    for namespace, interface, address in ((link.sender, link.tx[0], CALLER), (link.watcher, link.rx[0], CALLED)):
        link.run(namespace, 'ip', 'address', 'add', f'{address}/24', 'dev', interface)
    made = LiveFiltering(programs, tmp_path, link)
    yield made
    made.close()


def sipp(programs, namespace, folder, *options):
    """In a folder of its own: it looks there for the audio, and leaves files."""
    return programs.processes.start(['ip', 'netns', 'exec', namespace, 'env', '-C', folder, 'sipp', *options,
                                     '-nostdin', '-timeout', str(SECONDS + 60)], 'sipp')


def media_files(folder):
    """Twenty RTP packets, which sipp gives the ports of each call, and the users in turn."""
    rtp = [packet for packet in capture_file.read(OUR_CAPTURES / 'call-media.pcap') if len(packet.data) == 214]
    one_way = [packet for packet in rtp if packet.data[26:30] == rtp[0].data[26:30]]
    capture_file.write_pcap(folder / 'media.pcap', one_way[:20])
    (folder / 'users.csv').write_text('SEQUENTIAL\n' + ''.join(f'{user};\n' for user in USERS), encoding='utf-8')


Frame = collections.namedtuple('Frame', 'call_id user ports sdp_port')


def by_tshark(path):
    """Each frame as an independent reader has it; media is known by its ports."""
    fields = ['sip.Call-ID', 'sip.from.user', 'udp.srcport', 'udp.dstport', 'sdp.media.port']
    done = subprocess.run(['tshark', '-n', '-r', path, '-d', 'udp.port==5060,sip', '-T', 'fields',
                           *(part for field in fields for part in ('-e', field))],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=120)
    for line in done.stdout.split('\n')[:-1]:
        call_id, user, source, destination, sdp_port = line.split('\t')
        yield Frame(call_id, user, {source, destination} - {''}, sdp_port)


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
    media_files(tmp_path)
    seen = tmp_path / 'seen.pcap'
    operator = filtering.operator
    revision = operator.put('one-user', 'SIP_USER', USER).revision
    hunter = filtering.hunter(link.rx[0])
    operator.wait_in_force('hunter-1', revision)
    judge = programs.processes.start([*link.watching, 'tcpdump', '-i', link.rx[0], '-n', '-U', '-s', '0', '-B', '65536',
                                      '--time-stamp-precision=nano', '-w', seen], 'tcpdump')
    judge.wait_for_log('listening on')
    scenarios = OUR_CAPTURES / 'sipp'
    called = sipp(programs, link.watcher, tmp_path, '-sf', scenarios / 'called-many.xml', '-i', CALLED, '-mi', CALLED,
                  '-mp', '20000')
    wait_until(lambda: ':5060 ' in link.run(link.watcher, 'ss', '-lnu'), 10, 'sipp answers')
    caller = sipp(programs, link.sender, tmp_path, '-sf', scenarios / 'caller-many.xml', '-inf', 'users.csv',
                  '-i', CALLER, '-mi', CALLER, '-mp', '40000', '-s', 'office',
                  '-r', str(RATE), '-m', str(RATE * SECONDS), CALLED)
    caller.wait(SECONDS + 75)  # with calls given up, where the machine is too slow: tcpdump says what there was
    called.kill()
    with link.sender_on(link.tx[0]) as wire:
        wire.send(udp_frame(('203.0.113.1', 9), ('203.0.113.2', 9), LAST_WORD))
    wait_until(lambda: LAST_WORD in seen.read_bytes()[-100_000:], 20, 'everything seen by tcpdump')
    assert hunter.stop() == 0
    judge.signal(signal.SIGINT)
    judge.wait()
    assert '0 packets dropped by kernel' in judge.log, 'the judge itself lost packets'
    assert operator.hunter('hunter-1').stats.packets_dropped == 0
    assert filtering.processor.stop() == 0

    witnessed = list(capture_file.read(seen))
    own, foreign, calls = frames_of(USER, seen)
    assert sum(calls.values()) == RATE * SECONDS and calls[USER] == RATE * SECONDS // len(USERS)
    assert len(own) >= calls[USER] * 20, 'calls without media'
    assert foreign > 10 * len(own)
    # The kernel stamps a packet once, for all who watch the interface.
    capture_file.assert_same([witnessed[number] for number in own], filtering.new())
    assert judges.capinfos_count(filtering.stored) == len(own)
    for process in (hunter, filtering.processor):
        assert ' info ' in process.log
        assert 'clara' not in process.log, 'personal data in a log'
