"""The pages a customer sees. One style sheet, nothing from another host, and no script but one."""

import base64
import hashlib
from datetime import date
from html import escape
from string import Template

from emulators.gateway.cards import APPROVED_CARD, TEST_CARDS, valid_expiry
from emulators.gateway.payments import Payment, Status

# No `form-action`: browsers apply it to the redirect after the form too, and that one leads
# to the merchant.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}

# As built, the page sends the card by script, takes the redirect for an error, and sends again.
DOUBLE_SUBMIT = """
document.querySelector("form").addEventListener("submit", async (submitting) => {
  submitting.preventDefault();
  const form = submitting.target;
  await fetch(form.action, {method: "POST", body: new URLSearchParams(new FormData(form)),
    redirect: "manual"});
  form.submit();
});
"""
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(DOUBLE_SUBMIT.encode()).digest()).decode()
SCRIPT_HEADERS = {
    **HEADERS,
    "Content-Security-Policy": HEADERS["Content-Security-Policy"]
    + f"; script-src 'sha256-{_SCRIPT_HASH}'; connect-src 'self'",
}

WORDS = {
    "ru": {
        "title": "Оплата",
        "order": "Заказ",
        "number": "Номер карты",
        "expiry": "Срок (ММ/ГГ)",
        "cvv": "Код",
        "holder": "Имя на карте",
        "email": "Почта",
        "terms": "Согласен с условиями",
        "pay": "Оплатить",
        "cards": "Пробные карты – деньги не настоящие",
        "status": "Состояние платежа",
        "succeeded": "Оплата принята",
        "failed": "Оплата не прошла",
        "back": "Вернуться в магазин",
    },
    "en": {
        "title": "Payment",
        "order": "Order",
        "number": "Card number",
        "expiry": "Expiry (MM/YY)",
        "cvv": "Code",
        "holder": "Name on card",
        "email": "E-mail",
        "terms": "I accept the terms",
        "pay": "Pay",
        "cards": "Test cards – no real money",
        "status": "Status of the payment",
        "succeeded": "Payment accepted",
        "failed": "Payment failed",
        "back": "Back to the shop",
    },
}
CARDS_IN_RUSSIAN = {
    "always approved": "всегда одобрена",
    "declined by the issuer": "отклонена банком",
    "insufficient funds": "не хватает денег",
    "approved nine times in ten": "одобрена девять раз из десяти",
    "the same, with a security code of four digits": "так же, но код из четырёх цифр",
}

PAGE = Template("""<!doctype html>
<html lang="$lang"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c2430; background: #f5f6f8 }
main { background: #fff; border-radius: 12px; padding: 1.5rem; box-shadow: 0 1px 4px #0002 }
h1 { font-size: 1.6rem; margin: 0 } p { margin: .25rem 0 1rem; color: #556 }
label { display: block; margin-top: .75rem; font-size: .9rem }
input[type=text], input[type=email] { width: 100%; box-sizing: border-box; font: inherit;
  padding: .5rem; border: 1px solid #99a; border-radius: 6px }
button { width: 100%; margin-top: 1.25rem; padding: .7rem; font: inherit; font-weight: 600;
  color: #fff; background: #1f5fbf; border: 0; border-radius: 6px; cursor: pointer }
table { font-size: .85rem; margin-top: 1.5rem; border-collapse: collapse }
caption { text-align: left; font-weight: 600 } td { padding: .15rem .75rem .15rem 0 }
td:first-child { font-family: monospace; white-space: nowrap }
</style></head><body><main>
$content
</main></body></html>
""")
FORM = Template("""<h1>$amount</h1><p>$order $order_id<br>$description</p>
<form method="post" action="../submit" autocomplete="off">
<input type="hidden" name="PaymentId" value="$payment_id">
<input type="hidden" name="CsrfToken" value="none">
<input type="hidden" name="SaveCard" value="false">
<label>$number<input type="text" name="CardNumber" value="$card" list="cards" inputmode="numeric"
 maxlength="23" required autofocus></label>
<label>$expiry<input type="text" name="ExpiryDate" value="$expires" maxlength="5" required></label>
<label>$cvv<input type="text" name="Cvv" value="123" inputmode="numeric" maxlength="4" required>
</label>
<label>$holder<input type="text" name="CardholderName" value="TEST HOLDER" required></label>
<label>$email<input type="email" name="Email" value="buyer@example.com" required></label>
<label><input type="checkbox" name="TermsAgreement" value="true" checked required> $terms</label>
<button>$pay</button></form>
<datalist id="cards">$options</datalist>
<table><caption>$cards</caption>$rows</table>""")


def payment_page(payment: Payment, *, lang: str, today: date, submits_twice: bool) -> str:
    """The card form, filled in so that one click pays."""
    words = WORDS[lang]
    meanings = [
        (number, CARDS_IN_RUSSIAN[meaning] if lang == "ru" else meaning)
        for number, meaning in TEST_CARDS
    ]
    content = FORM.substitute(
        words,
        amount=money(payment),
        order_id=escape(payment.order_id),
        description=escape(payment.description or ""),
        payment_id=escape(payment.payment_id),
        card=APPROVED_CARD,
        expires=valid_expiry(today),
        options="".join(f'<option value="{number}">' for number, _ in meanings),
        rows="".join(f"<tr><td>{number}<td>{meaning}" for number, meaning in meanings),
    )
    if submits_twice:
        content += f"<script>{DOUBLE_SUBMIT}</script>"
    return PAGE.substitute(lang=lang, title=words["title"], content=content)


def status_page(payment: Payment, *, lang: str) -> str:
    """What the form shows once there is nothing left to pay."""
    words = WORDS[lang]
    lines = (
        f"{words['status']}: <b>{payment.status}</b><br>{words['order']} {escape(payment.order_id)}"
    )
    success = payment.status in (Status.AUTHORIZED, Status.CONFIRMED)
    url = payment.success_url if success else payment.fail_url
    back = f'<a href="{escape(url)}">{words["back"]}</a>' if url else ""
    content = f"<h1>{money(payment)}</h1><p>{lines}</p>{back}"
    return PAGE.substitute(lang=lang, title=words["title"], content=content)


def result_page(*, success: bool, message: str, lang: str) -> str:
    """The page for payments that have nowhere to return to. It proves nothing."""
    words = WORDS[lang]
    title = words["succeeded" if success else "failed"]
    return PAGE.substitute(
        lang=lang, title=title, content=f"<h1>{title}</h1><p>{escape(message)}</p>"
    )


def money(payment: Payment) -> str:
    """The amount for people: `120 000.00 KZT`, with spaces that do not break."""
    whole, cents = divmod(payment.amount, 100)
    grouped = f"{whole:,}".replace(",", "\N{NO-BREAK SPACE}")
    return f"{grouped}.{cents:02d}\N{NO-BREAK SPACE}{payment.currency}"
