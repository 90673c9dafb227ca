"""The filter table outlives what happens: files, signals, restarts of either side in any order."""
import itertools
import json
import os
import random
import re
import signal

import pytest
from conftest import OUR_CAPTURES
from support import capture_file
from support.filtering import Filtering
from support.operator import Operator
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'
HUNTERS = ['hunter-1', 'hunter-2', 'hunter-3']


def write_filters(path, filters):
    lines = ',\n'.join(json.dumps(each) for each in filters)
    path.write_text(f'{{"filters": [\n{lines}\n]}}\n', encoding='utf-8')


def many(count):
    """Of several types, so that their set is none that one table could hold."""
    kinds = [('FILTER_SIP_USER', 'user-{}'), ('FILTER_IP_ADDRESS', '10.{}.{}.1'),
             ('FILTER_PHONE_NUMBER', '+49 30 {:06}'), ('FILTER_SIP_URI', 'user-{}@example.com'),
             ('FILTER_CALL_ID', 'call-{}@*')]
    for number, (kind, form) in zip(range(count), itertools.cycle(kinds)):
        pattern = form.format(*divmod(number, 256)) if kind == 'FILTER_IP_ADDRESS' else form.format(number)
        yield {'id': f'f{number}', 'type': kind, 'pattern': pattern, 'enabled': True}


@pytest.mark.deadline(90)
def test_ten_thousand_filters_of_a_file_are_in_force_and_reloaded_on_a_signal(programs, tmp_path):
    path = tmp_path / 'filters.json'
    filters = list(many(10_000))
    write_filters(path, filters)
    filtering = Filtering(programs, tmp_path, '--filter-file', path)
    operator = filtering.operator
    filtering.processor.wait_for_log('filters loaded filters=10000')
    assert len(operator.listed()) == 10_000
    assert filtering.forwarded(CALL) == [], 'none of them wants this call'
    assert operator.hunter('hunter-1').stats.active_filters == 10_000

    write_filters(path, [*filters[:5000], {'id': 'ada', 'type': 'FILTER_SIP_USER', 'pattern': 'ada', 'enabled': True}])
    filtering.processor.signal(signal.SIGHUP)
    filtering.processor.wait_for_log('filters reloaded .*filters=5001 changed=5001')
    assert filtering.forwarded(CALL) == list(capture_file.read(CALL))
    assert operator.hunter('hunter-1').stats.active_filters == 5001

    # A connected hunter hears of a reload as of any other change.
    programs.hunterd(filtering.processor, '--loop', '0', '--pace', interface=CALL, hunter_id='hunter-2')
    operator.wait_for_hunter('hunter-2', lambda h: h.stats.active_filters == 5001, '5001 filters')
    write_filters(path, filters[:100])
    filtering.processor.signal(signal.SIGHUP)
    operator.wait_for_hunter('hunter-2', lambda h: h.stats.active_filters == 100, '100 filters')
    filtering.close()


DAMAGES = {
    'not closed': (
        '{"filters": [\n{"id": "a", "type": "FILTER_SIP_USER", "pattern": "ada", "enabled": true}\n', 'line 3'),
    'no comma': ('{"filters": [\n{"id": "a" "type": "FILTER_SIP_USER"}]}', 'line 2, column 17'),
    'a bad pattern': ('{"filters": [\n{"id": "a", "type": "FILTER_SIP_USER", "pattern": "ada", "enabled": true},\n'
                      '{"id": "b", "type": "FILTER_IP_ADDRESS", "pattern": "192.0.2.0/33", "enabled": true}]}',
                      r'filter number 2 \(id .*b.*position 11'),
    'an unknown type': ('{"filters": [{"id": "a", "type": "FILTER_SMELL", "pattern": "x", "enabled": true}]}',
                        'filter number 1.*type'),
    'an unknown key': ('{"filters": [{"id": "a", "type": "FILTER_SIP_USER", "patern": "x", "enabled": true}]}',
                       'patern'),
    'an id twice': ('{"filters": [\n{"id": "a", "type": "FILTER_SIP_USER", "pattern": "x", "enabled": true},\n'
                    '{"id": "a", "type": "FILTER_SIP_USER", "pattern": "y", "enabled": true}]}', 'filter number 2'),
    'nothing in it': ('', 'line 1, column 1'),
}


