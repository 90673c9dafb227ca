"""A console that follows the topology of a processor."""
import threading

import grpc
from grpc_call import Client

from support.peer import MANAGEMENT
from support.waiting import wait_until


class TopologyConsole:
    """What a console has been told so far; it has had its first snapshot when it is made."""

    def __init__(self, processor, **more):
        self._client = Client(processor.address)
        self._stream = self._client.call(f'{MANAGEMENT}/SubscribeTopology',
                                         {'include_downstream': True, 'client_id': 'console', **more}, timeout=100)
        self.updates, self._ended_with = [], None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        wait_until(lambda: self.updates, 10, 'the first snapshot')
        self.tree = self.updates[0].snapshot

    def _read(self):
        try:
            for update in self._stream:
                self.updates.append(update)
        except grpc.RpcError as error:
            self._ended_with = error.code().name

    def wait_for(self, condition, what, within=10):
        """The first update that it holds of."""
        return wait_until(lambda: next((u for u in list(self.updates) if condition(u)), None), within, what)

    def ask(self):
        """GetTopology, now."""
        return self._client.call(f'{MANAGEMENT}/GetTopology').processor

    def check_numbers(self):
        """Each update has the number after that of the one before; but snapshots may skip some."""
        updates = [update for update in list(self.updates) if not update.HasField('figures')]
        for before, update in zip(updates, updates[1:]):
            assert update.HasField('snapshot') or update.revision == before.revision + 1

    def end(self):
        """How the stream ended."""
        self._thread.join(10)
        return self._ended_with

    def close(self):
        self._stream.cancel()
        self._thread.join(10)
        self._client.close()
