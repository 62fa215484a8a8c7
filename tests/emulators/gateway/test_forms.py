"""The way of a customer: look at the form, pay, be sent on."""

import asyncio
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette

from emulators.gateway.desk import Desk
from tests.emulators.fakes import FakeClock, Merchant

pytestmark = pytest.mark.anyio

RENDER = "/api/v1/paymentform/render"


async def test_form(merchant: Merchant) -> None:
    """A NEW payment shows a form with every field, the amount and the test cards."""
    payment_id = await merchant.new_payment(amount=12_000_000, description="<b>Row 1</b>")

    answer = await merchant.http.get(f"{RENDER}/{payment_id}?lang=en")

    page = answer.text
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for name in ("PaymentId", "CardNumber", "ExpiryDate", "Cvv", "CardholderName", "Email"):
        assert f'name="{name}"' in page
    assert "120\N{NO-BREAK SPACE}000.00\N{NO-BREAK SPACE}KZT" in page
    assert "&lt;b&gt;Row 1&lt;/b&gt;" in page
    assert "4000000000000002" in page
    assert "declined by the issuer" in page
    assert await merchant.status(payment_id) == "NEW"


async def test_form_is_all_there_is(merchant: Merchant) -> None:
    """The page runs no script and asks no other host for anything."""
    payment_id = await merchant.new_payment()

    answer = await merchant.http.get(f"{RENDER}/{payment_id}")

    assert "<script" not in answer.text
    assert "http" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    # A browser would hold back the redirect to the merchant.
    assert "form-action" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("query", "language", "title"),
    [
        ("", None, "Оплатить"),
        ("", "en", "Pay"),
        ("?lang=en", None, "Pay"),
        ("?lang=ru", "en", "Оплатить"),
    ],
)
async def test_language(merchant: Merchant, query: str, language: str | None, title: str) -> None:
    """The query chooses the language, then the payment; Russian otherwise."""
    payment_id = await merchant.new_payment(language=language)

    answer = await merchant.http.get(f"{RENDER}/{payment_id}{query}")

    assert f"<button>{title}</button>" in answer.text


@pytest.mark.parametrize(
    ("payment_id", "status", "error"),
    [
        ("pay_123", 400, "Invalid payment ID format"),
        ("17600000001234", 404, "Payment not found"),
    ],
)
async def test_no_such_form(merchant: Merchant, payment_id: str, status: int, error: str) -> None:
    """A malformed id and an unknown one are told apart."""
    answer = await merchant.http.get(f"{RENDER}/{payment_id}")

    assert (answer.status_code, answer.json()) == (status, {"error": error})


@pytest.mark.parametrize(
    ("card", "status", "back"),
    [
        ("4111111111111111", "AUTHORIZED", "http://shop/ok?orderId=1001"),
        ("4000000000000002", "REJECTED", "http://shop/fail?orderId=1001"),
    ],
)
async def test_page_once_it_is_over(merchant: Merchant, card: str, status: str, back: str) -> None:
    """A payment that is no longer NEW shows its status and the way back."""
    payment_id = await merchant.new_payment()
    await merchant.pay(payment_id, card)

    answer = await merchant.http.get(f"{RENDER}/{payment_id}")

    assert answer.status_code == 200
    assert status in answer.text
    assert back in answer.text
    assert "<form" not in answer.text


@pytest.mark.parametrize(
    ("card", "status", "location"),
    [
        ("4111111111111111", "AUTHORIZED", "http://shop/ok?orderId=1001"),
        ("4000000000000002", "REJECTED", "http://shop/fail?orderId=1001"),
        ("4000000000000119", "REJECTED", "http://shop/fail?orderId=1001"),
        ("4532123456789012", "REJECTED", "http://shop/fail?orderId=1001"),
    ],
)
async def test_submit(merchant: Merchant, card: str, status: str, location: str) -> None:
    """Paid or declined, the customer is sent to the merchant's own URL, verbatim."""
    payment_id = await merchant.new_payment()

    answer = await merchant.submit(payment_id, CardNumber=card)

    assert (answer.status_code, answer.headers["location"]) == (302, location)
    assert await merchant.status(payment_id) == status


