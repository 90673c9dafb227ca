"""Asks a processord, all the time, what the hunters' last heartbeats said; remembers each answer with the hunter."""
import threading

import grpc
from grpc_call import Client

STATUS = 'lippycat.management.ManagementService/GetHunterStatus'
PERIOD = 0.1


class Monitor:
    """`credentials`: what to show and trust, or None without TLS."""

    def __init__(self, processor, hunters, credentials):
        self._processor, self._hunters, self._credentials = processor, {h.name: h for h in hunters}, credentials
        self.processor_errors = set()  # each reason that it gave for an ERROR
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self):
        self._closed.set()
        self._thread.join()

    def _run(self):
        client, port = None, None
        while not self._closed.wait(PERIOD):
            now = getattr(self._processor.process, 'port', None)
            if now != port:
                if client:
                    client.close()
                client, port = Client(f'127.0.0.1:{now}', self._credentials), now
            if client:
                try:
                    self._take(client.call(STATUS, timeout=1))
                except (grpc.RpcError, StopIteration):  # killed, paused, starting: it answers later
                    pass
        if client:
            client.close()

    def _take(self, status):
        own = status.processor_stats
        states = own.DESCRIPTOR.fields_by_name['status'].enum_type.values_by_number
        if states[own.status].name == 'PROCESSOR_ERROR':
            self.processor_errors.add(own.status_reason)
        for seen in status.hunters:
            if seen.hunter_id in self._hunters and seen.stats.packets_captured:
                stats = seen.stats
                self._hunters[seen.hunter_id].heard({
                    'captured': stats.packets_captured, 'recovered': stats.packets_recovered,
                    'forwarded': stats.packets_forwarded, 'dropped': stats.packets_dropped,
                    'cpu': stats.cpu_percent, 'memory': stats.memory_rss_bytes})
