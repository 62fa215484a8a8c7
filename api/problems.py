"""Every problem a client can meet (RFC 9457): a type that stays, a Russian title, a status.

The type is a relative address, /problems/<name>, where a page explains it to people. Title and
status never vary for one type; what is particular to one request stands in `detail`. What nginx
refuses by itself stands in nginx.conf once more, in the same words.
"""

from dataclasses import dataclass
from functools import cached_property

import orjson

from api.reply import Header, Reply, reply

PROBLEM_JSON = b"application/problem+json"
TYPE_PREFIX = "/problems/"

_NOT_SELECTED = "Не удалось добавить место в бронь"
_NOT_RELEASED = "Не удалось освободить место"
_NOT_PAYABLE = "Не удалось начать оплату"
_NOT_ADMITTED = "Пропустить нельзя"


@dataclass(frozen=True)
class Problem:
    """One kind of refusal. `meaning` is what a person should know and do about it."""

    name: str
    status: int
    title: str
    meaning: str
    headers: tuple[Header, ...] = ()

    @cached_property
    def _begun(self) -> bytes:
        """The body up to what differs from one reply to the next; refusals are hot, too."""
        content = {"type": TYPE_PREFIX + self.name, "title": self.title, "status": self.status}
        return orjson.dumps(content)[:-1] + b',"detail":'

    @cached_property
    def _meaning_json(self) -> bytes:
        return orjson.dumps(self.meaning)

    def reply(self, request_id: bytes, detail: str | None = None, *headers: Header) -> Reply:
        """The body names the request, so that support can find it in the logs."""
        told = self._meaning_json if detail is None else orjson.dumps(detail)
        body = b'%b%b,"request_id":"%b"}' % (self._begun, told, request_id)
        # What is particular to one request wins: how long it should wait, for one.
        every = (dict(self.headers) | dict(headers)).items() if headers else self.headers
        return reply(self.status, PROBLEM_JSON, body, *every)


class Refusal(Exception):
    """The HTTP layer itself turns a request down."""

    def __init__(self, problem: Problem, detail: str | None = None, *headers: Header) -> None:
        super().__init__(problem.name)
        self.problem = problem
        self.detail = detail
        self.headers = headers


def retry_after(seconds: int) -> Header:
    return (b"retry-after", b"%d" % seconds)


def _retry_after(seconds: int) -> tuple[Header, ...]:
    return (retry_after(seconds),)


# Said where a body wasn't read: what is left of it can't be told from the next request.
CLOSE: Header = (b"connection", b"close")
_CHALLENGE: tuple[Header, ...] = (
    (b"www-authenticate", b'Basic realm="Billetter", charset="UTF-8"'),
)

