"""Every kind of fault, as the steps that a run takes: (at_ms, verb, who, arguments), all drawn from the run's seed.

A verb is a method of Rig. Each fault heals itself; what is left at the end of the traffic is healed by the run.
"""
from collections import namedtuple

Step = namedtuple('Step', 'at_ms verb who arguments')

# Where a fault may happen, by the names of nodes: `child` is a processor below another one, None where there is none;
# `link` is the lower end of one.
Where = namedtuple('Where', 'hunter processor child link')

# What is asked of a run that has the fault: of its settings, its hunters, and its processors.
Kind = namedtuple('Kind', 'steps live tls clock spool points chain', defaults=(False,) * 6)


def _step(at_ms, verb, who, *arguments):
    return Step(at_ms, verb, who, arguments)


def _killed(draw, at_ms, who, *while_dead):
    """A kill -9 and, some time later, a new start; in between what is done to its files."""
    return [_step(at_ms, 'kill', who), *while_dead, _step(at_ms + draw.randrange(50, 1500), 'start', who)]


def _for_a_while(draw, at_ms, longest_ms, who, verb, heal, *arguments):
    return [_step(at_ms, verb, who, *arguments), _step(at_ms + draw.randrange(300, longest_ms), heal, who)]


def kill_processor(draw, at_ms, where):
    return _killed(draw, at_ms, where.processor)


def kill_hunter(draw, at_ms, where):
    return _killed(draw, at_ms, where.hunter)


def stop_processor(draw, at_ms, where):
    return _for_a_while(draw, at_ms, 1500, where.processor, 'stop', 'start')


def stop_hunter(draw, at_ms, where):
    return _for_a_while(draw, at_ms, 1500, where.hunter, 'stop', 'start')


def pause_processor(draw, at_ms, where):
    return _for_a_while(draw, at_ms, 3000, where.processor, 'pause', 'resume')


def pause_hunter(draw, at_ms, where):
    return _for_a_while(draw, at_ms, 3000, where.hunter, 'pause', 'resume')


def cut(_draw, at_ms, where):
    return [_step(at_ms, 'cut', where.link)]


def reset(draw, at_ms, where):
    return [_step(at_ms, 'reset_after', where.link, draw.randrange(1, 200_000))]


def stall(draw, at_ms, where):
    ways = draw.choice((('up', 'down'), ('up',), ('down',)))
    return _for_a_while(draw, at_ms, 3000, where.link, 'stall', 'heal_link', ways)


def half_open(draw, at_ms, where):
    """The one that is not told finds out by itself, or when the other's machine answers its packets with a reset."""
    steps = [_step(at_ms, 'forget', where.link, draw.choice(('below', 'above')))]
    if draw.random() < 0.75:
        steps.append(_step(at_ms + draw.randrange(300, 3000), 'drop_forgotten', where.link))
    return steps


def delay(draw, at_ms, where):
    return _for_a_while(draw, at_ms, 4000, where.link, 'slow', 'heal_link', 0.2, 0)


def narrow(draw, at_ms, where):
    return _for_a_while(draw, at_ms, 3000, where.link, 'slow', 'heal_link', 0.0, 125_000)


def refuse(draw, at_ms, where):
    return _for_a_while(draw, at_ms, 2000, where.link, 'refuse', 'heal_link')


def processor_disk_full(draw, at_ms, where):
    return _for_a_while(draw, at_ms, 3000, where.processor, 'fill_disk', 'free_disk')


def hunter_disk_full(draw, at_ms, where):
    return _for_a_while(draw, at_ms, 3000, where.hunter, 'fill_disk', 'free_disk')


def processor_io_error(draw, at_ms, where):
    point = draw.choice(('capture.write', 'capture.sync', 'journal.write', 'journal.sync'))
    return _for_a_while(draw, at_ms, 2000, where.processor, 'fail', 'work_again', _order(draw, point))