def test_a_damaged_filter_file_ends_the_start_and_names_the_place(programs, tmp_path):
    path = tmp_path / 'filters.json'
    for text, place in DAMAGES.values():
        path.write_text(text, encoding='utf-8')
        refused = programs.run('processord', '--listen', '127.0.0.1:0', '--write-file', tmp_path / 'stored.pcap',
                               '--filter-file', path)
        assert refused.code == os.EX_CONFIG, refused.log
        assert str(path) in refused.log
        assert re.search(place, refused.log), f'{place} in {refused.log}'
        assert path.read_text(encoding='utf-8') == text, 'what people wrote is left to them'


def test_a_damaged_filter_file_is_not_reloaded_and_the_table_stays(programs, tmp_path):
    path = tmp_path / 'filters.json'
    write_filters(path, [{'id': 'ada', 'type': 'FILTER_SIP_USER', 'pattern': 'ada', 'enabled': True}])
    filtering = Filtering(programs, tmp_path, '--filter-file', path)
    everything = list(capture_file.read(CALL))
    assert filtering.forwarded(CALL) == everything
    for number, (text, place) in enumerate([*DAMAGES.values(), (None, 'No such file|is gone|does not exist')], 1):
        if text is None:
            path.unlink()
        else:
            path.write_text(text, encoding='utf-8')
        filtering.processor.signal(signal.SIGHUP)

        def refusals():
            return [line for line in filtering.processor.log.splitlines() if 'filters not reloaded' in line]
        wait_until(lambda number=number: len(refusals()) == number, 10, f'refusal {number}')
        assert re.search(place, refusals()[-1]), f'{place} in {refusals()[-1]}'
    assert set(filtering.operator.listed()) == {'ada'}
    assert filtering.forwarded(CALL) == everything
    filtering.close()


def test_filters_added_one_by_one_survive_kills(programs, tmp_path):
    stored = tmp_path / 'stored.pcap'
    added = {}
    filters = list(many(200))
    for part in range(0, 200, 50):
        processor = programs.processord('--write-file', stored)
        operator = Operator(processor)
        assert {i: f.pattern for i, f in operator.listed().items()} == added
        for each in filters[part:part + 50]:
            operator.put(each['id'], each['type'].removeprefix('FILTER_'), each['pattern'])
            added[each['id']] = each['pattern']
        operator.close()
        processor.kill()
    processor = programs.processord('--write-file', stored)
    operator = Operator(processor)
    assert {i: f.pattern for i, f in operator.listed().items()} == added and len(added) == 200
    operator.close()


class Model:
    """Which filters there are, whom they are for, and the revision of the last change that concerns each hunter."""

    def __init__(self):
        self.filters = {}  # id: (enabled, targets, pattern)
        self.revision = 1
        self.due = dict.fromkeys(HUNTERS, 1)

    def concerned(self, *filters):
        return {hunter for each in filters if each for hunter in each[1] or HUNTERS}

    def change(self, filter_id, after, revision):
        assert revision > self.revision
        self.revision = revision
        before = self.filters.pop(filter_id, None)
        if after:
            self.filters[filter_id] = after
        self.due.update(dict.fromkeys(self.concerned(before, after), revision))

    def restarted(self, anything_saved):
        """A start takes a new revision, for the file may have been edited."""
        if anything_saved:
            self.due = dict.fromkeys(HUNTERS, self.revision + 1)

    def of(self, hunter):
        return {i: each for i, each in self.filters.items() if not each[1] or hunter in each[1]}


