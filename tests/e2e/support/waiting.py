"""Waiting for a condition with a deadline, never for a guessed time."""
import time


class TooLate(AssertionError):
    pass


def wait_until(condition, within, what):
    """The first true value of `condition()`; TooLate, which says `what` was awaited, after `within` seconds."""
    end = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TooLate(f'not within {within} s: {what}')
        time.sleep(0.005)
