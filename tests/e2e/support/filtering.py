"""A processord with one file, an operator, and hunterds that read captures through the filters."""
from support import capture_file
from support.operator import Operator
from support.proxy import Proxy


class Filtering:
    """`stored` is the file it writes: .pcapng, which holds every link type."""

    def __init__(self, programs, folder, *options):
        self._programs = programs
        self.stored = folder / 'stored.pcapng'
        self.processor = programs.processord('--write-file', self.stored, *options)
        self.operator = Operator(self.processor)
        self._known = 0

    def new(self):
        """What has been stored since the last time."""
        packets = list(capture_file.read(self.stored, torn_tail=True))
        known, self._known = self._known, len(packets)
        return packets[known:]

    def forwarded(self, capture, *options, hunter_id='hunter-1'):
        """What is stored of a capture file that a hunterd reads."""
        hunter = self._programs.hunterd(self.processor, *options, interface=capture, hunter_id=hunter_id)
        assert hunter.wait(within=30) == 0
        return self.new()

    def close(self):
        self.operator.close()


class LiveFiltering(Filtering):
    """processord out here, where the operator is; hunterds in the link's namespace reach it through a relay."""

    def __init__(self, programs, folder, link, *options):
        super().__init__(programs, folder, *options)
        self._link = link
        self._relay = Proxy(self.processor.port, link.listener())

    def hunter(self, interface, *options, hunter_id='hunter-1'):
        """A hunterd that captures there, and is connected."""
        hunter = self._programs.hunterd(self._relay, *options, interface=interface, hunter_id=hunter_id,
                                        inside=self._link.watching)
        hunter.wait_for_log('hunter started')
        hunter.wait_for_log('connected')
        return hunter

    def close(self):
        super().close()
        self._relay.close()
