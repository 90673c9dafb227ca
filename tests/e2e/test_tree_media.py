"""A call whose signalling passes one site and whose media another, each with a processord of its own below one root."""
import itertools
import time

import pytest
from conftest import OUR_CAPTURES
from support import capture_file
from support.frames import late, split_call
from support.operator import Operator
from support.proxy import Proxy
from support.tree import PATIENCE
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'


class Site:
    """An edge processord, and one hunter of its own in the link's namespace."""

    def __init__(self, tree, programs, link, folder, name, above):
        self.stored = folder / f'{name}.pcapng'
        self._programs, self._link, self._name = programs, link, name
        self.processor = tree.start(name, above, options=['--write-file', self.stored])
        self.processor.wait_for_log('attached to the upstream processor', PATIENCE)
        self.operator = Operator(self.processor)
        self._relay = Proxy(self.processor.port, link.listener())

    def hunter(self, interface):
        """It forwards nothing but what filters want."""
        made = self._programs.hunterd(self._relay, '--no-filter-policy', 'none', interface=interface,
                                      hunter_id=f'hunter-{self._name}', inside=self._link.watching)
        made.wait_for_log('hunter started')
        made.wait_for_log('connected')
        return made

    def stats(self):
        return self.operator.hunter(f'hunter-{self._name}').stats

    def frames(self):
        return [packet.data for packet in capture_file.read(self.stored, torn_tail=True)]

    def close(self):
        self.operator.close()
        self._relay.close()


@pytest.fixture
def site(tree, programs, link, tmp_path):
    made = []

    def make(name, above):
        made.append(Site(tree, programs, link, tmp_path, name, above))
        return made[-1]
    yield make
    for one in made:
        one.close()


def other_port(frame):
    """The same packet between other ports: media of a call that nobody follows."""
    ports = bytes([frame[34] ^ 0x40, frame[35], frame[36] ^ 0x40, frame[37]])
    return frame[:34] + ports + frame[38:40] + b'\0\0' + frame[42:]  # no checksum (RFC 768)


@pytest.mark.slow
@pytest.mark.deadline(100)
@pytest.mark.parametrize('attached', ['before the call', 'during the call'])
def test_media_that_passes_another_site_is_captured_there_and_no_other(tree, site, link, attached):
    start, media, end = split_call(CALL)
    root = tree.start('root')
    one = site('edge-a', root)
    revision = one.operator.put('user', 'SIP_USER', 'ada').revision
    signalling_hunter = one.hunter(link.rx[0])
    one.operator.wait_in_force('hunter-edge-a', revision)

    def other_site():
        middle = tree.start('middle', root)
        made = site('edge-b', middle)
        return made, made.hunter(link.rx[1])
    if attached == 'before the call':
        other, media_hunter = other_site()
    with link.sender_on(link.tx[0]) as signalling, link.sender_on(link.tx[1]) as voice:
        for frame in start:
            signalling.send(frame)
        wait_until(lambda: one.frames() == start, 20, 'the call at the one site')
        if attached == 'during the call':
            other, media_hunter = other_site()
        # What passes just before the hunter is told is held by it for a while.
        for frame in media:
            voice.send(other_port(frame))
            voice.send(frame)
        wait_until(lambda: len(other.frames()) >= len(media), 20, 'the media at the other site')
        assert other.frames() == media

        for frame in end:
            signalling.send(frame)
        numbers = itertools.count()

        def left_out():
            filtered = other.stats().packets_filtered
            voice.send(late(media[0], next(numbers)))
            time.sleep(0.1)  # the pace of this stream
            return filtered > len(media)  # those between other ports were left out anyway
        wait_until(left_out, 40, 'media that is wanted no more')
        first = next(numbers)
        for number in range(first, first + 20):
            voice.send(late(media[0], number))
        assert not other.operator.listed(), 'the filter is of the one site only'
    for process in (signalling_hunter, media_hunter, one.processor, other.processor):
        assert process.stop() == 0
    assert one.frames() == [*start, *end]
    kept = other.frames()
    late_ones = [int(frame[-6:]) for frame in kept[len(media):]]
    assert kept[:len(media)] == media
    assert late_ones == list(range(len(late_ones))) and 0 < len(late_ones) < first
