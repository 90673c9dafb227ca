"""What the tests of this folder share: programs, a sandbox, a deadline."""
import signal

import pytest
from oracle import launch, sandbox

DEFAULT_DEADLINE = 60


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    marker = item.get_closest_marker('deadline')
    seconds = marker.args[0] if marker else DEFAULT_DEADLINE

    def too_late(_number, _frame):
        raise AssertionError(f'the test took longer than its deadline of {seconds} s')
    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def sandboxed(tmp_path):
    """Runs a module of the package in a sandbox to its end: its result, or its story as a failure."""
    if reason := sandbox.why_not():
        pytest.skip(reason)
    if not (launch.binaries() / 'processord').exists():
        pytest.fail(f'no programs in {launch.binaries()}: build them, or set LC_FAULT_BIN_DIR', pytrace=False)

    def run(module, *arguments):
        started = launch.Launch(module, tmp_path / 'run', *arguments)
        started.wait()
        result = started.result()
        assert result, started.story()
        print(started.story())
        return result
    return run
