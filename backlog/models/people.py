"""People: who signs in, and what one principal of a deed is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

if TYPE_CHECKING:
    from backlog.models.code_hosts import CodeHost
    from backlog.models.tokens import ApiToken


class UserManager(BaseUserManager["User"]):
    """Makes users; e-mail addresses are compared without regard to case."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)

    def create_user(self, email: str, name: str, password: str | None = None, **more: Any) -> User:
        user = self.model(email=self.normalize_email(email), name=name, **more)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person of the installation. Products are seen by membership alone."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    is_administrator = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False)
    theme = models.CharField(max_length=10, default="system")
    time_zone = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def initials(self) -> str:
        """One or two letters for the face in lists."""
        words = (self.name or self.email).split()
        return "".join(word[0] for word in (words[0], *words[1:][-1:])).upper()


class ActorKind(models.TextChoices):
    PERSON = "person"
    TOKEN = "token"  # noqa: S105 - a kind of principal
    GUEST = "guest"
    CODE_HOST = "code_host"
    SYSTEM = "system"


class Scope(StrEnum):
    """What a token may be used for."""

    READ = "read"
    WRITE = "write"
    EVIDENCE = "evidence"
    ADMIN = "admin"


@dataclass(frozen=True)
class Actor:
    """Who does a deed: a person at a page, a token, a guest of one ceremony, a code host, or the
    installation itself. A guest's deed says in its data which participant it was."""

    kind: ActorKind
    user: User | None = None
    token: ApiToken | None = None
    code_host: CodeHost | None = None

    @classmethod
    def person(cls, user: User) -> Actor:
        return cls(ActorKind.PERSON, user=user)

    @classmethod
    def of_token(cls, token: ApiToken) -> Actor:
        return cls(ActorKind.TOKEN, user=token.user, token=token)

    @classmethod
    def guest(cls) -> Actor:
        return cls(ActorKind.GUEST)

    @classmethod
    def of_code_host(cls, code_host: CodeHost) -> Actor:
        return cls(ActorKind.CODE_HOST, code_host=code_host)

    @classmethod
    def system(cls) -> Actor:
        return cls(ActorKind.SYSTEM)
