"""tapd: what it captures is stored like what a hunterd sends to a processord, and it is a processor to everybody else."""
import itertools
import json
import re
import socket

import pytest
from conftest import NEEDS_SHARED, OUR_CAPTURES, shared_captures, truth
from support import capture_file, judges
from support.operator import Operator
from support.waiting import wait_until
from test_live import count, grpc_json
from test_refusals import (BAD_CONFIG, FAILURE, NO_PERMISSION, UNAVAILABLE, USAGE, assert_one_line, assert_only_line)

CALL = OUR_CAPTURES / 'call-media.pcap'
OURS = sorted(p.name for p in OUR_CAPTURES.glob('*.pcap*'))
TRUTH = truth()


@pytest.fixture
def operator_of():
    """Makes operators; they end with the test."""
    made = []

    def make(processor):
        made.append(Operator(processor))
        return made[-1]
    yield make
    for operator in made:
        operator.close()


def tapped(programs, source, stored, *options):
    """The ended tapd, which has read a capture file and stored it."""
    return programs.run('tapd', '--listen', '127.0.0.1:0', '--interface', source, '--write-file', stored, *options, within=30)


def sent(programs, source, stored):
    processor = programs.processord('--write-file', stored)
    code = programs.hunterd(processor, interface=source).wait(within=30)
    assert processor.stop() == 0
    return code


@pytest.mark.parametrize('suffix', ['pcapng', 'pcap'])
@pytest.mark.parametrize('name', OURS)
def test_our_captures_are_stored_as_they_are(programs, tmp_path, name, suffix):
    source, stored = OUR_CAPTURES / name, tmp_path / f'stored.{suffix}'
    assert tapped(programs, source, stored).code == 0
    capture_file.assert_same(capture_file.read(source), capture_file.read(stored))
    assert judges.tshark_frames(stored) == judges.tshark_frames(source)


@NEEDS_SHARED
@pytest.mark.deadline(120)
@pytest.mark.parametrize('name', sorted(TRUTH))
def test_real_captures_are_stored_as_by_hunterd_and_processord(programs, tmp_path, name):
    source = shared_captures() / name
    tap = tapped(programs, source, tmp_path / 'tap.pcapng')
    assert tap.code == sent(programs, source, tmp_path / 'chain.pcapng')
    assert tap.code == (1 if TRUTH[name]['tcpdump']['messages'] else 0)
    if tap.code:
        assert name in tap.log, 'the message must say which file is damaged'
    chain = list(capture_file.read(tmp_path / 'chain.pcapng'))
    if not (tmp_path / 'tap.pcapng').exists():  # not even its head could be read: tapd has not begun
        assert tap.code and not chain
        return
    capture_file.assert_same(chain, capture_file.read(tmp_path / 'tap.pcapng'))
    readable = TRUTH[name]['tcpdump']['packets'] if tap.code else TRUTH[name]['packets']
    assert judges.capinfos_count(tmp_path / 'tap.pcapng') == readable
    before_damage = itertools.islice(capture_file.read(source, torn_tail=True), readable) if readable else []
    capture_file.assert_same(before_damage, capture_file.read(tmp_path / 'tap.pcapng'))


