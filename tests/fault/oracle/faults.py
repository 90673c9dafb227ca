"""Every kind of fault, as the steps that a run takes: (at_ms, verb, who, arguments), all drawn from the run's seed.

A verb is a method of Rig. Each fault heals itself; what is left at the end of the traffic is healed by the run.
"""
from collections import namedtuple

Step = namedtuple('Step', 'at_ms verb who arguments')
PROCESSOR = 'processord'

# What is asked of a run that has the fault: of its settings, and of its hunters.
Kind = namedtuple('Kind', 'steps live tls clock spool points', defaults=(False,) * 5)


def _step(at_ms, verb, who, *arguments):
    return Step(at_ms, verb, who, arguments)


def _killed(draw, at_ms, who, *while_dead):
    """A kill -9 and, some time later, a new start; in between what is done to its files."""
    return [_step(at_ms, 'kill', who), *while_dead, _step(at_ms + draw.randrange(50, 1500), 'start', who)]


def _for_a_while(draw, at_ms, longest_ms, who, verb, heal, *arguments):
    return [_step(at_ms, verb, who, *arguments), _step(at_ms + draw.randrange(300, longest_ms), heal, who)]


def kill_processor(draw, at_ms, _hunter):
    return _killed(draw, at_ms, PROCESSOR)


def kill_hunter(draw, at_ms, hunter):
    return _killed(draw, at_ms, hunter)


def stop_processor(draw, at_ms, _hunter):
    return _for_a_while(draw, at_ms, 1500, PROCESSOR, 'stop', 'start')


def stop_hunter(draw, at_ms, hunter):
    return _for_a_while(draw, at_ms, 1500, hunter, 'stop', 'start')


def pause_processor(draw, at_ms, _hunter):
    return _for_a_while(draw, at_ms, 3000, PROCESSOR, 'pause', 'resume')


def pause_hunter(draw, at_ms, hunter):
    return _for_a_while(draw, at_ms, 3000, hunter, 'pause', 'resume')


def cut(_draw, at_ms, hunter):
    return [_step(at_ms, 'cut', hunter)]


def reset(draw, at_ms, hunter):
    return [_step(at_ms, 'reset_after', hunter, draw.randrange(1, 200_000))]


def stall(draw, at_ms, hunter):
    ways = draw.choice((('up', 'down'), ('up',), ('down',)))
    return _for_a_while(draw, at_ms, 3000, hunter, 'stall', 'heal_link', ways)


def half_open(draw, at_ms, hunter):
    """The one that is not told finds out by itself, or when the other's machine answers its packets with a reset."""
    steps = [_step(at_ms, 'forget', hunter, draw.choice(('hunter', 'processor')))]
    if draw.random() < 0.75:
        steps.append(_step(at_ms + draw.randrange(300, 3000), 'drop_forgotten', hunter))
    return steps


def delay(draw, at_ms, hunter):
    return _for_a_while(draw, at_ms, 4000, hunter, 'slow', 'heal_link', 0.2, 0)


def narrow(draw, at_ms, hunter):
    return _for_a_while(draw, at_ms, 3000, hunter, 'slow', 'heal_link', 0.0, 125_000)


def refuse(draw, at_ms, hunter):
    return _for_a_while(draw, at_ms, 2000, hunter, 'refuse', 'heal_link')


def processor_disk_full(draw, at_ms, _hunter):
    return _for_a_while(draw, at_ms, 3000, PROCESSOR, 'fill_disk', 'free_disk')


def hunter_disk_full(draw, at_ms, hunter):
    return _for_a_while(draw, at_ms, 3000, hunter, 'fill_disk', 'free_disk')


def processor_io_error(draw, at_ms, _hunter):
    point = draw.choice(('capture.write', 'capture.sync', 'journal.write', 'journal.sync'))
    return _for_a_while(draw, at_ms, 2000, PROCESSOR, 'fail', 'work_again', _order(draw, point))


def hunter_io_error(draw, at_ms, hunter):
    point = draw.choice(('spool.write', 'spool.sync'))
    return _for_a_while(draw, at_ms, 2000, hunter, 'fail', 'work_again', _order(draw, point))


def _order(draw, point):
    action = draw.choice(('EIO', 'ENOSPC', 'short') if point.endswith('write') else ('EIO', 'ENOSPC'))
    return f'{point}={action}@{draw.randrange(1, 4)}'


def torn_spool(draw, at_ms, hunter):
    return _killed(draw, at_ms, hunter, _step(at_ms, 'tear', hunter, '*.spool', *_torn(draw)))


def torn_journal(draw, at_ms, _hunter):
    return _killed(draw, at_ms, PROCESSOR, _step(at_ms, 'tear', PROCESSOR, 'journal', *_torn(draw)))


def _torn(draw):
    """Bytes to cut off, less than any record has, and bytes of garbage to append."""
    return draw.choice(((draw.randrange(1, 56), 0), (0, draw.randrange(1, 300))))


def flip_spool(draw, at_ms, hunter):
    file = draw.choice(('*.spool', '*.spool', '*.spool', 'position'))
    return _killed(draw, at_ms, hunter, _step(at_ms, 'flip', hunter, file, draw.random(), draw.randrange(8)))


def flip_journal(draw, at_ms, _hunter):
    return _killed(draw, at_ms, PROCESSOR, _step(at_ms, 'flip', PROCESSOR, 'journal', draw.random(), draw.randrange(8)))


def clock_step(draw, at_ms, hunter):
    who = draw.choice((PROCESSOR, hunter))
    return [_step(at_ms, 'step_clock', who, draw.choice((-3600, 3600))),
            _step(at_ms + draw.randrange(500, 3000), 'step_clock', who, 0)]


def renewed_certificates(_draw, at_ms, hunter):
    return [_step(at_ms, 'renew_certificates', PROCESSOR), _step(at_ms, 'cut', hunter)]


def foreign_certificates(draw, at_ms, hunter):
    return [_step(at_ms, 'foreign_certificates', PROCESSOR), _step(at_ms, 'cut', hunter),
            _step(at_ms + draw.randrange(500, 2000), 'own_certificates', PROCESSOR)]


KINDS = {
    'kill_processor': Kind(kill_processor),
    'kill_hunter': Kind(kill_hunter, live=True),
    'stop_processor': Kind(stop_processor),
    'stop_hunter': Kind(stop_hunter, live=True),
    'pause_processor': Kind(pause_processor),
    'pause_hunter': Kind(pause_hunter),
    'cut': Kind(cut),
    'reset': Kind(reset),
    'stall': Kind(stall),
    'half_open': Kind(half_open),
    'delay': Kind(delay),
    'narrow': Kind(narrow),
    'refuse': Kind(refuse),
    'processor_disk_full': Kind(processor_disk_full),
    'hunter_disk_full': Kind(hunter_disk_full, spool=True),
    'processor_io_error': Kind(processor_io_error, points=True),
    'hunter_io_error': Kind(hunter_io_error, spool=True, points=True),
    'torn_spool': Kind(torn_spool, live=True, spool=True),
    'torn_journal': Kind(torn_journal),
    'flip_spool': Kind(flip_spool, live=True, spool=True),
    'flip_journal': Kind(flip_journal),
    'clock_step': Kind(clock_step, clock=True),
    'renewed_certificates': Kind(renewed_certificates, tls=True),
    'foreign_certificates': Kind(foreign_certificates, tls=True),
}
