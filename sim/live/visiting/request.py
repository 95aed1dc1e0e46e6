"""The request of a handshake, as a script wants it."""

import h11
from wsproto.utilities import LocalProtocolError

from sim.errors import UserError
from sim.live.visiting.address import Address
from sim.model.appscript import Script
from sim.model.plain import fault
from sim.model.script import Action, Do
from sim.peer.codec import ClientCodec


def request_of(codec: ClientCodec, address: Address, script: Script) -> bytes:
    """Return the request in bytes. The script's path, and its header Host, go before the address's.

    Raises UserError in one line if it could not be sent as it is.
    """
    hosts = [value for name, value in script.headers if name.lower() == "host"]
    others = tuple(one for one in script.headers if one[0].lower() != "host")
    connect = Action(Do.CONNECT, None, script.subprotocols, others)
    authority = hosts[0] if hosts else address.authority
    try:
        return codec.request(authority, script.path or address.target, connect)
    except (ValueError, h11.LocalProtocolError, LocalProtocolError) as error:
        what = f"client {script.typed!r}: its handshake cannot be sent: {error}"
        raise UserError(fault(what)) from None
