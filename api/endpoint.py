"""One call of the API: read, decode, authenticate, handle, wait for the disk, reply.

`Endpoint` is an ASGI application by itself, because Starlette serves 63,000 requests a second with
those and 38,000 with functions of a Request (measured with an empty handler). Checks come in one
order everywhere: ready, the address's limit, well-formed, authenticated, the limits of user and
event; then, where a crowd asks, the event's turn; then the engine's exists, owner, state.
"""

import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import count
from secrets import token_hex
from typing import Any, Generic, TypeVar

import msgspec
from starlette.types import Receive, Scope, Send

from api.auth import Authenticator
from api.body import BodyReader
from api.errors import problem_reply
from api.fairness.limits import CallLimits
from api.problems import (
    BAD_REQUEST,
    CLOSE,
    METHOD_NOT_ALLOWED,
    NOT_READY,
    STAFF_ONLY,
    UNAUTHENTICATED,
    Problem,
    Refusal,
)
from api.query import parse_query
from api.reply import Header, Reply, rest, start
from api.request_log import RequestLog
from api.service import Service
from engine.keys import NOBODY, Key

_Input = TypeVar("_Input")

KEY_FINGERPRINT_BYTES = 16
NO_STORE: Header = (b"cache-control", b"no-store")
COMMIT_LSN = b"x-commit-lsn"
# Query strings whose meaning is kept, by operation: half a megabyte each.
QUERIES_KEPT_MAX = 1_024
QUERY_BYTES_KEPT_MAX = 256

# What a browser is shown, in one number.
PAGES = "pages"

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
LOOPBACK = ("127.0.0.1", "::1")
# Two headers of these names would leave open which one is meant.
_ONCE = (b"authorization", b"idempotency-key", b"content-length")

_process = token_hex(4).encode()
_requests = count(1)


class Call(msgspec.Struct, Generic[_Input]):
    """What a handler is given; a struct, because it is made in half the time of a dataclass."""

    service: Service
    input: _Input
    user_id: int
    key: Key | None
    raw: bytes
    headers: Mapping[bytes, bytes]
    client: str
    # Where the call stands in the log: its own record, or the last one that it has seen.
    lsn: int | None = None

    @property
    def now_ms(self) -> int:
        return self.service.clock_ms()

    @property
    def is_repeated(self) -> bool:
        """True where its key's answer is remembered, which no rule of today may refuse.

        Raises KeyReused.
        """
        return self.key is not None and self.service.engine.is_answered(self.user_id, self.key)

    def durable(self) -> Awaitable[None]:
        """Await it: all that the call has done and seen is on disk then (I5).

        A handler that makes a record comes here before it waits for anything else: so the last
        record, the first time, is the call's own.
        """
        engine = self.service.engine
        if self.lsn is None:
            self.lsn = engine.appended_lsn
        return engine.durable()


@dataclass(frozen=True)
class Operation(Generic[_Input]):
    """What is particular to one call. `body` or `query` makes the handler's input, or nothing.

    `query` is given what stands in the query string, and in the path for a `{name}` there. Where
    there are both, the input is a pair: what `query` made, and what `body` made. Both raise Refusal
    for what can't be read.
    """

    method: str
    path: str
    # One that waits for nothing is a plain function: no coroutine is made for it.
    handler: Callable[[Call[Any]], Reply | Awaitable[Reply]]
    body: Callable[[bytes], _Input] | None = None
    query: Callable[[Mapping[str, str]], _Input] | None = None
    public: bool = False
    # True: the staff may make it, whatever their role, and no buyer.
    for_staff: bool = False
    # False: the reply tells of nothing that a crash could take back, or is advisory (I5).
    durable: bool = True
    # True: an Idempotency-Key is honoured.
    keyed: bool = False
    # True: answered even before the server is ready.
    ungated: bool = False
    # False: it frees seats or is owed, or tells whether we live; no limit of calls stops it but
    # that of guessing passwords.
    limited: bool = True
    # False: a page for people, which /openapi.json leaves out.
    documented: bool = True
    # Of an input, whose crowd it belongs to: it may have to wait for a turn of that event.
    event_of: Callable[[Any], int] | None = None
    # Problems of its own, beside those that every call of its kind can meet.
    problems: tuple[Problem, ...] = ()


