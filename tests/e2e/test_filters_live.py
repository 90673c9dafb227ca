"""Filters on a veth pair: what the kernel keeps away, changes in mid-flow, and calls that pass two hunters."""
import contextlib
import itertools
import subprocess
import threading
import time

import pytest
from conftest import OUR_CAPTURES
from support import capture_file
from support.filtering import LiveFiltering
from support.frames import late, split_call, udp_frame
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'
WANTED, OTHER, PEER = ('192.0.2.10', 4000), ('198.51.100.10', 4000), ('203.0.113.1', 5000)


@pytest.fixture
def filtering(programs, link, tmp_path):
    made = LiveFiltering(programs, tmp_path, link)
    yield made
    made.close()


def numbered(number, source=WANTED):
    return udp_frame(source, PEER, b'number %10d' % number)


def number_of(packet):
    return int(packet.data[-10:])


def stop(*processes):
    for process in processes:
        assert process.stop() == 0


def test_the_kernel_keeps_away_what_only_address_filters_leave_out(link, filtering):
    operator = filtering.operator
    revision = operator.put('address', 'IP_ADDRESS', WANTED[0]).revision
    hunter = filtering.hunter(link.rx[0])
    operator.wait_in_force('hunter-1', revision)

    def counted(forwarded):
        stats = operator.wait_for_hunter('hunter-1', lambda h: h.stats.packets_forwarded >= forwarded,
                                         f'{forwarded} packets forwarded').stats
        return stats.packets_captured, stats.packets_filtered, stats.packets_forwarded

    with link.sender_on(link.tx[0]) as wire:
        for number in range(300):
            wire.send(numbered(number, OTHER))
        for number in range(10):
            wire.send(numbered(number))
        assert counted(10) == (10, 0, 10)

        # A filter that has to look into packets opens the kernel's.
        operator.wait_in_force('hunter-1', operator.put('user', 'SIP_USER', 'ada').revision)

        def comes_up():
            wire.send(numbered(0, OTHER))
            return operator.hunter('hunter-1').stats.packets_captured > 10
        wait_until(comes_up, 25, 'packets that nobody wants')
        for number in range(300):
            wire.send(numbered(number, OTHER))
        for number in range(10, 20):
            wire.send(numbered(number))
        captured, left_out, forwarded = counted(20)
        assert captured == left_out + forwarded >= 300 + 20 and forwarded == 20

        operator.wait_in_force('hunter-1', operator.delete('user').revision)
        for number in range(300):
            wire.send(numbered(number, OTHER))
        for number in range(20, 30):
            wire.send(numbered(number))
        assert counted(30) == (captured + 10, left_out, 30)
    stop(hunter, filtering.processor)
    assert [number_of(packet) for packet in capture_file.read(filtering.stored)] == list(range(30))


@pytest.mark.deadline(90)
def test_what_a_confirmed_filter_wants_is_captured_from_the_confirmation_on(link, filtering):
    """Also when the kernel kept it away before."""
    operator = filtering.operator
    invite = split_call(CALL)[0][0]
    revision = operator.put('address', 'IP_ADDRESS', WANTED[0]).revision
    hunter = filtering.hunter(link.rx[0])
    operator.wait_in_force('hunter-1', revision)
    rounds = 10
    with link.sender_on(link.tx[0]) as wire:
        for _ in range(rounds):
            operator.wait_in_force('hunter-1', operator.put('user', 'SIP_USER', 'ada').revision)
            wire.send(invite)
            operator.wait_in_force('hunter-1', operator.delete('user').revision)
    stop(hunter, filtering.processor)
    assert [packet.data for packet in capture_file.read(filtering.stored)] == [invite] * rounds


@contextlib.contextmanager
def flow(link, pause=0.0004):
    """Numbered packets without end, each between two that nobody wants; gives the list of what was sent."""
    sent, enough = [], threading.Event()

    def send():
        with link.sender_on(link.tx[0]) as wire:
            for number in itertools.count():
                wire.send(numbered(number, OTHER))
                wire.send(numbered(number))
                sent.append(number)
                if enough.wait(pause):
                    return
    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        enough.set()
        thread.join()


