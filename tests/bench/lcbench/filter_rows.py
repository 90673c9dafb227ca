"""Rows on filters: what matching costs in itself, and what is left of the rate of the whole way with many filters set."""
import json

from . import load
from .system import Processor, hunter
from .table import Row, median

SIP_NS, OTHER_NS = 500, 50          # for a SIP message, for any other packet, at MOST_FILTERS
COMPILE_MS = 50                     # at MOST_FILTERS
MOST_FILTERS = 10_000
SHARE = 0.8                         # of the rate without filters
FILTERS = 1000
NOBODY, TENTH, EVERYBODY = 'no call wanted', 'a tenth of the calls wanted', 'all calls wanted'
USERS = 100                         # of the load's 1,000 callers


def matching_rows(bench, packets):
    """Figures of bench_filter_match; the mixture of filters is written there."""
    result = bench.tool('filter_match', packets.path)
    for figures in result['sets']:
        count = figures['filters']
        judged = count == MOST_FILTERS

        def row(what, unit, key, goal):
            parts = {name.removeprefix('of_it_'): value for name, value in figures.items()
                     if name.startswith('of_it_') and (name == 'of_it_parse_ns') == (key == 'sip_ns')}
            return Row(f'{count:,} filters: {what}', unit, figures[key], None, goal if judged else None,
                       higher_is_better=False, detail=parts if key != 'compile_ms' else {})
        yield row('SIP message, read and matched', 'ns', 'sip_ns', SIP_NS)
        yield row('other packet', 'ns', 'other_ns', OTHER_NS)
        yield row('compile', 'ms', 'compile_ms', COMPILE_MS)


def sip_filters(wanted):
    """In ten filters: three users, three URIs, three numbers, one Call-ID. The users of the load are user1, desk1,
    +99900000001 and so on."""
    patterns = [('FILTER_SIP_USER', 'watched{}'), ('FILTER_SIP_USER', 'trunk*{}'), ('FILTER_SIP_USER', '*-{}-desk'),
                ('FILTER_SIP_URI', 'user{}@watched.example'), ('FILTER_SIP_URI', '*@sip{}.example'),
                ('FILTER_SIP_URI', 'watched{}@*'), ('FILTER_PHONE_NUMBER', '+49 30 {:07}'),
                ('FILTER_PHONE_NUMBER', '49{:05}*'), ('FILTER_PHONE_NUMBER', '+49 89 {:07}'),
                ('FILTER_CALL_ID', 'watched-{}@call.example')]
    chosen = [patterns[i % len(patterns)] for i in range(FILTERS)]
    filters = [{'id': f'f{i}', 'type': kind, 'pattern': form.format(i), 'enabled': True}
               for i, (kind, form) in enumerate(chosen)]
    if wanted == TENTH:
        filters[:USERS] = [{'id': f'f{i}', 'type': 'FILTER_SIP_USER', 'pattern': f'user{100 + 2 * i}', 'enabled': True}
                           for i in range(USERS)]
    elif wanted == EVERYBODY:
        filters[0] = {'id': 'everybody', 'type': 'FILTER_SIP_URI', 'pattern': '*', 'enabled': True}
    return filters


def whole_way(bench, packets, filters):
    """file -> hunterd -> processord -> .pcap in memory; from hunterd's start to its end."""
    with bench.folder() as folder:
        path = folder / 'filters.json'
        path.write_text(json.dumps({'filters': filters}))
        options = ['--write-file', folder / 'stored.pcap', '--filter-file', path]
        with Processor(bench, folder, options=options) as processor, \
                hunter(bench, folder, processor, packets.path, ['--loop', bench.loops]) as process:
            hunted = process.finish()
            processor.process.stop()
            stored = processor.stored.stat().st_size - load.FILE_HEADER
    millions = packets.packets * bench.loops / 1e6
    return {'rate': millions / hunted.seconds, 'cpu': hunted.cpu_seconds / millions,
            'stored': stored / packets.stored_bytes(bench.loops)}


def whole_way_rows(bench, packets):
    kinds = {'no filter': [], **{wanted: sip_filters(wanted) for wanted in (NOBODY, TENTH, EVERYBODY)}}
    rounds = [{kind: whole_way(bench, packets, filters) for kind, filters in kinds.items()}
              for _ in range(bench.rounds)]

    def figures(kind, figure):
        return [results[kind][figure] for results in rounds]
    for kind in (NOBODY, TENTH, EVERYBODY):
        shares = [with_filters / without
                  for with_filters, without in zip(figures(kind, 'rate'), figures('no filter', 'rate'))]
        yield Row(f'{FILTERS:,} SIP filters, {kind}: share of the rate without', 'ratio', median(shares), SHARE,
                  detail={'rounds': shares, 'M packets/s': median(figures(kind, 'rate')),
                          'without filters': median(figures('no filter', 'rate')),
                          'share of the bytes stored': median(figures(kind, 'stored'))})
        yield Row(f'{FILTERS:,} SIP filters, {kind}: CPU of hunterd', 's/M packets', median(figures(kind, 'cpu')),
                  higher_is_better=False, detail={'rounds': figures(kind, 'cpu'),
                                                  'without filters': median(figures('no filter', 'cpu'))})


def rows(bench, _):
    packets = load.make_load('calls', bench.repository, bench.data)
    packets.read(bench.tool('pcap_read', packets.path))
    return [*matching_rows(bench, packets), *whole_way_rows(bench, packets)]