class Endpoint:
    """The ASGI application of one operation."""

    def __init__(
        self,
        operation: Operation[Any],
        service: Service,
        authenticator: Authenticator,
        bodies: BodyReader,
    ) -> None:
        self._operation = operation
        self._service = service
        self._bodies = bodies
        self._authenticate = None if operation.public else authenticator.user_id
        if operation.for_staff:
            self._authenticate = self._staff_only
            self._is_buyer = authenticator.user_id
        self._admission = service.admission
        self._request_log = None
        if service.request_log is not None and service.request_log.wants(operation.method):
            self._request_log = service.request_log
        # None: this call has nothing to ask of them.
        has_limits = operation.limited or not operation.public
        self._limits = service.call_limits if has_limits else None
        self._reads_body = operation.method in ("POST", "PATCH")
        self._signature = f"{operation.method} {operation.path}"
        counted_as = self._signature if operation.documented else PAGES
        self._answered = service.answered.setdefault(counted_as, defaultdict(int, {500: 0}))
        # A crowd asks for the same: a cached search takes 3.0 us so, and 5.3 where it is parsed.
        # What isn't well-formed is never kept.
        self._query_input = lru_cache(QUERIES_KEPT_MAX)(
            lambda raw: operation.query(parse_query(raw)) if operation.query else None
        )
        self._more: tuple[Header, ...] = () if operation.public else (NO_STORE,)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = request_id_of(headers)
        more = [*self._more, (b"x-request-id", request_id)]
        began = 0.0 if self._request_log is None else time.perf_counter()
        raw = call = None
        try:
            self._require_ready()
            if self._limits is not None and self._operation.limited:
                self._charge_address(self._limits, scope)
            raw = await self._bodies.read(receive, headers) if self._reads_body else b""
            if self._limits is None:
                call = self._call(scope, headers, raw)
            else:
                call = self._counted_call(self._limits, scope, headers, raw)
            answer = await self._answer(call, request_id)
            if call.lsn is not None:
                more.append((COMMIT_LSN, b"%d" % call.lsn))
        except Exception as error:
            answer = problem_reply(error, request_id, self._signature)
            if raw is None and self._reads_body and CLOSE not in answer.headers:
                more.append(CLOSE)  # the server ends it, and who isn't told would send more by it
        self._answered[answer.status] += 1  # 0.1 us; a Counter takes twice that
        head = scope["method"] == "HEAD"
        if answer.stream is None or head:
            await send(start(answer, more))
            await send(rest(answer, head=head))
        else:
            await self._service.streams.send(receive, send, answer, more)
        if self._request_log is not None:
            self._note(self._request_log, began, scope, request_id, call, answer.status)

    def _note(
        self,
        request_log: RequestLog,
        began: float,
        scope: Scope,
        request_id: bytes,
        call: Call[Any] | None,
        status: int,
    ) -> None:
        request_log.note(
            began,
            request_id=request_id,
            method=self._operation.method,
            path=self._operation.path,
            status=status,
            client=self._service.addresses.shown(_peer(scope), scope["headers"]),
            user_id=NOBODY if call is None else call.user_id,
            subject=None if call is None else call.input,
            lsn=0 if call is None or call.lsn is None else call.lsn,
        )

    def _require_ready(self) -> None:
        if not self._service.is_ready and not self._operation.ungated:
            raise Refusal(NOT_READY)

    async def _answer(self, call: Call[Any], request_id: bytes) -> Reply:
        """The answer when the disk has all of it, in its turn where the call is about one event."""
        operation = self._operation
        if operation.event_of is not None:
            event_id = operation.event_of(call.input)
            if not self._admission.enter(event_id):
                await self._admission.wait(event_id)
                self._require_ready()
        elif not operation.ungated:
            self._admission.see_other()
        try:
            answer = operation.handler(call)
            if not isinstance(answer, Reply):
                answer = await answer
        except Exception as error:
            # Refusals wait as well: "taken" is no news until the taker's record is on disk.
            answer = problem_reply(error, request_id, self._signature)
        if operation.durable:
            await call.durable()
        return answer

    def _call(self, scope: Scope, headers: dict[bytes, bytes], raw: bytes) -> Call[Any]:
        operation = self._operation
        if len(headers) != len(scope["headers"]):
            _require_once(scope["headers"])
        value = None
        if operation.body is not None:
            value = operation.body(raw)
            if operation.query is not None:
                value = self._asked(scope["query_string"], scope["path_params"]), value
        elif operation.query is not None:
            value = self._asked(scope["query_string"], scope["path_params"])
        key = None
        if operation.keyed and b"idempotency-key" in headers:
            path_params = scope["path_params"]
            about = f"{self._signature}\n{path_params}" if path_params else self._signature
            key = _key(headers[b"idempotency-key"], about, raw)
        user_id = NOBODY
        if self._authenticate is not None:
            found = self._authenticate(headers.get(b"authorization"))
            if found is None:
                raise Refusal(UNAUTHENTICATED)
            user_id = found
        return Call(self._service, value, user_id, key, raw, headers, _peer(scope))

    def _charge_address(self, limits: CallLimits, scope: Scope) -> None:
        limits.charge_address(_peer(scope), scope["headers"], self._service.clock_ms())

    def _counted_call(
        self, limits: CallLimits, scope: Scope, headers: dict[bytes, bytes], raw: bytes
    ) -> Call[Any]:
        """The address of a limited call has been charged, before the body was read."""
        if not self._operation.limited:
            return self._unlimited_call(limits, scope, headers, raw)
        call = self._call(scope, headers, raw)
        now_ms = self._service.clock_ms()
        limits.place(call.user_id, _peer(scope), scope["headers"])
        limits.charge_user(call.user_id, now_ms)
        if self._operation.event_of is not None:
            limits.charge_event(self._operation.event_of(call.input), now_ms)
        return call

    def _unlimited_call(
        self, limits: CallLimits, scope: Scope, headers: dict[bytes, bytes], raw: bytes
    ) -> Call[Any]:
        """Nothing stops it but that passwords are guessed by it."""
        try:
            call = self._call(scope, headers, raw)
        except Refusal as refusal:
            if refusal.problem is UNAUTHENTICATED:
                self._charge_address(limits, scope)
            raise
        now_ms = self._service.clock_ms()
        limits.require_placed(call.user_id, _peer(scope), scope["headers"], now_ms)
        return call

    def _staff_only(self, header: bytes | None) -> int | None:
        """NOBODY for a member of the staff; None: nobody we know."""
        if self._service.staff.member(header) is not None:
            return NOBODY
        if self._is_buyer(header) is not None:
            raise Refusal(STAFF_ONLY)
        return None

    def _asked(self, raw: bytes, path_params: dict[str, str]) -> Any:
        if not path_params and len(raw) <= QUERY_BYTES_KEPT_MAX:
            return self._query_input(raw)
        assert self._operation.query is not None
        # What stands in the path wins over the query string.
        return self._operation.query(parse_query(raw) | path_params)


