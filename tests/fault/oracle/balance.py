"""The balance that each node prints: everything that came in is accounted for."""
import re

_NEVER_CAPTURED = ('dropped_kernel', 'dropped_interface')


def last_line(output, word):
    """The figures of the last statistics line that has `word`, as a dict; None when there is none."""
    lines = [line for line in output.splitlines() if f'{word}=' in line]
    return {name: int(value) for name, value in re.findall(r'(\w+)=(\d+)\b', lines[-1])} if lines else None


def drops(figures):
    """The packets dropped, by reason."""
    return {name[len('dropped_'):]: value for name, value in figures.items() if name.startswith('dropped_')}


def of_hunter(figures):
    """What is wrong with a hunter's line, or nothing."""
    lost = sum(value for name, value in figures.items() if name.startswith('dropped_') and name not in _NEVER_CAPTURED)
    arrived = figures['captured'] + figures['recovered']
    accounted = figures['filtered'] + figures['forwarded'] + figures['in_flight'] + lost
    return _compare('captured + recovered', arrived, 'filtered + forwarded + in_flight + dropped', accounted, figures)


def of_processor(figures):
    accounted = figures['stored'] + figures['live_only'] + figures['in_flight'] + figures['dropped']
    return _compare('received', figures['received'], 'stored + live_only + in_flight + dropped', accounted, figures)


def of_spool(figures, named):
    """What is wrong with what a forwarding processor counts as lost; `named`: the packets that its log says were."""
    full, damaged = (figures.get(f'forward_dropped_spool_{reason}', 0) for reason in ('full', 'damaged'))
    return (f'{full} dropped by a spool that no run fills' if full else '') or _compare(
        'forward_dropped_spool_damaged', damaged, 'what the log says was damaged', named, figures)


def _compare(left, arrived, right, accounted, figures):
    return '' if arrived == accounted else f'{left} = {arrived}, but {right} = {accounted}: {figures}'
