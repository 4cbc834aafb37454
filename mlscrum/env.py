"""Readers of environment variables that refuse nonsense with one clear sentence."""

import ipaddress
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from mlscrum.lib import addresses

T = TypeVar("T")
TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    """The variable as it stands, without surrounding blanks."""
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool = False) -> bool:
    """A yes or no; anything but 1/0, true/false, yes/no, on/off is refused."""
    if name not in os.environ:
        return default
    value = text(name).lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def integer(name: str, default: int, *, minimum: int = 0, maximum: int = 2**63 - 1) -> int:
    """A whole number within its bounds."""
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if not minimum <= number <= maximum:
        raise ImproperlyConfigured(f"{name} must be {minimum} to {maximum}, not {number}.")
    return number


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas, blanks dropped."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def folder(name: str, default: Path) -> Path:
    """An absolute folder; made by whoever writes into it, not here."""
    return Path(text(name) or default).expanduser().absolute()


def url(name: str, default: str = "", *, schemes: tuple[str, ...]) -> str:
    """A URL with one of the schemes, or the empty default."""
    value = text(name, default)
    if value and urlsplit(value).scheme not in schemes:
        allowed = ", ".join(f"{scheme}://" for scheme in schemes)
        raise ImproperlyConfigured(f"{name} must start with {allowed}.")
    return value


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine alone."""
    name = host.strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """A list of IP networks such as 10.0.0.0/8."""
    return _each(name, lambda word: ipaddress.ip_network(word))


def outbound(name: str) -> list[str]:
    """Networks, hosts and services that may be called though they are not public."""
    found = words(name)
    try:
        addresses.parse(found)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None
    return found


def _each(name: str, parse: Callable[[str], T]) -> list[T]:
    found = []
    for word in words(name):
        try:
            found.append(parse(word))
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {error}.") from None
    return found
