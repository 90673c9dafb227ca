"""The judge finds each kind of harm in files made up for it: one that can't fail would prove nothing."""
import itertools
import os
from dataclasses import dataclass

import pytest
from oracle import balance, frames, judge
from support import capture_file

COUNT = 50


@pytest.fixture
def sent():
    """The frames of two nodes, as they were on the wire."""
    return [frame for node in ('one', 'two') for frame in itertools.islice(frames.generate(node, 7), COUNT)]


@pytest.fixture
def verdict_on(tmp_path):
    def judged(*files, lost_on_the_way=0, **issued):
        paths = []
        for number, content in enumerate(files):
            paths.append(tmp_path / f'stored_{number}.pcap')
            capture_file.write_pcap(paths[-1], [capture_file.Packet(0, 1, len(frame), frame) for frame in content])
        return judge.judge(paths, {'one': judge.Issued(COUNT), 'two': judge.Issued(COUNT), **issued}, lost_on_the_way)
    return judged


def test_nothing_is_wrong_with_what_was_sent_over_two_files(verdict_on, sent):
    verdict = verdict_on(sent[:30], sent[30:])
    assert verdict.clean and verdict.stored == 2 * COUNT and not verdict.details


def test_the_checksum_of_a_made_frame_is_right(sent):
    """By RFC 1071: the ones' complement sum over a header with its checksum is all ones."""
    for frame in sent:
        words = [int.from_bytes(frame[at:at + 2], 'big') for at in range(14, 34, 2)]
        total = sum(words)
        assert (total & 0xffff) + (total >> 16) == 0xffff


def test_a_missing_packet(verdict_on, sent):
    verdict = verdict_on(sent[:9] + sent[10:])
    assert dict(verdict.counts) == {'missing': 1}
    assert verdict.details == ['missing: one: 9, and 0 reported as dropped']


def test_the_last_packet_missing(verdict_on, sent):
    assert dict(verdict_on(sent[:-1]).counts) == {'missing': 1}


def test_a_doubled_packet_even_in_another_file(verdict_on, sent):
    assert dict(verdict_on(sent, sent[-1:]).counts) == {'twice': 1}


@pytest.mark.parametrize('at', [0, 20, frames.PAYLOAD + 20, frames.BODY, -1])
def test_a_changed_byte_anywhere(verdict_on, sent, at):
    changed = bytearray(sent[5])
    changed[at] ^= 1
    verdict = verdict_on(sent[:5] + [bytes(changed)] + sent[6:])
    assert dict(verdict.counts) == {'changed': 1, 'missing': 1}


def test_a_shortened_packet(verdict_on, sent):
    assert verdict_on(sent[:5] + [sent[5][:-1]] + sent[6:]).counts['changed'] == 1


def test_two_swapped_packets(verdict_on, sent):
    assert dict(verdict_on(sent[:5] + [sent[6], sent[5]] + sent[7:]).counts) == {'out of order': 1}


def test_packets_of_two_hunters_may_mix(verdict_on, sent):
    assert verdict_on([frame for pair in zip(sent[:COUNT], sent[COUNT:]) for frame in pair]).clean


@pytest.mark.parametrize('foreign', [b'\xff' * 60, frames.make('three', 1, b''), frames.make('one', COUNT, b'')])
def test_a_packet_that_nobody_sent(verdict_on, sent, foreign):
    assert dict(verdict_on([*sent, foreign]).counts) == {'never issued': 1}


def test_a_file_that_is_not_whole(tmp_path, sent):
    path = tmp_path / 'stored.pcap'
    capture_file.write_pcap(path, [capture_file.Packet(0, 1, len(frame), frame) for frame in sent])
    os.truncate(path, path.stat().st_size - 1)
    verdict = judge.judge([path], {'one': judge.Issued(COUNT), 'two': judge.Issued(COUNT)})
    assert dict(verdict.counts) == {'changed': 1, 'missing': 1}


def test_only_what_was_sent_in_the_excused_span_may_be_missing(verdict_on, sent):
    times = [1000 * sequence for sequence in range(COUNT)]
    assert verdict_on(sent[:10] + sent[20:], one=judge.Issued(COUNT, times, [(10_000, 19_000)])).clean
    verdict = verdict_on(sent[:9] + sent[21:], one=judge.Issued(COUNT, times, [(10_000, 19_000)]))
    assert dict(verdict.counts) == {'missing': 2}


def test_no_more_may_be_missing_than_was_reported_as_dropped(verdict_on, sent):
    assert verdict_on(sent[:10] + sent[13:], one=judge.Issued(COUNT, reported_dropped=3)).clean
    assert dict(verdict_on(sent[:10] + sent[14:], one=judge.Issued(COUNT, reported_dropped=3)).counts) == {'missing': 1}


def test_what_a_killed_hunter_had_reported_is_owed_even_in_an_excused_span(verdict_on, sent):
    times = [1000 * sequence for sequence in range(COUNT)]
    issued = judge.Issued(COUNT, times, [(10_000, 19_000)], runs=[(0, 19_000, 12)])
    assert dict(verdict_on(sent[:10] + sent[20:], one=issued).counts) == {'missing': 2}


def test_no_more_may_be_missing_of_all_nodes_than_was_lost_on_the_way(verdict_on, sent):
    stored = sent[:10] + sent[12:COUNT + 10] + sent[COUNT + 13:]
    assert verdict_on(stored, lost_on_the_way=5).clean
    assert dict(verdict_on(stored, lost_on_the_way=4).counts) == {'missing': 1}
    assert dict(verdict_on(stored, lost_on_the_way=1).counts) == {'missing': 4}


@dataclass
class Tier:
    """What judge_tiers asks of a processor."""
    name: str
    files: list
    lost: int = 0

    def capture_files(self):
        return self.files

    def lost_on_the_way_up(self):
        return self.lost


def test_what_a_tier_has_lost_is_missing_above_it_only(tmp_path, sent):
    whole, short = tmp_path / 'whole.pcap', tmp_path / 'short.pcap'
    for path, stored in ((whole, sent[:COUNT]), (short, sent[1:COUNT])):
        capture_file.write_pcap(path, [capture_file.Packet(0, 1, len(frame), frame) for frame in stored])
    issued = {'one': judge.Issued(COUNT)}
    assert judge.judge_tiers([Tier('root', [short]), Tier('leaf', [whole], lost=1)], issued).clean
    verdict = judge.judge_tiers([Tier('root', [short]), Tier('leaf', [short], lost=1)], issued)
    assert verdict.details == ['leaf: missing: one: 0, and 0 reported as dropped']
    verdict = judge.judge_tiers([Tier('root', [short], lost=1), Tier('leaf', [whole])], issued)
    assert verdict.details == ['root: missing: one: 0, and 0 reported as dropped']


def test_a_processor_must_count_what_its_log_says_was_damaged():
    assert not balance.of_spool({'forward_dropped_spool_damaged': 7}, 7)
    assert not balance.of_spool({}, 0)
    assert balance.of_spool({'forward_dropped_spool_damaged': 7}, 0)
    assert balance.of_spool({}, 7)
    assert balance.of_spool({'forward_dropped_spool_full': 7}, 0)