@pytest.mark.slow
@pytest.mark.deadline(150)
def test_nothing_wanted_is_lost_or_doubled_while_filters_change_fifty_times(link, filtering):
    """Each change swaps the kernel's filter, or opens it, or closes it again."""
    operator = filtering.operator
    revision = operator.put('always', 'IP_ADDRESS', WANTED[0]).revision
    hunter = filtering.hunter(link.rx[0])
    operator.wait_in_force('hunter-1', revision)
    changes = itertools.cycle([
        lambda: operator.put('also', 'IP_ADDRESS', '192.0.2.128/25'),
        lambda: operator.put('user', 'SIP_USER', 'ada'),
        lambda: operator.put('also', 'BPF', 'tcp port 80'),
        lambda: operator.delete('user'),
        lambda: operator.put('also', 'BPF', f'udp and host {WANTED[0]}'),  # wants the same packets
        lambda: operator.put('also', 'IP_ADDRESS', '2001:db8::/32', enabled=False),
        lambda: operator.put('user', 'CODEC', 'PCMA'),
        lambda: operator.delete('also'),
        lambda: operator.put('also', 'PHONE_NUMBER', '12345*'),
        lambda: operator.delete('user')])
    with flow(link) as sent:
        for _ in range(50):
            begun = len(sent)
            revision = next(changes)().revision
            wait_until(lambda begun=begun: len(sent) > begun, 5, 'packets between two changes')
        operator.wait_in_force('hunter-1', revision)
    stop(hunter, filtering.processor)
    stored = [number_of(packet) for packet in capture_file.read(filtering.stored)]
    assert stored == list(range(len(sent)))


@pytest.mark.slow
@pytest.mark.deadline(120)
@pytest.mark.parametrize('whose', [[], ['signalling']], ids=['filter for both', 'filter for the signalling only'])
def test_media_that_passes_another_hunter_is_stored_from_its_first_packet_until_the_call_is_over(
        link, filtering, whose):
    operator = filtering.operator
    start, media, end = split_call(CALL)
    assert (len(start), len(media), len(end)) == (4, 100, 2)
    revision = operator.put('user', 'SIP_USER', 'ada', target_hunters=whose).revision
    hunters = [filtering.hunter(link.rx[i], '--no-filter-policy', 'none', hunter_id=hunter_id)
               for i, hunter_id in enumerate(['signalling', 'media'])]
    operator.wait_in_force('signalling', revision)
    operator.wait_for_hunter('media', lambda h: h.stats.filter_revision >= h.filter_revision, 'its filters in force')
    listed = set(operator.listed('media'))

    def stored():
        return [packet.data for packet in capture_file.read(filtering.stored, torn_tail=True)]
    with link.sender_on(link.tx[0]) as signalling, link.sender_on(link.tx[1]) as voice:
        for frame in start:
            signalling.send(frame)
        for frame in media:  # at once: the first of it cannot but pass before any other hunter has been told
            voice.send(frame)
        wait_until(lambda: len(stored()) >= 104, 20, 'the call with its media')
        assert sorted(stored()) == sorted([*start, *media])
        assert set(operator.listed('media')) == listed, 'media endpoints are no filters of anybody'
        assert set(operator.listed()) == {'user'}

        for frame in end:
            signalling.send(frame)
        wait_until(lambda: len(stored()) >= 106, 20, 'the end of the call')
        voice.send(late(media[0], 0))
        wait_until(lambda: len(stored()) >= 107, 4, 'what still comes within the grace of five seconds')
        numbers = itertools.count(1)

        def left_out():
            voice.send(late(media[0], next(numbers)))
            time.sleep(0.1)  # the pace of this stream
            return operator.hunter('media').stats.packets_filtered > 0
        wait_until(left_out, 40, 'media that is wanted no more')
        first = next(numbers)
        for number in range(first, first + 50):
            voice.send(late(media[0], number))
    stop(*hunters, filtering.processor)
    kept = stored()
    assert sorted(frame for frame in kept if b'late ' not in frame) == sorted([*start, *media, *end])
    late_ones = sorted(int(frame[-6:]) for frame in kept if b'late ' in frame)
    assert late_ones == list(range(len(late_ones))), 'media is stored without a gap until it ends'
    assert len(late_ones) < first, 'media of a call that is over'
    by_tshark = subprocess.run(['tshark', '-n', '-r', filtering.stored, '-Y', 'rtp', '-T', 'fields', '-e',
                                'frame.number'], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               check=True, timeout=30)
    assert len(by_tshark.stdout.split()) == len(media) + len(late_ones)


@pytest.mark.deadline(90)
def test_media_of_a_followed_call_comes_through_a_kernel_that_kept_it_away(link, filtering):
    """The hunter at the media's link has an address filter only, which the kernel applies."""
    operator = filtering.operator
    start, media, _ = split_call(CALL)
    operator.put('address', 'IP_ADDRESS', WANTED[0], target_hunters=['media'])
    operator.put('user', 'SIP_USER', 'ada', target_hunters=['signalling'])
    hunters = [filtering.hunter(link.rx[i], hunter_id=hunter_id) for i, hunter_id in enumerate(['signalling', 'media'])]
    for hunter_id in ('signalling', 'media'):
        operator.wait_for_hunter(hunter_id, lambda h: h.stats.active_filters == 1, 'its filter in force')
    numbers = itertools.count()
    with link.sender_on(link.tx[0]) as signalling, link.sender_on(link.tx[1]) as voice:
        for frame in start:
            signalling.send(frame)

        def comes_up():
            voice.send(late(media[0], next(numbers)))
            return operator.hunter('media').stats.packets_forwarded > 0
        wait_until(comes_up, 30, 'media of the announced call')
    stop(*hunters, filtering.processor)
