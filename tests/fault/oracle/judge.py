"""The judge: reads all capture files that are left and says what is missing, twice, changed, swapped or foreign.

It knows what the sources issued and when, and during which spans a live packet may be lost for good (nobody captured).
"""
import bisect
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from oracle import frames
from support import capture_file


@dataclass
class Issued:
    """What one source sent. `times`: CLOCK_MONOTONIC ns of each send; None for a capture file, of which all is owed."""
    count: int
    times: list = None
    excused: list = field(default_factory=list)  # spans (from_ns, to_ns) in which nobody is owed anything
    reported_dropped: int = 0  # what the hunter's counters say was lost, over all its runs
    runs: list = field(default_factory=list)  # (from_ns, to_ns, packets): so many sent in that span must be stored

    def is_excused(self, sequence):
        return self.times is not None and any(start <= self.times[sequence] <= end for start, end in self.excused)

    def sent_within(self, start_ns, end_ns):
        return range(bisect.bisect_left(self.times, start_ns), bisect.bisect_right(self.times, end_ns))


@dataclass
class Verdict:
    stored: int = 0
    excused: int = 0  # missing, with every right to be
    counts: Counter = field(default_factory=Counter)
    details: list = field(default_factory=list)

    KINDS = ('missing', 'twice', 'changed', 'out of order', 'never issued')

    def add(self, kind, number, detail):
        if number:
            self.counts[kind] += number
            self.details.append(f'{kind}: {detail}')

    def include(self, processor, other):
        self.stored += other.stored
        self.excused += other.excused
        self.counts += other.counts
        self.details += [f'{processor}: {line}' for line in other.details]

    @property
    def clean(self):
        return not any(self.counts.values())


def judge(files, issued, lost_on_the_way=0):
    """The Verdict on these files; `issued` maps each node to its Issued. `lost_on_the_way`: what processors below say
    they have lost, no matter of which node."""
    verdict = Verdict()
    seen = {node: Counter() for node in issued}
    last = {}
    swapped = defaultdict(list)
    for path in files:
        try:
            for number, packet in enumerate(capture_file.read(path), 1):
                _look_at(packet, f'{path.name} packet {number}', issued, seen, last, swapped, verdict)
        except capture_file.Damaged as error:
            verdict.add('changed', 1, f'{path.name} is not whole: {error}')
    for node, places in swapped.items():
        verdict.add('out of order', len(places), f'{node}: {_first(places)}')
    for node, what in issued.items():
        lost_on_the_way -= _settle(node, what, seen[node], lost_on_the_way, verdict)
    return verdict


def judge_tiers(processors, issued):
    """The Verdict on the files of each of these (from above), which all owe everything but what was lost below them."""
    verdict, lost_below = Verdict(), 0
    for processor in reversed(processors):
        verdict.include(processor.name, judge(processor.capture_files(), issued, lost_below))
        lost_below += processor.lost_on_the_way_up()
    return verdict


def _look_at(packet, where, issued, seen, last, swapped, verdict):
    verdict.stored += 1
    try:
        node, sequence = frames.parse(packet.data)
    except frames.Changed:
        verdict.add('changed', 1, where)
        return
    except frames.Foreign:
        verdict.add('never issued', 1, f'{where}: {packet.data[:48].hex()}')
        return
    if packet.length != len(packet.data):
        verdict.add('changed', 1, f'{where}: {len(packet.data)} of {packet.length} bytes')
    if node not in issued or sequence >= issued[node].count:
        verdict.add('never issued', 1, f'{where}: {node} {sequence}')
        return
    seen[node][sequence] += 1
    if seen[node][sequence] == 1:
        if sequence < last.get(node, -1):
            swapped[node].append(f'{sequence} after {last[node]} at {where}')
        last[node] = max(sequence, last.get(node, -1))


def _settle(node, what, seen, lost_on_the_way, verdict):
    """How many of what was lost on the way were of this node."""
    twice = [sequence for sequence, times in seen.items() if times > 1]
    verdict.add('twice', len(twice), f'{node}: {ranges(twice)}')
    missing = [sequence for sequence in range(what.count) if sequence not in seen]
    owed = [sequence for sequence in missing if not what.is_excused(sequence)]
    dropped = what.reported_dropped + lost_on_the_way
    verdict.excused += len(missing) - max(0, len(owed) - dropped)
    verdict.add('missing', max(0, len(owed) - dropped), f'{node}: {ranges(owed)}, and {dropped} reported as dropped')
    for start_ns, end_ns, packets in what.runs:
        stored = sum(sequence in seen for sequence in what.sent_within(start_ns, end_ns))
        verdict.add('missing', max(0, packets - stored - lost_on_the_way),
                    f'{node}: of a run that had reported {packets} captured, {stored} are stored')
    return min(lost_on_the_way, max(0, len(owed) - what.reported_dropped))


def ranges(numbers):
    """1-3, 7: at most twelve of them."""
    found = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    text = ', '.join(f'{first}-{last}' if last > first else f'{first}' for first, last in found[:12])
    return text + (f' and {len(found) - 12} more' if len(found) > 12 else '')


def _first(places):
    return '; '.join(places[:5]) + (f' and {len(places) - 5} more' if len(places) > 5 else '')
