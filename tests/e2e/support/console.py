"""A console that follows the calls of a processor."""
import threading

import grpc
from grpc_call import Client

from support.peer import DATA

UPDATED, REMOVED, BEGIN, END = range(4)


class Console:
    """What a console has been told so far."""

    def __init__(self, processor, **more):
        self._client = Client(processor.address)
        self._stream = self._client.call(f'{DATA}/SubscribeCorrelatedCalls',
                                         {'client_id': 'console', 'with_removals': True, **more}, timeout=100)
        self.calls, self.kinds, self.best = {}, [], {}
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        try:
            for update in self._stream:
                if update.update_type == REMOVED:
                    self.calls.pop(update.correlation_id, None)
                elif update.update_type == UPDATED:
                    self.calls[update.correlation_id] = update
                    for leg in update.legs:
                        self.best[leg.call_id] = update  # calls may be over and forgotten before the test looks
                self.kinds.append(update.update_type)
        except grpc.RpcError as error:
            self.ended_with = error.code()

    def close(self):
        self._stream.cancel()
        self._thread.join(10)
        self._client.close()
