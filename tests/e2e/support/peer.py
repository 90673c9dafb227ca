"""A hunter made of nothing but what the server's reflection tells: the independent peer that tests speak through."""
import queue
import random

from grpc_call import Client

MANAGEMENT = 'lippycat.management.ManagementService'
DATA = 'lippycat.data.DataService'


class Peer:
    """Registered, streaming one packet at a time, and told of each acknowledgement."""

    def __init__(self, address, hunter_id, credentials=None):
        self.client = Client(address, credentials)
        self.hunter_id = hunter_id
        self.epoch = random.getrandbits(63) | 1
        self._sequence = 0
        self.registration = self.register(self.client, hunter_id, self.epoch)
        assert self.registration.accepted, self.registration.error
        self._batches = queue.Queue()
        self._controls = self.client.call(f'{DATA}/StreamPackets', iter(self._batches.get, None), timeout=120)

    @staticmethod
    def register(client, hunter_id, epoch=None):
        return client.call(f'{MANAGEMENT}/RegisterHunter', {
            'hunter_id': hunter_id, 'hostname': 'test', 'interfaces': ['test0'], 'version': 'test',
            'epoch': epoch or random.getrandbits(63) | 1, 'features': ['resume']})

    def send(self, packets):
        """(data, time_ns) of each, in one batch."""
        self._sequence += 1
        batch = self.client.message('lippycat.data.PacketBatch', hunter_id=self.hunter_id, sequence=self._sequence,
                                    timestamp_ns=packets[-1][1], epoch=self.epoch)
        for data, time_ns in packets:
            batch.packets.add(data=data, timestamp_ns=time_ns, capture_length=len(data), original_length=len(data),
                              link_type=1, interface_name='test0')
        self._batches.put(batch)

    def wait_for_custody(self):
        """Until processord has all that was sent."""
        for control in self._controls:
            assert not control.error, control.error
            if control.ack_sequence >= self._sequence:
                return
        raise AssertionError('the stream ended without the acknowledgement')

    def deliver(self, data, time_ns):
        """Sends one packet and returns when processord has custody of it."""
        self.send([(data, time_ns)])
        self.wait_for_custody()

    def close(self):
        self._batches.put(None)
        self.client.close()
