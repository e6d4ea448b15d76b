"""The key pair of an Alpaca account, kept out of every text that might be printed."""

from collections.abc import Mapping
from typing import NoReturn


class Secret:
    """A text that shows as stars; `reveal` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


class Credentials:
    """Key id and secret key; both are kept secret, since the id names the account."""

    __slots__ = ("key_id", "secret_key")

    def __init__(self, key_id: str, secret_key: str) -> None:
        self.key_id = Secret(key_id)
        self.secret_key = Secret(secret_key)

    def headers(self) -> Mapping[str, str]:
        """The request headers that authorise; they hold the keys in the clear."""
        return {
            "APCA-API-KEY-ID": self.key_id.reveal(),
            "APCA-API-SECRET-KEY": self.secret_key.reveal(),
        }

    def hidden(self, text: bytes) -> bytes:
        """The text without the keys, should somebody have repeated them."""
        for secret in (self.secret_key, self.key_id):
            value = secret.reveal().encode()
            if value and value in text:
                text = text.replace(value, b"***")
        return text

    def hidden_text(self, text: str) -> str:
        return self.hidden(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def __repr__(self) -> str:
        return "Credentials(***)"