BAD_REQUEST = Problem(
    "bad-request",
    400,
    "Неверный запрос",
    "Тело, параметр или заголовок запроса не имеет требуемого вида.",
)
BAD_SIGNATURE = Problem(
    "bad-signature",
    400,
    "Неверная подпись уведомления",
    "Подпись X-Webhook-Signature отсутствует или не подходит к телу запроса.",
)
UNAUTHENTICATED = Problem(
    "unauthenticated",
    401,
    "Требуется вход",
    "Укажите почту и пароль действующего пользователя по схеме HTTP Basic.",
    _CHALLENGE,
)
NOT_OWNER = Problem(
    "not-owner",
    403,
    "Доступ запрещён",
    "Бронь или место принадлежит другому пользователю.",
)
RESET_FORBIDDEN = Problem(
    "reset-forbidden",
    403,
    "Сброс запрещён",
    "Сервер запущен без разрешения сбрасывать данные.",
)
STAFF_ONLY = Problem(
    "staff-only",
    403,
    "Доступно только сотрудникам",
    "Для этого нужен вход организатора или оператора; вход покупателя не подходит.",
)
OPERATOR_ONLY = Problem(
    "operator-only",
    403,
    "Доступно только оператору",
    "Это видно с той машины, на которой работает сервер, или со входом оператора.",
)
NO_SUCH_PATH = Problem(
    "no-such-path",
    404,
    "Страница не найдена",
    "По этому адресу ничего нет. Все адреса описаны в /docs.",
)
EVENT_NOT_FOUND = Problem(
    "event-not-found",
    404,
    "Событие не найдено",
    "Такого события нет или билеты на него не продаются.",
)
BOOKING_NOT_FOUND = Problem(
    "booking-not-found", 404, "Бронь не найдена", "Брони с таким номером нет."
)
REPLAY_MISSING = Problem(
    "replay-missing",
    404,
    "Повтора продаж ещё нет",
    "Начните его методом POST и дождитесь state: ready.",
)
SEAT_NOT_FOUND = Problem("seat-not-found", 404, "Место не найдено", "Места с таким номером нет.")
TICKET_NOT_FOUND = Problem(
    "ticket-not-found",
    404,
    "Билет не найден",
    "Такого билета мы не выпускали: код набран с ошибкой или подделан.",
)
ZONE_NOT_FOUND = Problem(
    "zone-not-found",
    404,
    "Зона не найдена",
    "Зоны с таким названием в этом зале нет. Названия зон – в /x/events/{id}.",
)
METHOD_NOT_ALLOWED = Problem(
    "method-not-allowed",
    405,
    "Метод не поддерживается",
    "Поддерживаемые методы перечислены в заголовке Allow.",
)
BODY_TOO_SLOW = Problem(
    "body-too-slow",
    408,
    "Время ожидания истекло",
    "Тело запроса не пришло вовремя. Запрос не выполнен, его можно повторить.",
    (CLOSE,),
)
BODY_TOO_LARGE = Problem(
    "body-too-large",
    413,
    "Тело запроса слишком велико",
    "Запрос не выполнен: тело больше 64 КиБ.",
    (CLOSE,),
)
ADDRESS_TOO_LONG = Problem(
    "address-too-long",
    414,
    "Адрес запроса слишком длинен",
    "Запрос не выполнен: его адрес длиннее 8 КиБ.",
)
SEAT_TAKEN = Problem("seat-taken", 419, _NOT_SELECTED, "Место уже занято другой бронью.")
SEAT_ELSEWHERE = Problem(
    "seat-elsewhere", 419, _NOT_SELECTED, "Место относится к другому событию, чем бронь."
)
SEAT_NOT_OURS = Problem(
    "seat-not-ours", 419, _NOT_SELECTED, "Нам выделена только часть зала, это место продаём не мы."
)
BOOKING_CLOSED = Problem(
    "booking-closed", 419, _NOT_SELECTED, "Бронь уже оплачивается, оплачена или отменена."
)
NO_SEATS_TOGETHER = Problem(
    "no-seats-together",
    419,
    _NOT_SELECTED,
    "Столько свободных мест рядом не осталось. Попробуйте другую зону или разделите компанию.",
)
TOO_MANY_SEATS = Problem(
    "too-many-seats",
    419,
    _NOT_SELECTED,
    "Достигнут предел мест, которые один пользователь может занять на одном событии.",
)
SEAT_NOT_HELD = Problem("seat-not-held", 419, _NOT_RELEASED, "Место свободно или уже продано.")
BOOKING_NOT_PAYABLE = Problem(
    "booking-not-payable", 419, _NOT_PAYABLE, "Бронь уже оплачена или отменена."
)
BOOKING_EMPTY = Problem("booking-empty", 419, _NOT_PAYABLE, "В брони нет мест.")
AMOUNT_OUT_OF_RANGE = Problem(
    "amount-out-of-range",
    419,
    _NOT_PAYABLE,
    "Такую сумму платёжный шлюз не принимает одним платежом. Разделите места на несколько броней.",
)
PAYMENT_REFUSED = Problem(
    "payment-refused",
    419,
    _NOT_PAYABLE,
    "Платёжный шлюз отказался начать этот платёж. Места остаются за бронью.",
)
PAYMENT_ENDED = Problem(
    "payment-ended",
    419,
    _NOT_PAYABLE,
    "Пока оплата начиналась, бронь отменили, её время вышло или из неё освободили место.",
)
TOO_LATE = Problem(
    "too-late",
    419,
    "Не удалось отменить бронь",
    "До события осталось слишком мало времени, чтобы вернуть билеты.",
)
NOT_PAID = Problem(
    "not-paid",
    419,
    "Билетов ещё нет",
    "Билеты есть только у оплаченной брони. Эта ещё не оплачена или уже отменена.",
)
BOOKING_ADMITTED = Problem(
    "booking-admitted",
    419,
    "Не удалось отменить бронь",
    "По билету этой брони уже вошли, поэтому вернуть её нельзя.",
)
TICKET_VOID = Problem(
    "ticket-void",
    419,
    _NOT_ADMITTED,
    "Билет недействителен: бронь отменена, деньги возвращены или возвращаются.",
)
ALREADY_ADMITTED = Problem(
    "already-admitted", 419, _NOT_ADMITTED, "По этому билету уже вошли; второй раз он не действует."
)
WAITING_ROOM_OPEN = Problem(
    "waiting-room-open",
    419,
    "Зал ожидания уже открыт",
    "Жребий брошен, и время открытия изменить нельзя. Закройте зал ожидания и откройте новый.",
)
TOO_MANY_ROOMS = Problem(
    "too-many-rooms",
    419,
    "Слишком много залов ожидания",
    "Закройте те, которые больше не нужны.",
)
NOTHING_TO_REPLAY = Problem(
    "nothing-to-replay",
    419,
    "Повторять нечего",
    "На это событие ещё никто не бронировал мест.",
)
KEY_REUSED = Problem(
    "key-reused",
    422,
    "Ключ уже использован",
    "С этим Idempotency-Key уже приходил другой запрос. Возьмите новый ключ.",
)
TOO_MANY_KEYS = Problem(
    "too-many-keys",
    429,
    "Слишком много ключей",
    "Запомнено слишком много Idempotency-Key этого пользователя; каждый живёт 24 часа.",
    _retry_after(3_600),
)
TOO_MANY_CALLS = Problem(
    "too-many-calls",
    429,
    "Слишком много запросов",
    "Запрос не выполнен; повторите его через столько секунд, сколько указано в Retry-After.",
    _retry_after(1),
)
TOO_MANY_HOLDS = Problem(
    "too-many-holds",
    429,
    "Вы слишком часто занимаете и отпускаете места",
    "Место не занято. Оплатите занятые места или подождите столько секунд, сколько указано в "
    "Retry-After.",
    _retry_after(60),
)
INTERNAL = Problem(
    "internal",
    500,
    "Внутренняя ошибка",
    "Мы не смогли обработать запрос и записали причину. Исход неизвестен.",
)
UNREACHABLE = Problem(
    "unreachable",
    502,
    "Сервис не отвечает",
    "Возможно, он перезапускается. Исход неизвестен; повторите запрос с тем же Idempotency-Key.",
    _retry_after(1),
)
NO_ANSWER = Problem(
    "no-answer",
    504,
    "Сервис не ответил вовремя",
    "Исход неизвестен; повторите запрос с тем же Idempotency-Key.",
    _retry_after(1),
)
NOT_READY = Problem(
    "not-ready",
    503,
    "Сервис ещё не готов",
    "Сервер запускается или останавливается. Запрос не выполнен, его можно повторить.",
    _retry_after(1),
)
BUSY = Problem(
    "busy",
    503,
    "Сервис перегружен",
    "Запрос не выполнен, его можно повторить.",
    _retry_after(1),
)
EVENT_CROWDED = Problem(
    "event-crowded",
    503,
    "Слишком много желающих на это событие",
    "Очередь на это событие слишком длинна. Запрос не выполнен, его можно повторить.",
    _retry_after(2),
)
WAITING_ROOM = Problem(
    "waiting-room",
    503,
    "Сначала – очередь",
    "На это событие пускают по очереди: займите место в зале ожидания на странице события.",
    _retry_after(10),
)
WAITING_ROOM_FULL = Problem(
    "waiting-room-full",
    503,
    "Зал ожидания полон",
    "В зале ожидания этого события больше нет мест. Попробуйте позже.",
    _retry_after(60),
)
TOO_MANY_WATCHERS = Problem(
    "too-many-watchers",
    503,
    "Слишком много зрителей",
    "Следить за залом без перерыва больше никто не может. Спрашивайте об изменениях время от "
    "времени: GET /x/events/{id}/seatmap?since=…",
    _retry_after(30),
)
REPLAY_BUSY = Problem(
    "replay-busy",
    503,
    "Готовится другой повтор продаж",
    "Повторы готовятся по одному. Запрос не выполнен, его можно повторить.",
    _retry_after(5),
)
GATEWAY_DOWN = Problem(
    "gateway-down",
    503,
    "Платёжный шлюз недоступен",
    "Места остаются за бронью; повторите запрос позже.",
    _retry_after(5),
)
NO_GATEWAY = Problem(
    "no-gateway",
    503,
    "Оплата не настроена",
    "Сервер запущен без платёжного шлюза, поэтому оплатить бронь нельзя.",
    _retry_after(60),
)
NO_PROVIDER = Problem(
    "no-provider",
    503,
    "Продажа мест партнёра не настроена",
    "Сервер запущен без поставщика мест, поэтому бронь на событие партнёра оплатить нельзя.",
    _retry_after(60),
)
PLACES_UNKNOWN = Problem(
    "places-unknown",
    503,
    "Места партнёра ещё не загружены",
    "Места остаются за бронью; повторите запрос позже.",
    _retry_after(5),
)

ALL = tuple(value for value in list(globals().values()) if isinstance(value, Problem))
