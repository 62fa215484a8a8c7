"""Who may see what is the operator's."""

from api.endpoint import LOOPBACK, Call
from api.problems import OPERATOR_ONLY, Refusal
from api.staff import Role


def require_operator(call: Call[None]) -> None:
    """Refuse whoever is neither on this machine nor an operator; a proxy's clients aren't here."""
    if call.client in LOOPBACK and b"x-forwarded-for" not in call.headers:
        return
    member = call.service.staff.member(call.headers.get(b"authorization"))
    if member is None or member.role is not Role.OPERATOR:
        raise Refusal(OPERATOR_ONLY)