@pytest.mark.deadline(90)
def test_live_what_came_is_stored_or_counted_as_dropped(programs, link, tmp_path):
    """So little room that the kernel may have to drop: what it dropped is counted, everything else stored once."""
    def came():
        """As the interface counts; at this speed not all that is sent gets so far."""
        shown = link.run(link.watcher, 'ip', '-s', '-j', 'link', 'show', link.rx[0])
        return json.loads(shown)[0]['stats64']['rx']['packets']
    stored, flood = tmp_path / 'stored.pcapng', tmp_path / 'flood.pcap'
    call = list(capture_file.read(CALL))
    capture_file.write_pcap(flood, call * 600)
    tap = programs.tapd('--write-file', stored, '--kernel-buffer', '1M', '--buffer-size', '100', interface=link.rx[0],
                        inside=link.watching)
    tap.wait_for_log('capturing')
    before = came()
    link.replay(flood, '--topspeed')
    number = came() - before
    assert number > 10_000

    def settled():
        stats = grpc_json(link, tap, 'GetHunterStatus')['hunters'][0].get('stats', {})
        dropped = {reason: int(packets) for reason, packets in stats.get('droppedByReason', {}).items()}
        captured, forwarded = (int(stats.get(key, 0)) for key in ('packetsCaptured', 'packetsForwarded'))
        received = captured + dropped.get('kernel', 0) + dropped.get('interface', 0)
        return (captured, dropped) if received == number and captured == forwarded else None
    captured, dropped = wait_until(settled, 30, 'figures that add up')
    assert tap.stop() == 0
    assert captured == number - sum(dropped.values())
    assert count(stored) == judges.capinfos_count(stored) == captured
    in_line = dict(re.findall(r'(\w+)=(\d+)', [line for line in tap.output.splitlines() if ' captured=' in line][-1]))
    assert int(in_line['captured']) == int(in_line['forwarded']) == captured
    assert int(in_line['dropped']) == sum(dropped.values())


def test_a_stopped_tap_first_stores_what_it_captured(programs, link, tmp_path):
    stored = tmp_path / 'stored.pcapng'
    tap = programs.tapd('--write-file', stored, '--batch-size', '512', '--batch-timeout', '60000', interface=link.rx[0],
                        inside=link.watching)
    tap.wait_for_log('capturing')
    link.replay(CALL, '--pps=50000')
    assert tap.stop() == 0
    assert [p.data for p in capture_file.read(stored)] == [p.data for p in capture_file.read(CALL)]


def test_a_tap_on_any_does_not_capture_what_it_tells_others(programs, link, tmp_path):
    """What a console sees would be captured, shown, captured and so on without end."""
    stored = tmp_path / 'stored.pcapng'
    tap = programs.tapd('--write-file', stored, interface='any', inside=link.watching)
    tap.wait_for_log('capturing')
    for _ in range(3):
        grpc_json(link, tap, 'GetTopology')
    link.replay(CALL, '--pps=5000')
    wait_until(lambda: count(stored) >= 106, 15, 'the call in the file')
    assert tap.stop() == 0
    port, cooked_and_ip = tap.port.to_bytes(2, 'big'), 20 + 20  # LINUX_SLL2, IPv4 without options
    kept = list(capture_file.read(stored))
    own = [p for p in kept if port in (p.data[cooked_and_ip:cooked_and_ip + 2], p.data[cooked_and_ip + 2:cooked_and_ip + 4])]
    assert not own
    call = {p.data[14:] for p in capture_file.read(CALL)}
    assert sum(p.data[20:] in call for p in kept) == 106


def test_a_remote_hunter_is_stored_beside_the_local_capture(programs, tmp_path, operator_of):
    stored, local, remote = tmp_path / 'stored.pcapng', OUR_CAPTURES / 'call-vlan.pcap', OUR_CAPTURES / 'call-ipv6.pcap'
    tap = programs.tapd('--write-file', stored, '--loop', '0', '--pace', interface=local)
    hunter = programs.hunterd(tap, interface=remote)
    assert hunter.wait() == 0
    operator = operator_of(tap)
    operator.wait_for_hunter('tap-1', lambda h: h.stats.packets_forwarded > 0, 'local packets stored')
    assert tap.stop() == 0
    kept, from_remote = list(capture_file.read(stored)), set(capture_file.read(remote))
    capture_file.assert_same(capture_file.read(remote), [p for p in kept if p in from_remote])
    rest, once = [p for p in kept if p not in from_remote], list(capture_file.read(local))
    assert rest
    capture_file.assert_same(itertools.islice(itertools.cycle(once), len(rest)), rest)


