"""Filters as they reach a hunter of another make: one that takes single changes and knows no snapshot."""
import queue
import threading

import pytest
from support.filtering import Filtering
from support.peer import MANAGEMENT, Peer

ADD, DELETE, SNAPSHOT = 0, 2, 100


class Updates:
    """What a subscription brings, read on a thread of its own."""

    def __init__(self, peer):
        self._stream = peer.client.call(f'{MANAGEMENT}/SubscribeFilters', {'hunter_id': peer.hunter_id}, timeout=60)
        self._came = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for update in self._stream:
                self._came.put(update)
        except Exception as ended:  # cancelled at the end of the test
            self._came.put(ended)

    def next(self):
        """What happens to which filter, and to which pattern."""
        update = self._came.get(timeout=15)
        return update.update_type, update.filter.id, update.filter.pattern if update.update_type == ADD else None

    def nothing_more(self):
        return self._came.empty()

    def cancel(self):
        self._stream.cancel()


@pytest.fixture
def filtering(programs, tmp_path):
    made = Filtering(programs, tmp_path)
    yield made
    made.close()


def test_a_hunter_without_snapshots_gets_delete_then_add_for_a_change(filtering):
    operator = filtering.operator
    operator.put('a', 'IP_ADDRESS', '192.0.2.1')
    operator.put('b', 'SIP_USER', 'ada', target_hunters=['edge-1'])
    operator.put('not-for-it', 'SIP_USER', 'ada', target_hunters=['edge-2'])
    peer = Peer(filtering.processor.address, 'edge-1')
    assert [f.id for f in peer.registration.filters] == ['a', 'b']
    updates = Updates(peer)
    assert [updates.next() for _ in range(2)] == [(ADD, 'a', '192.0.2.1'), (ADD, 'b', 'ada')]

    assert operator.put('a', 'IP_ADDRESS', '192.0.2.2').hunters_updated == 1, 'written to it counts as confirmed'
    assert [updates.next() for _ in range(2)] == [(DELETE, 'a', None), (ADD, 'a', '192.0.2.2')]
    operator.put('c', 'CODEC', 'opus')
    assert updates.next() == (ADD, 'c', 'opus')
    operator.delete('c')
    assert updates.next() == (DELETE, 'c', None)
    operator.put('b', 'SIP_USER', 'ada', target_hunters=['edge-2'])
    assert updates.next() == (DELETE, 'b', None)
    operator.put('not-for-it', 'SIP_USER', 'grace', target_hunters=['edge-2'])
    operator.put('a', 'IP_ADDRESS', '192.0.2.2', enabled=False)
    assert updates.next()[:2] == (DELETE, 'a')
    following = operator.put('d', 'IP_ADDRESS', '192.0.2.3') and updates.next()
    if following[:2] == (ADD, 'a'):  # as disabled
        following = updates.next()
    assert following == (ADD, 'd', '192.0.2.3'), 'nothing of what is for others'
    assert updates.nothing_more()
    updates.cancel()
    peer.close()


def test_what_changed_between_registration_and_subscription_is_not_lost(filtering):
    operator = filtering.operator
    operator.put('a', 'IP_ADDRESS', '192.0.2.1')
    operator.put('b', 'IP_ADDRESS', '192.0.2.2')
    peer = Peer(filtering.processor.address, 'edge-1')
    assert [f.id for f in peer.registration.filters] == ['a', 'b']
    operator.delete('a')
    operator.put('b', 'IP_ADDRESS', '192.0.2.9')
    operator.put('c', 'IP_ADDRESS', '192.0.2.3')
    updates, has = Updates(peer), {f.id: f.pattern for f in peer.registration.filters}
    while has != {'b': '192.0.2.9', 'c': '192.0.2.3'}:
        kind, filter_id, pattern = updates.next()
        if kind == ADD:
            # Such a hunter ignores an addition of what it has.
            has.setdefault(filter_id, pattern)
        else:
            assert kind == DELETE
            has.pop(filter_id, None)
    updates.cancel()
    peer.close()
