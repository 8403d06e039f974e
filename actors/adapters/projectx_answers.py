"""What an answer of the Gateway says: yes, no with a code, or nothing that can be used."""

import re
from typing import Any

from project_x_py import ProjectXAuthenticationError

from actors.adapters.decode_fields import sample

WHY_CHARS_MAX = 300
UNKNOWN_LOGIN_ERROR = 8
_TOKEN = re.compile(r"eyJ[\w-]*\.[\w-]+(?:\.[\w-]*)?")


class GatewayError(Exception):
    """A call that gave nothing usable; the text says why."""


class Withheld(GatewayError):
    """A call that was never made: what is left of the minute's requests is for others."""


class Refusal(GatewayError):
    """The Gateway understood, and said no."""

    def __init__(self, endpoint: str, code: int, text: str) -> None:
        super().__init__(f"{endpoint} refused: {code} {text}".rstrip())
        self.code = code


def accepted(endpoint: str, answer: object) -> dict[str, Any]:
    """Return an answer that says success; raise on one that says no, or nothing."""
    if not isinstance(answer, dict) or type(answer.get("success")) is not bool:
        raise GatewayError(f"{endpoint}: {sample(answer)} is no answer")
    if answer["success"]:
        return answer
    code = answer.get("errorCode")
    if type(code) is not int or not code:
        raise GatewayError(f"{endpoint}: neither success nor an error code")
    text = answer.get("errorMessage")
    raise Refusal(endpoint, code, text if isinstance(text, str) else "")


def said_no(error: BaseException) -> bool:
    """Say whether a login failed because the Gateway will not have these credentials."""
    return isinstance(error, ProjectXAuthenticationError) or (
        isinstance(error, Refusal) and error.code != UNKNOWN_LOGIN_ERROR
    )


def masked(text: str, *secrets: str) -> str:
    """Take tokens and these words out of a text, and cut it to a length."""
    words = "|".join(re.escape(one) for one in secrets if one)
    if words:
        text = re.sub(rf"(?<!\w)(?:{words})(?!\w)", "***", text)
    return _TOKEN.sub("***", text)[:WHY_CHARS_MAX]