def test_the_topology_shows_a_tap_with_one_local_hunter(programs, tmp_path, operator_of):
    tap = programs.tapd('--processor-id', 'edge', '--max-hunters', '1', '--loop', '0', '--pace', interface=CALL)
    operator = operator_of(tap)
    node = operator.call('GetTopology').processor
    assert (node.node_type, node.processor_id) == (1, 'edge')  # NODE_TYPE_TAP
    hunter, = node.hunters
    assert (hunter.hunter_id, list(hunter.interfaces), hunter.hostname) == \
        ('tap-1', [str(CALL)], re.sub('[^A-Za-z0-9._-]', '-', socket.gethostname().split('.')[0]))
    counted = operator.wait_for_hunter('tap-1', lambda h: h.stats.packets_forwarded > 0, 'counts').stats
    assert counted.packets_captured == counted.packets_forwarded + counted.packets_in_flight
    refused = programs.hunterd(tap, '--max-reconnect-attempts', '1', interface=CALL)
    assert refused.wait() == UNAVAILABLE
    assert 'maximum number of hunters reached: limit 1' in refused.log
    taken = programs.hunterd(tap, '--max-reconnect-attempts', '1', interface=CALL, hunter_id='tap-1')
    assert taken.wait() == UNAVAILABLE
    assert '"tap-1" is in use' in taken.log


def test_a_filter_changes_what_the_local_capture_forwards_at_once(programs, tmp_path, operator_of):
    stored = tmp_path / 'stored.pcapng'
    tap = programs.tapd('--write-file', stored, '--loop', '0', '--pace', interface=CALL)
    operator = operator_of(tap)
    operator.wait_for_hunter('tap-1', lambda h: h.stats.packets_forwarded > 0, 'packets without a filter')

    outcome = operator.put('nobody', 'IP_ADDRESS', '203.0.113.77')
    assert (outcome.hunters_updated, outcome.hunters_pending) == (1, 0)
    before = operator.hunter('tap-1').stats
    assert (before.filter_revision, before.active_filters) == (outcome.revision, 1)
    after = operator.wait_for_hunter('tap-1', lambda h: h.stats.packets_filtered > before.packets_filtered + 50,
                                     'packets that no filter wants').stats
    assert after.packets_captured - after.packets_filtered <= before.packets_captured - before.packets_filtered + 1

    operator.put('somebody-elses', 'IP_ADDRESS', '0.0.0.0/0', target_hunters=['another'])
    assert operator.hunter('tap-1').stats.active_filters == 1
    operator.put('mine', 'IP_ADDRESS', '0.0.0.0/0', target_hunters=['tap-1'])
    operator.wait_for_hunter('tap-1', lambda h: h.stats.packets_forwarded > after.packets_forwarded + 20,
                             'packets that the filter wants')
    assert operator.listed()['mine'].packets_hit > 0
    assert tap.stop() == 0
    assert judges.capinfos_count(stored) >= after.packets_forwarded + 20


def test_sip_users_come_and_go_with_the_option(programs, tmp_path, operator_of):
    """Restarts neither double nor forget them, and what somebody else has made stays."""
    def users(*options):
        tap = programs.tapd('--state-dir', tmp_path / 'state', '--loop', '0', '--pace', *options, interface=CALL)
        operator = operator_of(tap)
        operator.put('kept', 'SIP_USER', 'kept')
        listed = {f.id: f.pattern for f in operator.listed().values()}
        assert tap.stop() == 0
        return listed
    kept = {'kept': 'kept'}
    assert users('--sip-user', 'alice,bob') == {'sip-user-alice': 'alice', 'sip-user-bob': 'bob', **kept}
    assert users('--sip-user', 'bob', '--sip-user', 'carol') == {'sip-user-bob': 'bob', 'sip-user-carol': 'carol', **kept}
    assert users() == kept


def test_a_sip_user_has_only_his_call_stored(programs, tmp_path):
    stored = tmp_path / 'stored.pcapng'
    assert tapped(programs, CALL, stored, '--sip-user', 'nobody-of-that-name').code == 0
    assert not list(capture_file.read(stored))
    to = re.search(rb'\nTo:[^\n]*sip:([^@>;]+)@', next(p.data for p in capture_file.read(CALL) if b'INVITE sip:' in p.data))
    assert tapped(programs, CALL, tmp_path / 'call.pcapng', '--sip-user', to.group(1).decode()).code == 0
    assert count(tmp_path / 'call.pcapng') == count(CALL)


