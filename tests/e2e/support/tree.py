"""Processords below each other on loopback, and what consoles see of them."""
from support.topology import TopologyConsole
from support.waiting import wait_until

PATIENCE = 12


class Tree:
    """Processords by name, all with `options`; each listens where it did before when it is started again."""

    def __init__(self, programs, folder, *options):
        self._programs, self._folder, self._options = programs, folder, options
        self._ports, self._consoles = {}, []
        self.nodes = {}

    def start(self, name, *upstreams, processor_id=None, options=(), **how):
        above = ['--upstream', ','.join(getattr(u, 'address', u) for u in upstreams)] if upstreams else []
        node = self._programs.processord('--processor-id', processor_id or name, '--state-dir',
                                         self._folder / f'state-{name}', *above, *self._options, *options,
                                         listen=f'127.0.0.1:{self._ports.get(name, 0)}', **how)
        self._ports[name] = node.port
        self.nodes[name] = node
        return node

    def chain(self, *names):
        """Each below the one before, and attached."""
        above = None
        for name in names:
            node = self.start(name, *([above] if above else []))
            if above:
                node.wait_for_log('attached to the upstream processor', PATIENCE)
            above = node

    def console(self, name, **more):
        self._consoles.append(TopologyConsole(self.nodes[name], **more))
        return self._consoles[-1]

    def hunter(self, name, hunter_id, capture, *options):
        """One that reads the capture file over and over, at its pace."""
        return self._programs.hunterd(self.nodes[name], '--loop', '0', '--pace', *options, interface=capture,
                                      hunter_id=hunter_id)

    def close(self):
        for console in self._consoles:
            console.close()


def shape(node):
    """id (with ! when its parent can't reach it), hunters and children, as one line."""
    return ' '.join([node.processor_id + ('' if node.reachable else '!'), *(h.hunter_id for h in node.hunters),
                     *(f'({shape(child)})' for child in node.downstream_processors)])


def wait_for_shape(console, wanted, within=PATIENCE):
    wait_until(lambda: shape(console.ask()) == wanted, within, wanted)


def find(node, *path):
    for name in path:
        node = next(child for child in node.downstream_processors if child.processor_id == name)
    return node