def hunter_io_error(draw, at_ms, where):
    point = draw.choice(('spool.write', 'spool.sync'))
    return _for_a_while(draw, at_ms, 2000, where.hunter, 'fail', 'work_again', _order(draw, point))


def _order(draw, point):
    action = draw.choice(('EIO', 'ENOSPC', 'short') if point.endswith('write') else ('EIO', 'ENOSPC'))
    at_pass = 1 if point.endswith(('create', 'unlink')) else draw.randrange(1, 4)
    return f'{point}={action}@{at_pass}'


def torn_spool(draw, at_ms, where):
    return _torn(draw, at_ms, where.hunter, '*.spool')


def torn_journal(draw, at_ms, where):
    return _torn(draw, at_ms, where.processor, 'journal')


def _torn(draw, at_ms, who, file):
    """Killed, and bytes cut off, fewer than any record has, or bytes of garbage appended."""
    cut, garbage = draw.choice(((draw.randrange(1, 56), 0), (0, draw.randrange(1, 300))))
    return _killed(draw, at_ms, who, _step(at_ms, 'tear', who, file, cut, garbage))


def flip_spool(draw, at_ms, where):
    file = draw.choice(('*.spool', '*.spool', '*.spool', 'position'))
    return _flipped(draw, at_ms, where.hunter, file)


def flip_journal(draw, at_ms, where):
    return _flipped(draw, at_ms, where.processor, 'journal')


def _flipped(draw, at_ms, who, file):
    return _killed(draw, at_ms, who, _step(at_ms, 'flip', who, file, draw.random(), draw.randrange(8)))


def _while_the_parent_is_away(draw, at_ms, child, harm):
    """After a second of that its spool takes what comes."""
    harm_at = at_ms + draw.randrange(1200, 2500)
    return [_step(at_ms, 'refuse', child), *harm(harm_at), _step(harm_at + draw.randrange(0, 1500), 'heal_link', child)]


def torn_forward_spool(draw, at_ms, where):
    return _while_the_parent_is_away(draw, at_ms, where.child,
                                     lambda harm_at: _torn(draw, harm_at, where.child, '*.spool'))


def flip_forward_spool(draw, at_ms, where):
    file = draw.choice(('*.spool', '*.spool', '*.spool', 'position'))
    return _while_the_parent_is_away(draw, at_ms, where.child,
                                     lambda harm_at: _flipped(draw, harm_at, where.child, file))


def forward_io_error(draw, at_ms, where):
    """From before the spool is used, which is after a second without the parent, until it is or until it is drained."""
    order = _order(draw, draw.choice(('forward.create', 'forward.write', 'forward.sync', 'forward.unlink')))
    return [_step(at_ms, 'refuse', where.child), _step(at_ms, 'fail', where.child, order),
            _step(at_ms + draw.randrange(1300, 3000), 'heal_link', where.child),
            _step(at_ms + draw.randrange(1300, 4000), 'work_again', where.child)]


def clock_step(draw, at_ms, where):
    who = draw.choice((where.processor, where.hunter))
    return [_step(at_ms, 'step_clock', who, draw.choice((-3600, 3600))),
            _step(at_ms + draw.randrange(500, 3000), 'step_clock', who, 0)]


def renewed_certificates(_draw, at_ms, where):
    return [_step(at_ms, 'renew_certificates', where.processor), _step(at_ms, 'cut', where.link)]


def foreign_certificates(draw, at_ms, where):
    return [_step(at_ms, 'foreign_certificates', where.processor), _step(at_ms, 'cut', where.link),
            _step(at_ms + draw.randrange(500, 2000), 'own_certificates', where.processor)]


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
    'torn_forward_spool': Kind(torn_forward_spool, chain=True),
    'flip_forward_spool': Kind(flip_forward_spool, chain=True),
    'forward_io_error': Kind(forward_io_error, points=True, chain=True),
    'clock_step': Kind(clock_step, clock=True),
    'renewed_certificates': Kind(renewed_certificates, tls=True),
    'foreign_certificates': Kind(foreign_certificates, tls=True),
}
