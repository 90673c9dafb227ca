"""Whoever changes filters: asks and changes one processord by what its reflection tells."""
import grpc

from grpc_call import Client
from support.peer import MANAGEMENT
from support.waiting import wait_until


class Operator:
    def __init__(self, processor):
        self._client = Client(getattr(processor, 'address', processor))

    def close(self):
        self._client.close()

    def call(self, method, request=None, timeout=10):
        return self._client.call(f'{MANAGEMENT}/{method}', request, timeout)

    def put(self, filter_id, kind, pattern, enabled=True, **more):
        """Adds the filter, or replaces it; FilterUpdateResult."""
        return self.call('UpdateFilter', {'id': filter_id, 'type': f'FILTER_{kind}', 'pattern': pattern,
                                          'enabled': enabled, **more})

    def delete(self, filter_id):
        return self.call('DeleteFilter', {'filter_id': filter_id})

    def listed(self, hunter_id=''):
        """The filters of one hunter, or all of them, by id."""
        return {each.id: each for each in self.call('GetFilters', {'hunter_id': hunter_id}).filters}

    def hunter(self, hunter_id):
        """ConnectedHunter; None while nobody knows it."""
        try:
            return self.call('GetHunterStatus', {'hunter_id': hunter_id}).hunters[0]
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
            return None

    def wait_for_hunter(self, hunter_id, condition, what, within=25):
        """Its ConnectedHunter when `condition` holds of it; heartbeats come every few seconds."""
        def look():
            hunter = self.hunter(hunter_id)
            return hunter if hunter and condition(hunter) else None
        return wait_until(look, within, f'{hunter_id}: {what}')

    def wait_in_force(self, hunter_id, revision, within=25):
        """When the hunter has reported this revision."""
        return self.wait_for_hunter(hunter_id, lambda h: h.stats.filter_revision >= revision,
                                    f'revision {revision} in force', within)
