"""What a code host tells: a push or a pull request of GitHub, Gitea or GitLab in one shape.

The payloads are those that the hosts document: docs.github.com, "Webhook events and payloads";
docs.gitlab.com, "Webhook events"; docs.gitea.com, "Webhooks". What is not asked for here may be
missing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from backlog.rules.code_refs import prose_of
from backlog.rules.code_signatures import GITEA, GITHUB, GITLAB
from backlog.rules.item_evidence import LONGEST_RUN
from backlog.rules.posted import LONGEST_LINK
from mlscrum.lib.errors import DomainError

DRAFT, OPEN, MERGED, CLOSED = "draft", "open", "merged", "closed"
EVENT_HEADER = {
    GITHUB: "X-GitHub-Event",
    GITEA: "X-Gitea-Event",
    GITLAB: "X-Gitlab-Event",
}
ID_HEADERS = {
    GITHUB: ("X-GitHub-Delivery",),
    GITEA: ("X-Gitea-Delivery",),
    # The second is the same for all that one event sets off, so it names no single message.
    GITLAB: ("Idempotency-Key", "webhook-id"),
}
PUSHES = {"push", "Push Hook"}
PULL_REQUESTS = {"pull_request", "Merge Request Hook"}
BRANCH = "refs/heads/"
LINK = re.compile(r"https?://[^\s/?#@]+\S*\Z")


@dataclass(frozen=True)
class Work:
    """A commit, a branch or a pull request as it stands: `status` is one of draft, open, merged and
    closed. Items are named in `names`, and fixed as `says` has it, once it `lands`: it is merged
    into the default branch."""

    run_id: str
    status: str
    url: str
    names: Sequence[str]
    says: Sequence[str] = ()
    commit: str = ""
    branch: str = ""
    pull_request: str = ""
    lands: bool = False


@dataclass(frozen=True)
class Told:
    """What one message tells: pieces of work, the newest last; `more` were not sent along."""

    works: Sequence[Work] = field(default_factory=list)
    more: int = 0


def is_read(event: str) -> bool:
    """Whether events of this name, as the host gives it in a header, are read at all."""
    return event in PUSHES | PULL_REQUESTS


def read_event(kind: str, event: str, document: Any) -> Told:
    """What a message tells. Raises DomainError where it lacks what its host documents."""
    reader = _GitLab(document) if kind == GITLAB else _GitHub(document, kind)
    return reader.push() if event in PUSHES else Told([reader.pull_request()])


def status_after(before: str, now: str) -> str:
    """What work stands at when this is told of it: what is merged stays so, whatever comes late."""
    return MERGED if before == MERGED else now


def goes_on(from_category: str, from_place: int, to_category: str, to_place: int) -> bool:
    """Whether an item goes on to a status: forwards only, and never away from what is done."""
    if from_category == "done":
        return False
    return to_category == "done" or to_place > from_place


class _Reader:
    """A document whose parts are asked for by their path."""

    def __init__(self, document: Any) -> None:
        self.document = document

    def text(self, *path: str | int) -> str:
        """The text there. Raises DomainError where there is none."""
        found = self.maybe(*path)
        if not isinstance(found, str) or not found:
            raise _lacks(path, "text")
        return found

    def maybe_text(self, *path: str | int) -> str:
        """The text there, or an empty one."""
        found = self.maybe(*path)
        if found is not None and not isinstance(found, str):
            raise _lacks(path, "text")
        return found or ""

    def link(self, *path: str | int) -> str:
        """The address there, which pages show as a link; an empty text where it is none."""
        found = self.maybe_text(*path)
        return found if LINK.match(found) and len(found) <= LONGEST_LINK else ""

    def number(self, *path: str | int) -> int:
        found = self.maybe(*path)
        if not isinstance(found, int) or isinstance(found, bool):
            raise _lacks(path, "number")
        return found

    def maybe(self, *path: str | int) -> Any:
        found: Any = self.document
        for step in path:
            is_there = (
                isinstance(found, Mapping) and step in found
                if isinstance(step, str)
                else isinstance(found, list) and step < len(found)
            )
            if not is_there:
                return None
            found = found[step]
        return found

    def commits(self, repository: str, branch: str, *, lands: bool) -> list[Work]:
        """The commits of a push, oldest first."""
        listed = self.maybe("commits")
        if listed is None:
            listed = []
        if not isinstance(listed, list):
            raise _lacks(("commits",), "list")
        works = []
        for place in range(len(listed)):
            sha = self.text("commits", place, "id")
            message = self.maybe_text("commits", place, "message")
            works.append(
                Work(
                    run_id=_run_id(repository, f"commit/{sha}"),
                    status=MERGED if lands else OPEN,
                    url=self.link("commits", place, "url"),
                    names=[message],
                    says=[message],
                    commit=sha,
                    branch=branch,
                    lands=lands,
                )
            )
        return works

    def pushed(self, repository: str, default: str, *, page: str, total: int, tree: str) -> Told:
        """A push to a branch; to a tag it tells nothing."""
        ref = self.text("ref")
        if not ref.startswith(BRANCH):
            return Told()
        branch = ref.removeprefix(BRANCH)
        is_default = branch == default
        works = self.commits(repository, branch, lands=is_default)
        after = self.maybe_text("after")
        is_gone = after.strip("0") == ""
        if not is_default:
            works.append(
                Work(
                    run_id=_run_id(repository, f"{tree}/{branch}"),
                    status=CLOSED if is_gone else OPEN,
                    url=""
                    if is_gone or not page
                    else f"{page}/{tree}/{quote(branch)}"[:LONGEST_LINK],
                    names=[branch],
                    commit="" if is_gone else after,
                    branch=branch,
                )
            )
        sent = len(self.maybe("commits") or [])
        return Told(works, more=max(0, total - sent))


class _GitHub(_Reader):
    """GitHub, and Gitea, which follows it in nearly everything."""

    def __init__(self, document: Any, kind: str) -> None:
        super().__init__(document)
        self.pulls, self.tree = ("pull", "tree") if kind == GITHUB else ("pulls", "src/branch")

    def push(self) -> Told:
        total = self.maybe("total_commits")  # Gitea's
        return self.pushed(
            self.text("repository", "full_name"),
            self.maybe_text("repository", "default_branch"),
            page=self.link("repository", "html_url"),
            total=total if isinstance(total, int) else 0,
            tree=self.tree,
        )

    def pull_request(self) -> Work:
        one = "pull_request"
        number = self.number(one, "number")
        title, body = self.text(one, "title"), prose_of(self.maybe_text(one, "body"))
        branch, target = self.text(one, "head", "ref"), self.text(one, "base", "ref")
        is_merged = self.maybe(one, "merged") is True
        whose = self.maybe(one, "head", "repo", "full_name")
        is_foreign = whose is not None and whose != self.maybe("repository", "full_name")
        status = _status(
            is_merged=is_merged,
            is_open=self.text(one, "state") == "open",
            is_draft=self.maybe(one, "draft") is True,
        )
        return Work(
            run_id=_run_id(self.text("repository", "full_name"), f"{self.pulls}/{number}"),
            status=status,
            url=self.link(one, "html_url"),
            names=[title, body, branch],
            says=_said(title, body, is_foreign=is_foreign, is_merged=is_merged),
            commit=(self.maybe_text(one, "merge_commit_sha") if is_merged else "")
            or self.maybe_text(one, "head", "sha"),
            branch=branch,
            pull_request=str(number),
            lands=is_merged and target == self.maybe_text("repository", "default_branch"),
        )


class _GitLab(_Reader):
    def push(self) -> Told:
        total = self.maybe("total_commits_count")
        return self.pushed(
            self.text("project", "path_with_namespace"),
            self.maybe_text("project", "default_branch"),
            page=self.link("project", "web_url"),
            total=total if isinstance(total, int) else 0,
            tree="-/tree",
        )

    def pull_request(self) -> Work:
        one = "object_attributes"
        number = self.number(one, "iid")
        title, body = self.text(one, "title"), prose_of(self.maybe_text(one, "description"))
        branch, target = self.text(one, "source_branch"), self.text(one, "target_branch")
        state = self.text(one, "state")
        is_draft = True in (self.maybe(one, "draft"), self.maybe(one, "work_in_progress"))
        source, into = self.maybe(one, "source_project_id"), self.maybe(one, "target_project_id")
        return Work(
            run_id=_run_id(self.text("project", "path_with_namespace"), f"merge_requests/{number}"),
            status=_status(
                is_merged=state == "merged",
                is_open=state in {"opened", "locked"},  # locked: being merged
                is_draft=is_draft,
            ),
            url=self.link(one, "url"),
            names=[title, body, branch],
            says=_said(title, body, is_foreign=source != into, is_merged=state == "merged"),
            commit=self.maybe_text(one, "merge_commit_sha")
            or self.maybe_text(one, "last_commit", "id"),
            branch=branch,
            pull_request=str(number),
            lands=state == "merged" and target == self.maybe_text("project", "default_branch"),
        )


def _said(title: str, body: str, *, is_foreign: bool, is_merged: bool) -> list[str]:
    """What may move items: of a fork, which anybody may make, only once somebody merged it."""
    return [] if is_foreign and not is_merged else [title, body]


def _status(*, is_merged: bool, is_open: bool, is_draft: bool) -> str:
    if is_merged:
        return MERGED
    if not is_open:
        return CLOSED
    return DRAFT if is_draft else OPEN


def _run_id(repository: str, tail: str) -> str:
    """What tells the work apart, as its host's address does; of long paths a hash."""
    run_id = f"{repository}/{tail}"
    if len(run_id) <= LONGEST_RUN:
        return run_id
    return f"{hashlib.sha256(run_id.encode()).hexdigest()[:16]}/{tail[-100:].strip('/')}"


def _lacks(path: Sequence[str | int], what: str) -> DomainError:
    where = "/".join(map(str, path))
    return DomainError("bad_payload", f"The message has no {what} at {where}.", status=400)