async def test_url_with_letters_of_all_kinds_is_verbatim(merchant: Merchant) -> None:
    """A return URL is not quoted a second time."""
    url = "http://shop/ok?a=%D0%B0&b=я"
    payment_id = await merchant.new_payment(successURL=url)

    answer = await merchant.submit(payment_id)

    locations = [value for name, value in answer.headers.raw if name == b"location"]
    assert locations == [url.encode()]


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("4111111111111111", "success=true&message=Payment authorized"),
        ("4000000000000002", "success=false&message=Card declined by issuer"),
    ],
)
async def test_nowhere_to_return(merchant: Merchant, card: str, expected: str) -> None:
    """Without URLs of the merchant the customer stays at the gateway's own result page."""
    payment_id = await merchant.new_payment(successURL=None, failURL=None)

    answer = await merchant.submit(payment_id, CardNumber=card)

    location = unquote(answer.headers["location"])
    assert location == f"./result/{payment_id}?{expected}"
    page = await merchant.http.get(f"/api/v1/paymentform/{answer.headers['location']}&lang=en")
    assert page.status_code == 200
    assert ("Payment accepted" in page.text) == ("true" in expected)


async def test_result_page_escapes(merchant: Merchant) -> None:
    """The result page is forgeable, but not into a script."""
    page = await merchant.http.get(
        "/api/v1/paymentform/result/1", params={"message": "<script>alert(1)</script>"}
    )

    assert "<script>" not in page.text


@pytest.mark.parametrize(
    "field",
    ["CardNumber", "ExpiryDate", "Cvv", "CardholderName", "Email", "TermsAgreement"],
)
async def test_absent_field(merchant: Merchant, field: str) -> None:
    """A field that is absent sends back to the result page; the payment stays payable."""
    payment_id = await merchant.new_payment()

    answer = await merchant.submit(payment_id, **{field: None})

    location = unquote(answer.headers["location"])
    assert answer.status_code == 302
    assert location == (
        f"./result/{payment_id}?success=false&message=Validation failed: {field} is required"
    )
    assert await merchant.status(payment_id) == "NEW"


async def test_empty_field(merchant: Merchant) -> None:
    """A field that is there but empty is a 400 problem; the payment stays payable."""
    payment_id = await merchant.new_payment()

    answer = await merchant.submit(payment_id, Cvv="")

    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["Cvv"])
    assert await merchant.status(payment_id) == "NEW"


async def test_too_many_fields(merchant: Merchant) -> None:
    """A form of a thousand fields is refused unread."""
    answer = await merchant.http.post(
        "/api/v1/paymentform/submit", content="&".join(["a=1"] * 1000)
    )

    assert answer.status_code == 400


async def test_field_names_in_any_case(merchant: Merchant) -> None:
    """Names of form fields are matched whatever their case."""
    payment_id = await merchant.new_payment()

    await merchant.submit(payment_id, CardNumber=None, CARDNUMBER="4111111111111111")

    assert await merchant.status(payment_id) == "AUTHORIZED"


async def test_unknown_payment(merchant: Merchant) -> None:
    """A submit for an unknown payment redirects too, to a failure."""
    answer = await merchant.submit("17600000001234")

    assert answer.status_code == 302
    assert "success=false" in answer.headers["location"]


@pytest.mark.parametrize("first_card", ["4111111111111111", "4000000000000002"])
async def test_second_submit(merchant: Merchant, first_card: str) -> None:
    """A payment is paid or declined once: whoever submits again lands on the failure URL."""
    payment_id = await merchant.new_payment()
    await merchant.submit(payment_id, CardNumber=first_card)
    before = await merchant.status(payment_id)

    answer = await merchant.submit(payment_id)

    assert answer.headers["location"] == "http://shop/fail?orderId=1001"
    assert await merchant.status(payment_id) == before