class Fleet:
    """One processord and three hunterds, which can be started anew; a relay keeps the processor's address."""

    def __init__(self, programs, proxy_to, folder):
        self._programs, self._stored = programs, folder / 'stored.pcap'
        self.operator = None
        self._start_processor()
        self._proxy = proxy_to(self._processor.port)
        self._hunters = {hunter_id: self._start_hunter(hunter_id) for hunter_id in HUNTERS}

    def _start_processor(self):
        self._processor = self._programs.processord('--write-file', self._stored)
        self.operator = Operator(self._processor)

    def _start_hunter(self, hunter_id):
        return self._programs.hunterd(self._proxy, '--loop', '0', '--pace', interface=CALL, hunter_id=hunter_id)

    def restart_processor(self, end):
        self.operator.close()
        end(self._processor)
        self._start_processor()
        self._proxy.target = self._processor.port

    def restart_hunter(self, hunter_id, end):
        end(self._hunters[hunter_id])
        self._hunters[hunter_id] = self._start_hunter(hunter_id)


@pytest.mark.slow
@pytest.mark.deadline(240)
def test_every_hunter_ends_with_what_a_simple_model_says_whatever_is_restarted_in_between(programs, proxy_to, tmp_path):
    seed = int(os.environ.get('LC_FILTER_SEED', random.randrange(1 << 32)))
    print(f'LC_FILTER_SEED={seed}')
    chance, model, fleet = random.Random(seed), Model(), Fleet(programs, proxy_to, tmp_path)

    def put(filter_id, enabled, targets, pattern):
        reply = fleet.operator.put(filter_id, 'IP_ADDRESS', pattern, enabled, target_hunters=targets)
        model.change(filter_id, (enabled, targets, pattern), reply.revision)

    def some_targets():
        return chance.choice([[], chance.sample(HUNTERS, 1), chance.sample(HUNTERS, 2), ['somebody-else']])

    def some_filter():
        filter_id = chance.choice(sorted(model.filters))
        return filter_id, *model.filters[filter_id]

    def add():
        put(f'f{chance.randrange(1000)}', chance.random() < 0.8, some_targets(), f'10.0.0.{chance.randrange(256)}')

    def modify():
        filter_id, enabled, targets, _ = some_filter()
        put(filter_id, enabled, targets, f'10.1.0.{chance.randrange(256)}')

    def retarget():
        filter_id, enabled, _, pattern = some_filter()
        put(filter_id, enabled, some_targets(), pattern)

    def switch():
        filter_id, enabled, targets, pattern = some_filter()
        put(filter_id, not enabled, targets, pattern)

    def delete():
        filter_id = some_filter()[0]
        model.change(filter_id, None, fleet.operator.delete(filter_id).revision)

    def any_end():
        return chance.choice([lambda process: process.kill(), lambda process: process.stop(30)])

    def restart_processor():
        fleet.restart_processor(any_end())
        model.restarted(model.revision > 1)

    def restart_hunter():
        fleet.restart_hunter(chance.choice(HUNTERS), any_end())

    def restart_both():
        restart_hunter()
        restart_processor()

    for step in range(60):
        actions = [add] if not model.filters else [add, add, modify, retarget, switch, switch, delete, delete,
                                                   restart_processor, restart_hunter, restart_both]
        action = chance.choice(actions)
        print(f'step {step}: {action.__name__}')
        action()
    for hunter_id in HUNTERS:
        mine = model.of(hunter_id)
        enabled = sum(each[0] for each in mine.values())
        reported = fleet.operator.wait_for_hunter(
            hunter_id, lambda h, hunter_id=hunter_id: h.stats.filter_revision == model.due[hunter_id],
            f'revision {model.due[hunter_id]} in force', within=75)
        assert reported.filter_revision == model.due[hunter_id]
        assert reported.stats.active_filters == enabled
        assert {f.id: (f.enabled, list(f.target_hunters), f.pattern) for f in reported.filters} == mine
        listed = fleet.operator.listed(hunter_id)
        assert {i: (f.enabled, list(f.target_hunters), f.pattern) for i, f in listed.items()} == mine
    assert set(fleet.operator.listed()) == set(model.filters)
    fleet.operator.close()
