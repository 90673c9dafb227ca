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

    @property
    def clean(self):
        return not any(self.counts.values())


def judge(files, issued):
    """The Verdict on these files; `issued` maps each node to its Issued."""
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
        _settle(node, what, seen[node], verdict)
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


def _settle(node, what, seen, verdict):
    twice = [sequence for sequence, times in seen.items() if times > 1]
    verdict.add('twice', len(twice), f'{node}: {ranges(twice)}')
    missing = [sequence for sequence in range(what.count) if sequence not in seen]
    owed = [sequence for sequence in missing if not what.is_excused(sequence)]
    verdict.excused += len(missing) - len(owed)
    if len(owed) > what.reported_dropped:
        verdict.add('missing', len(owed) - what.reported_dropped,
                    f'{node}: {ranges(owed)}, and {what.reported_dropped} reported as dropped')
    else:
        verdict.excused += len(owed)
    for start_ns, end_ns, packets in what.runs:
        stored = sum(sequence in seen for sequence in what.sent_within(start_ns, end_ns))
        verdict.add('missing', max(0, packets - stored),
                    f'{node}: of a run that had reported {packets} captured, {stored} are stored')


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
