"""A TCP relay between hunter and processor that breaks the link where a test wants it broken."""
import socket
import struct
import threading

RESET_ON_CLOSE = struct.pack('ii', 1, 0)  # SO_LINGER on, 0 s: close() sends RST, as a cut link ends


class Proxy:
    """Relays connections to `target`, a port of 127.0.0.1 that may be changed while running.

    `listener`: where it is reached, if that shall not be the loopback of this namespace. `bytes_up` counts what came
    from the clients, over all connections.
    """

    def __init__(self, target, listener=None):
        self.target = target
        self.bytes_up = 0
        self.connections = 0
        self.refusing = False
        self._actions = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._lock = threading.Lock()
        self._open = set()
        self._listener = listener or socket.create_server(('127.0.0.1', 0))
        self.port = self._listener.getsockname()[1]
        self.address = f'127.0.0.1:{self.port}'
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def at(self, bytes_up, action):
        """Calls `action()` on the relaying thread, once, as soon as so many bytes came up. In rising order."""
        self._actions.append((bytes_up, action))

    def cut(self):
        """Ends all connections with a reset; new ones are served."""
        with self._lock:
            cut, self._open = self._open, set()
        for connection in cut:
            _shut(connection)

    def refuse(self, refusing=True):
        """From now on new connections are reset at once, and the present ones cut."""
        self.refusing = refusing
        if refusing:
            self.cut()

    def stall(self):
        """Nothing passes any more, either way, and no connection ends."""
        self._flowing.clear()

    def release(self):
        self._flowing.set()

    def close(self):
        self._closed = True
        self._flowing.set()
        self.cut()
        # accept() does not return when another thread closes its socket; shutdown() makes it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self.refusing:
                    raise ConnectionRefusedError
                server = socket.create_connection(('127.0.0.1', self.target))
            except OSError:
                _shut(client)
                continue
            self.connections += 1
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._relay, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._relay, args=(server, client, False), daemon=True).start()

    def _relay(self, source, sink, up):
        for end in (source, sink):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while data := source.recv(256 * 1024):
                self._flowing.wait()
                sink.sendall(data)
                if up:
                    self._count(len(data))
        except OSError:
            pass
        with self._lock:
            self._open -= {source, sink}
        _shut(source)
        _shut(sink)

    def _count(self, size):
        due = []
        with self._lock:
            self.bytes_up += size
            while self._actions and self._actions[0][0] <= self.bytes_up:
                due.append(self._actions.pop(0)[1])
        for action in due:
            action()


def _shut(connection):
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()
