"""Row of changes made from the root of a chain of processors: how long until the hunter at its end has confirmed."""
import contextlib
import sys
import time

from .processes import BenchError
from .system import chain, hunter
from .table import Row, median

PROCESSORS, CHANGES = 10, 200
BOUNDS = (250, 100)  # ms, of the slowest of 100
MANAGEMENT = 'lippycat.management.ManagementService'


def attached(client):
    node, depth = client.call(f'{MANAGEMENT}/GetTopology').processor, 0
    while node.downstream_processors:
        node, depth = node.downstream_processors[0], depth + 1
    return depth == PROCESSORS - 1 and [each.hunter_id for each in node.hunters] == ['hunter-1']


def change(client, number):
    """Its time in ms, without that of the token."""
    target = f'p{PROCESSORS - 1}'
    token = client.call(f'{MANAGEMENT}/RequestAuthToken', {'target_processor_id': target})
    request = client.message('lippycat.management.ProcessorFilterRequest', processor_id=target, auth_token=token,
                             filter={'id': f'f{number % 20}', 'pattern': f'user-{number}', 'enabled': True})
    began = time.monotonic()
    result = client.call(f'{MANAGEMENT}/UpdateFilterOnProcessor', request)
    took = (time.monotonic() - began) * 1000
    if result.hunters_updated != 1:
        raise BenchError('the hunter has not confirmed a change within a second')
    return took


def one_round(bench):
    from grpc_call import Client
    packets = bench.repository / 'tests' / 'data' / 'call-media.pcap'
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(bench.folder())
        processors = stack.enter_context(chain(bench, folder, PROCESSORS))
        stack.enter_context(hunter(bench, folder, processors[-1], packets, ['--loop', '0', '--pace']))
        client = Client(processors[0].address)
        stack.callback(client.close)
        end = time.monotonic() + 30
        while not attached(client):
            if time.monotonic() > end:
                raise BenchError('the processors did not make a chain with the hunter at its end')
            time.sleep(0.05)
        return sorted(change(client, number) for number in range(CHANGES))


def rows(bench, _):
    sys.path.append(str(bench.repository / 'tests' / 'support'))
    rounds = [one_round(bench) for _ in range(bench.rounds)]
    slowest = [times[CHANGES * 99 // 100 - 1] for times in rounds]
    return [Row(f'a change at depth {PROCESSORS - 1}, until its hunter has confirmed it: 99 %', 'ms', median(slowest),
                *BOUNDS, higher_is_better=False,
                detail={'rounds': slowest, 'median': [median(times) for times in rounds]})]
