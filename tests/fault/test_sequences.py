"""Short sequences of faults with fixed seeds. Together they have every kind; tests/fault/run makes more."""
import pytest
from oracle import faults, launch
from oracle.nodes import fail_points_built_in
from oracle.sequence import failed

SEQUENCES = [
    (1, ('kill_processor', 'cut', 'stall')),
    (2, ('kill_hunter', 'delay', 'pause_processor', 'stop_hunter')),
    (3, ('torn_spool', 'kill_processor', 'narrow')),
    (4, ('torn_journal', 'reset', 'pause_hunter')),
    (5, ('flip_spool', 'refuse', 'stop_processor')),
    (6, ('flip_journal', 'cut')),
    (7, ('processor_disk_full', 'cut')),
    (8, ('hunter_disk_full', 'hunter_io_error')),
    (9, ('processor_io_error', 'clock_step', 'half_open')),
    (10, ('renewed_certificates', 'foreign_certificates', 'kill_hunter')),
]
# Through three processors, one above the other.
CHAINS = [
    (11, ('kill_processor', 'kill_processor', 'stall')),
    (12, ('torn_forward_spool', 'stop_processor', 'cut')),
    (13, ('flip_forward_spool', 'forward_io_error')),
    (14, ('processor_disk_full', 'half_open', 'flip_journal')),
]
RUNS = [(1, *run) for run in SEQUENCES] + [(3, *run) for run in CHAINS]


@pytest.mark.deadline(120)
@pytest.mark.parametrize('tiers, seed, kinds', RUNS, ids=[f'{seed}-{"-".join(kinds)}' for _, seed, kinds in RUNS])
def test_nothing_is_lost_and_nothing_doubled(sandboxed, tiers, seed, kinds):
    if any(faults.KINDS[kind].points for kind in kinds) and not fail_points_built_in(launch.binaries()):
        pytest.skip(f'the programs in {launch.binaries()} were built without LC_FAIL_POINTS')
    result = sandboxed('oracle.sequence', '--seed', seed, '--tiers', tiers, '--traffic', 3.5, '--count', len(kinds),
                       '--only', *kinds)
    assert not failed(result), result['details']
    assert 'processor_disk_full' not in kinds or result['processor errors'], 'a full disk was not reported'


def test_every_kind_of_fault_is_in_some_sequence():
    assert {kind for _, _, kinds in RUNS for kind in kinds} == set(faults.KINDS)
