"""The opening of a stream as the receiver has it. Knows no sockets: bytes in, bytes out."""

from __future__ import annotations

import hmac
import secrets
import struct
from dataclasses import dataclass
from enum import IntEnum

from vizreport.errors import StreamError

MAGIC = 0x0A0D5A5953545695
VERSION = 1
TOKEN_REQUIRED = 1

_HELLO = struct.Struct("<QHHI16s32s")
_CHALLENGE = struct.Struct("<QHHI32s")
_WELCOME = struct.Struct("<IIQ32s")
BEGIN = struct.Struct("<Q")
ACKNOWLEDGEMENT = struct.Struct("<Q")

HELLO_BYTES = _HELLO.size
PROOF_BYTES = 32


class Status(IntEnum):
    """What WELCOME says."""

    WELCOME = 0
    BAD_TOKEN = 1
    BUSY = 2
    CANNOT_WRITE = 3


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening under way.

    Attributes:
        stream_id: The recording's, 16 bytes.
        challenge: What to send to the sender; its proof is the answer.
        sender_proof: What the sender must answer.
        receiver_proof: What shows to the sender that the token is known here too.
    """

    stream_id: bytes
    challenge: bytes
    sender_proof: bytes
    receiver_proof: bytes

    def accepts(self, proof: bytes) -> bool:
        """Tells whether this is the sender's proof, in a time that says nothing of where it differs."""
        return hmac.compare_digest(proof, self.sender_proof)

    def welcome(self, status: Status, offset: int = 0) -> bytes:
        """Returns WELCOME; offset is how many bytes of the stream are here."""
        proof = self.receiver_proof if status != Status.BAD_TOKEN else bytes(PROOF_BYTES)
        return _WELCOME.pack(status, 0, offset, proof)


def open_stream(hello: bytes, token: bytes | None) -> Opening:
    """Takes HELLO, and makes the challenge for it.

    Raises:
        StreamError: It is none, or of another version.
    """
    magic, version, _, _, stream_id, sender_nonce = _HELLO.unpack(hello)
    if magic != MAGIC:
        raise StreamError("what came is no vizzy stream")
    if version != VERSION:
        raise StreamError(f"the stream has version {version}, this vizreport takes {VERSION}")
    nonce = secrets.token_bytes(32)
    challenge = _CHALLENGE.pack(MAGIC, VERSION, TOKEN_REQUIRED if token else 0, 0, nonce)
    if not token:
        # A sender with a token that the receiver lacks finds out by the receiver's proof.
        return Opening(stream_id, challenge, bytes(PROOF_BYTES), bytes(PROOF_BYTES))
    facts = nonce + sender_nonce + stream_id
    return Opening(
        stream_id,
        challenge,
        hmac.digest(token, b"vizzy sender" + facts, "sha256"),
        hmac.digest(token, b"vizzy receiver" + facts, "sha256"),
    )