async def test_two_submits_at_once(merchant: Merchant) -> None:
    """While the bank thinks about the first submit, a second one changes nothing."""
    await merchant.turn(card_delay_s=2.0)
    payment_id = await merchant.new_payment()

    answers = await asyncio.gather(merchant.submit(payment_id), merchant.submit(payment_id))

    locations = sorted(answer.headers["location"] for answer in answers)
    assert locations == ["http://shop/fail?orderId=1001", "http://shop/ok?orderId=1001"]
    assert await merchant.status(payment_id) == "AUTHORIZED"


async def test_cancel_while_the_bank_thinks(merchant: Merchant, gateway_app: Starlette) -> None:
    """A payment in FORM_SHOWED is not cancelled, and the card goes through."""
    desk: Desk = gateway_app.state.desk
    thinking, decided = asyncio.Event(), asyncio.Event()

    async def think(seconds: float) -> None:
        thinking.set()
        await decided.wait()

    object.__setattr__(desk.settings, "sleep", think)
    await merchant.turn(card_delay_s=2.0)
    payment_id = await merchant.new_payment()
    submitting = asyncio.create_task(merchant.submit(payment_id))
    await thinking.wait()

    refused = await merchant.cancel(payment_id)
    decided.set()
    await submitting

    assert (refused.status_code, refused.json()["errorCode"]) == (409, "3409")
    assert await merchant.status(payment_id) == "AUTHORIZED"


async def test_expiry_while_the_bank_thinks(
    merchant: Merchant, gateway_app: Starlette, clock: FakeClock
) -> None:
    """A payment that expires under the bank's eyes is not authorized, and the customer told so."""
    desk: Desk = gateway_app.state.desk

    async def think(seconds: float) -> None:
        clock.advance(60)
        await desk.expire_all_due()

    object.__setattr__(desk.settings, "sleep", think)
    await merchant.turn(card_delay_s=2.0, expire_job=True, webhooks=False)
    payment_id = await merchant.new_payment(paymentExpiry=1)

    answer = await merchant.submit(payment_id)

    assert answer.headers["location"] == "http://shop/fail?orderId=1001"
    assert await merchant.status(payment_id) == "EXPIRED"


async def test_no_expiry_by_default(merchant: Merchant, clock: FakeClock) -> None:
    """As with the real service, a customer may pay long after the expiry."""
    payment_id = await merchant.new_payment(paymentExpiry=1)
    clock.advance(3600)

    await merchant.submit(payment_id)

    assert await merchant.status(payment_id) == "AUTHORIZED"


async def test_expiry_job(merchant: Merchant, clock: FakeClock) -> None:
    """With the job on, a payment expires to the second and can no longer be paid."""
    await merchant.turn(expire_job=True)
    early = await merchant.new_payment(orderId="1", paymentExpiry=1)
    late = await merchant.new_payment(orderId="2", paymentExpiry=1)

    clock.advance(59)
    await merchant.submit(early)
    clock.advance(1)
    await merchant.submit(late)

    assert await merchant.status(early) == "AUTHORIZED"
    assert await merchant.status(late) == "EXPIRED"


async def test_expiry_rounds(merchant: Merchant, gateway_app: Starlette, clock: FakeClock) -> None:
    """The job's rounds expire what nobody asks about, and leave paid payments alone."""
    await merchant.turn(expire_job=True)
    unpaid = await merchant.new_payment(orderId="1", paymentExpiry=1)
    paid = await merchant.new_payment(orderId="2", paymentExpiry=1)
    await merchant.pay(paid)
    clock.advance(60)

    await gateway_app.state.desk.expire_all_due()

    assert await merchant.status(unpaid) == "EXPIRED"
    assert await merchant.status(paid) == "AUTHORIZED"
