"""Capture files go through hunterd and processord and come back as they were."""
import itertools
import signal

import pytest
from conftest import NEEDS_SHARED, OUR_CAPTURES, shared_captures, truth
from support import capture_file, judges

TRUTH = truth()
# Read to the end by libpcap, which is what hunterd reads with.
WHOLE = sorted(name for name, entry in TRUTH.items() if not entry['tcpdump']['messages'])
DAMAGED = sorted(set(TRUTH) - set(WHOLE))
OURS = sorted(p.name for p in OUR_CAPTURES.glob('*.pcap*'))


def send(programs, source, stored):
    """Sends one capture file and gives the ended hunterd; processord has stored everything and ended too."""
    processor = programs.processord('--write-file', stored)
    hunter = programs.hunterd(processor, interface=source)
    hunter.code = hunter.wait(within=30)
    assert processor.stop() == 0
    return hunter


def assert_stored_like(source, stored):
    capture_file.assert_same(capture_file.read(source), capture_file.read(stored))
    # The same question to programs that share no line with the reader above.
    assert judges.tshark_frames(stored) == judges.tshark_frames(source)
    assert judges.capinfos_count(stored) == sum(1 for _ in capture_file.read(source))


@pytest.mark.parametrize('suffix', ['pcapng', 'pcap'])
@pytest.mark.parametrize('name', OURS)
def test_our_captures_come_back_unchanged(programs, tmp_path, name, suffix):
    stored = tmp_path / f'stored.{suffix}'
    hunter = send(programs, OUR_CAPTURES / name, stored)
    assert hunter.code == 0
    assert_stored_like(OUR_CAPTURES / name, stored)


@NEEDS_SHARED
@pytest.mark.parametrize('suffix', ['pcapng', 'pcap'])
@pytest.mark.parametrize('name', WHOLE)
def test_real_captures_come_back_unchanged(programs, tmp_path, name, suffix):
    stored = tmp_path / f'stored.{suffix}'
    hunter = send(programs, shared_captures() / name, stored)
    assert hunter.code == 0
    assert_stored_like(shared_captures() / name, stored)
    assert judges.capinfos_count(stored) == TRUTH[name]['packets']


@NEEDS_SHARED
@pytest.mark.parametrize('name', DAMAGED)
def test_a_damaged_capture_is_sent_up_to_the_damage_and_named(programs, tmp_path, name):
    source, stored = shared_captures() / name, tmp_path / 'stored.pcapng'
    hunter = send(programs, source, stored)
    assert hunter.code == 1
    assert name in hunter.log, 'the message must say which file is damaged'
    readable = TRUTH[name]['tcpdump']['packets']
    assert judges.capinfos_count(stored) == readable
    before_damage = itertools.islice(capture_file.read(source, torn_tail=True), readable) if readable else []
    capture_file.assert_same(before_damage, capture_file.read(stored))
    assert judges.tshark_frames(stored) == judges.tshark_frames(source, damaged=True)[:readable]


def test_files_of_several_link_types_sent_at_once_share_one_pcapng(programs, tmp_path):
    names = ['call-media.pcap', 'call-vlan.pcap', 'call-ipv6.pcap']
    sources = [OUR_CAPTURES / name for name in names]
    raw = tmp_path / 'raw.pcap'
    capture_file.write_pcap(raw, [p._replace(link_type=101, data=p.data[14:], length=p.length - 14)
                                  for p in capture_file.read(sources[0])], link_type=101)
    sources.append(raw)
    stored = tmp_path / 'stored.pcapng'
    hunter = send(programs, ','.join(map(str, sources)), stored)
    assert hunter.code == 0
    frames = list(capture_file.read(stored))
    judges.capinfos_count(stored)
    assert sorted(frames) == sorted(p for source in sources for p in capture_file.read(source))
    for source in sources:
        mine = set(capture_file.read(source))
        capture_file.assert_same(capture_file.read(source), [p for p in frames if p in mine])


def test_several_hunters_are_stored_side_by_side(programs, tmp_path):
    stored = tmp_path / 'stored.pcapng'
    processor = programs.processord('--write-file', stored)
    names = ['call-media.pcap', 'call-vlan.pcap', 'call-ipv6.pcap']
    hunters = [programs.hunterd(processor, interface=OUR_CAPTURES / name, hunter_id=name) for name in names]
    assert [h.wait() for h in hunters] == [0, 0, 0]
    processor.signal(signal.SIGTERM)
    assert processor.wait() == 0
    expected = [p for name in names for p in capture_file.read(OUR_CAPTURES / name)]
    assert sorted(capture_file.read(stored)) == sorted(expected)
