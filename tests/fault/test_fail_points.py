"""Dying at any write, fsync, rename, unlink or acknowledgement neither loses nor doubles a packet."""
import pytest
from oracle import fail_points, launch
from oracle.nodes import fail_points_built_in
from oracle.sequence import failed


@pytest.fixture(autouse=True)
def built_in():
    if not fail_points_built_in(launch.binaries()):
        pytest.skip(f'the programs in {launch.binaries()} were built without LC_FAIL_POINTS')


@pytest.mark.deadline(120)
@pytest.mark.parametrize('point', [point for points in fail_points.POINTS.values() for point in points])
def test_a_death_there_neither_loses_nor_doubles(sandboxed, point):
    result = sandboxed('oracle.fail_points', '--point', point)
    assert result['reached'], f'the run did not come to {point}: {result["details"]}'
    assert not failed(result), result['details']