class Resource:
    """The ASGI application of one path: hands over to the method's endpoint, or answers 405."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self.endpoints = dict(endpoints)
        if "GET" in self.endpoints:
            self.endpoints["HEAD"] = self.endpoints["GET"]
        self._allow: Header = (b"allow", ", ".join(sorted(self.endpoints)).encode())

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        endpoint = self.endpoints.get(scope["method"])
        if endpoint is None:
            return self._not_allowed(scope, send)
        return endpoint(scope, receive, send)

    async def _not_allowed(self, scope: Scope, send: Send) -> None:
        refusal = Refusal(METHOD_NOT_ALLOWED, None, self._allow)
        await send_refusal(scope, send, refusal)


async def send_refusal(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answer a request that reaches no endpoint."""
    request_id = request_id_of(dict(scope["headers"]))
    answer = problem_reply(refusal, request_id, scope["method"])
    await send(start(answer, ((b"x-request-id", request_id),)))
    await send(rest(answer, head=scope["method"] == "HEAD"))


def request_id_of(headers: Mapping[bytes, bytes]) -> bytes:
    """The client's X-Request-Id where it is harmless, or one of our own."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return b"%b-%x" % (_process, next(_requests))


def _key(given: bytes, about: str, raw: bytes) -> Key:
    """The same key with the same method, path and body is the same request."""
    if not _KEY.fullmatch(given):
        raise Refusal(BAD_REQUEST, "Idempotency-Key: от 1 до 255 видимых символов ASCII.")
    request = b"%b\n%b" % (about.encode(), raw)
    fingerprint = blake2b(request, digest_size=KEY_FINGERPRINT_BYTES).digest()
    return Key(given.decode("ascii"), fingerprint)


def _require_once(headers: list[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in headers]
    for name in _ONCE:
        if names.count(name) > 1:
            raise Refusal(BAD_REQUEST, f"Заголовок {name.decode()} указан дважды.")


def _peer(scope: Scope) -> str:
    """The address at the other end of the connection; empty for a socket file."""
    client = scope.get("client")
    return client[0] if client else ""
