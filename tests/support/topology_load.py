"""Hunters whose status changes all the time, and subscribers that write down when they are told of it."""
import random
import threading
import time

import grpc

from grpc_call import Client

MANAGEMENT = 'lippycat.management.ManagementService'


class Changing:
    """Hunters connected to one processord. Each says at a steady pace that it is worse or better off than before.

    `said`: of each hunter, when it said so, by time.monotonic(). Its n-th change, counted from 0, is to status
    (n + 1) % 3: so one or two that are lost show.
    """

    def __init__(self, address, hunters, changes_of_each, per_second):
        self._client = Client(address)
        self._changes, self._pause = changes_of_each, hunters / per_second
        self.said = {f'busy-{number}': [] for number in range(hunters)}
        self._begin, self._end = threading.Event(), threading.Event()
        self._streams = [self._connect(hunter_id) for hunter_id in self.said]
        self._readers = [threading.Thread(target=self._read, args=[stream], daemon=True) for stream in self._streams]
        for reader in self._readers:
            reader.start()

    def _connect(self, hunter_id):
        answer = self._client.call(f'{MANAGEMENT}/RegisterHunter', {
            'hunter_id': hunter_id, 'hostname': 'test', 'interfaces': ['test0'], 'version': 'test',
            'epoch': random.getrandbits(63) | 1, 'features': ['resume']})
        assert answer.accepted, answer.error
        return self._client.call(f'{MANAGEMENT}/Heartbeat', self._beats(hunter_id), timeout=300)

    def _beats(self, hunter_id):
        yield self._beat(hunter_id, 0)
        self._begin.wait()
        said = self.said[hunter_id]
        due = time.monotonic() + self._pause * random.random()
        for number in range(self._changes):
            due += self._pause
            self._end.wait(max(0.0, due - time.monotonic()))
            said.append(time.monotonic())
            yield self._beat(hunter_id, (number + 1) % 3)
        self._end.wait()

    def _beat(self, hunter_id, status):
        return self._client.message('lippycat.management.HunterHeartbeat', hunter_id=hunter_id, status=status)

    @staticmethod
    def _read(stream):
        try:
            for _ in stream:
                pass
        except grpc.RpcError:
            pass  # the end

    def begin(self):
        self._begin.set()

    def close(self):
        self._begin.set()
        self._end.set()
        for reader in self._readers:
            reader.join(10)
        self._client.close()


class Follower:
    """A subscriber of a processord's topology: all changes as they came, and what they lead to.

    It waits `pause` seconds before it reads the next update, until hurry() is called. `heard`: of each hunter, the
    status and the time.monotonic() of each change. `hunters`: the status of those that are there, by (path of the
    processor, hunter).
    """

    def __init__(self, address, pause=0.0):
        # No window that grows with what is read: the processord itself notices who is slow.
        self._client = Client(address, options=[('grpc.http2.bdp_probe', 0)])
        self._stream = self._client.call(f'{MANAGEMENT}/SubscribeTopology',
                                         {'include_downstream': True, 'client_id': 'follower'}, timeout=300)
        self.heard, self.hunters, self.snapshots, self.gaps, self.revision = {}, {}, 0, 0, None
        self._pause, self._hurry = pause, threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def hurry(self):
        self._hurry.set()

    def _read(self):
        try:
            for update in self._stream:
                self._take(update, time.monotonic())
                if self._pause:
                    self._hurry.wait(self._pause)
        except grpc.RpcError:
            pass  # the end

    def _take(self, update, now):
        event = update.WhichOneof('event')
        path = tuple(update.path)
        if event == 'snapshot':
            self.snapshots += 1
            self.hunters = statuses(update.snapshot)
        elif self.revision is not None and update.revision != self.revision + 1:
            self.gaps += 1
        if event == 'hunter_connected':
            hunter = update.hunter_connected.hunter
            self.hunters[path, hunter.hunter_id] = hunter.status
        elif event == 'hunter_disconnected':
            self.hunters.pop((path, update.hunter_disconnected.hunter_id), None)
        elif event == 'hunter_status_changed':
            change = update.hunter_status_changed
            self.heard.setdefault(change.hunter_id, []).append((change.new_status, now))
            self.hunters[path, change.hunter_id] = change.new_status
        self.revision = update.revision

    def count(self):
        """Changes of status so far."""
        return sum(len(changes) for changes in list(self.heard.values()))

    def close(self):
        self._stream.cancel()
        self._thread.join(10)
        self._client.close()


def statuses(node, path=()):
    """The status of each hunter in a tree, by (path of its processor, hunter)."""
    found = {(path, hunter.hunter_id): hunter.status for hunter in node.hunters}
    for child in node.downstream_processors:
        found.update(statuses(child, (*path, child.processor_id)))
    return found


def ask(address):
    """What GetTopology says now."""
    client = Client(address)
    try:
        return client.call(f'{MANAGEMENT}/GetTopology').processor
    finally:
        client.close()


def delays(changing, follower):
    """Seconds from each change to its event, in rising order."""
    return sorted(heard - said for hunter, times in changing.said.items()
                  for said, (_, heard) in zip(times, follower.heard[hunter]))


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