@pytest.mark.deadline(90)
def test_a_killed_tap_leaves_a_readable_file_and_the_next_one_keeps_it(programs, tmp_path, operator_of):
    stored = tmp_path / 'stored.pcapng'
    tap = programs.tapd('--write-file', stored, '--loop', '0', interface=CALL)
    known = operator_of(tap).wait_for_hunter('tap-1', lambda h: h.stats.packets_forwarded > 1000, 'packets stored')
    tap.kill()
    packets, call = list(capture_file.read(stored, torn_tail=True)), list(capture_file.read(CALL))
    capture_file.assert_same(itertools.islice(itertools.cycle(call), len(packets)), packets)

    assert tapped(programs, CALL, stored).code == 0
    aside, = [path for path in tmp_path.glob('stored*.pcapng') if path != stored]
    assert known.stats.packets_forwarded <= judges.capinfos_count(aside) <= len(packets)
    capture_file.assert_same(call, capture_file.read(stored))


def refused(programs, tmp_path, *options, interface=CALL, listen='127.0.0.1:0', **how):
    return programs.run('tapd', '--listen', listen, '--interface', interface, '--state-dir', tmp_path / 'state', *options,
                        **how)


def test_mistakes_give_one_line_and_the_right_exit_code(programs, tmp_path):
    assert_only_line(refused(programs, tmp_path, interface='lc-none0'), FAILURE, 'lc-none0')
    assert_only_line(refused(programs, tmp_path, interface=tmp_path / 'none.pcap'), FAILURE, 'none.pcap')
    assert_only_line(refused(programs, tmp_path, '--filter', 'udp port ('), BAD_CONFIG, 'udp port (', 'syntax error')
    assert_only_line(refused(programs, tmp_path, '--write-file', tmp_path / 'a.txt'), BAD_CONFIG, '.pcapng')
    assert_only_line(refused(programs, tmp_path, '--sip-user', 'a\tb'), BAD_CONFIG, '--sip-user')
    assert_only_line(refused(programs, tmp_path, '--hunter-id', 'a b'), BAD_CONFIG, '--hunter-id')
    assert_only_line(refused(programs, tmp_path, listen='0.0.0.0:0'), BAD_CONFIG, '--insecure')
    assert_only_line(refused(programs, tmp_path, '--processor', '127.0.0.1:1'), USAGE, '--processor')
    with socket.create_server(('127.0.0.1', 0)) as other:
        address = f'127.0.0.1:{other.getsockname()[1]}'
        assert_only_line(refused(programs, tmp_path, listen=address), UNAVAILABLE, address, 'in use')
    config = tmp_path / 'wrong.yaml'
    config.write_text('tap:\n  interfases: [eth0]\n', encoding='utf-8')
    assert_only_line(programs.run('tapd', '--config', config), BAD_CONFIG, f'{config}:2', 'interfaces')


def test_no_permission_to_capture(programs, tmp_path):
    assert_one_line(refused(programs, tmp_path, interface='lo', user='nobody'), NO_PERMISSION, 'CAP_NET_RAW')


def test_two_taps_do_not_share_a_state_directory(programs, tmp_path):
    first = programs.tapd('--state-dir', tmp_path / 'state', '--write-file', tmp_path / 'first.pcap', '--loop', '0', '--pace',
                          interface=CALL)
    assert_only_line(refused(programs, tmp_path, '--write-file', tmp_path / 'second.pcap'), BAD_CONFIG, 'state', '--state-dir')
    assert first.stop() == 0


def test_the_configuration_file_has_the_keys_of_both_roles(programs, tmp_path):
    config = tmp_path / 'tap.yaml'
    config.write_text(f'tap:\n  interfaces: ["{CALL}"]\n  write_file: {tmp_path}/stored.pcapng\n  sip_user: [alice]\n'
                      f'  listen_addr: 127.0.0.1:0\n  state_dir: {tmp_path}/state\n  hunter_id: from-file\n', encoding='utf-8')
    checked = programs.run('tapd', '--config', config, '--print-config')
    assert checked.code == 0
    assert f'hunter_id: "from-file"  # from {config}:7' in checked.output
    listed = programs.run('tapd', '--list-interfaces', '--json')
    assert 'lo' in {entry['name'] for entry in json.loads(listed.output)}
