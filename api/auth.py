"""HTTP Basic in UTF-8 (RFC 7617): who sends this request?

A header that was right once is a dictionary hit afterwards. Only successes are remembered: a user
table never changes while the server runs, and a failure must cost the same every time.
"""

import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable

from catalog import User

# Six times the crowd of 10,000; 65,536 digests and ids take about 12 MB.
REMEMBERED_MAX = 65_536
# An email has at most 254 characters; twice that for a password, in base64, and then some.
HEADER_BYTES_MAX = 4_096
DIGEST_BYTES = 16

_NOBODYS_PASSWORD = b"\0" * hashlib.sha256().digest_size


class Authenticator:
    """Knows users by their Authorization header."""

    def __init__(
        self, find: Callable[[str], User | None], *, remembered_max: int = REMEMBERED_MAX
    ) -> None:
        self._find = find
        self._remembered_max = remembered_max
        # By a secret digest of the header: no password stays in memory, and how long a lookup takes
        # tells nothing about the headers of others. To BLAKE2 a secret that stands before is as
        # good as a key (nothing can be told from a digest of what is longer), and takes half as
        # long: 0.4 us.
        self._remembered: OrderedDict[bytes, int] = OrderedDict()
        self._secret = secrets.token_bytes(32)

    def __len__(self) -> int:
        """How many headers are remembered."""
        return len(self._remembered)

    def user_id(self, header: bytes | None) -> int | None:
        """The active user whose email and password `header` holds; None: anything else."""
        if header is None or len(header) > HEADER_BYTES_MAX:
            return None
        digest = hashlib.blake2b(self._secret + header).digest()[:DIGEST_BYTES]
        user_id = self._remembered.get(digest)
        if user_id is not None:
            self._remembered.move_to_end(digest)
            return user_id
        user_id = self._checked(header)
        if user_id is not None:
            self._remembered[digest] = user_id
            if len(self._remembered) > self._remembered_max:
                self._remembered.popitem(last=False)
        return user_id

    def _checked(self, header: bytes) -> int | None:
        pair = credentials(header)
        if pair is None:
            return None
        email, password = pair
        user = self._find(email)
        matches = is_right(password, None if user is None else user.password_sha256)
        return user.user_id if user is not None and matches and user.is_active else None


def is_right(password: bytes, sha256: bytes | None) -> bool:
    """Whether the password has this hash; None: nobody's, which costs the same, and none has it."""
    found = hashlib.sha256(password).digest()
    return hmac.compare_digest(found, sha256 or _NOBODYS_PASSWORD) and sha256 is not None


def credentials(header: bytes) -> tuple[str, bytes] | None:
    """Email and password; None unless the header is Basic, base64 and UTF-8 with a colon."""
    scheme, _, token = header.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        pair = binascii.a2b_base64(token.strip(b" "), strict_mode=True)
        email, colon, password = pair.partition(b":")  # the first: passwords hold colons
        return (email.decode(), password) if colon else None
    except ValueError:
        return None
