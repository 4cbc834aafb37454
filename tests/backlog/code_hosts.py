"""A code host as tests have one: it posts documented payloads, signed as its kind signs."""

from __future__ import annotations

import hashlib
import hmac
import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.test import Client
from standardwebhooks.webhooks import Webhook as Signer

from backlog.models import CodeHost
from backlog.rules.code_events import EVENT_HEADER

PAYLOADS = Path(__file__).parent / "hooks"
KINDS = ["github", "gitlab", "gitea"]
SHA = "9fceb02d0ae598e95dc970b74767f19372d61af8"


class Sender:
    """Posts what a code host would, each message under an id of its own."""

    def __init__(self, host: CodeHost, secret: str) -> None:
        self.host, self.secret, self.count = host, secret, 0

    def push(self, *messages: str, branch: str = "main", **changes: Any) -> Any:
        """Push commits with these messages, the oldest first."""
        document = payload(f"{self.host.kind}_push")
        document["ref"] = f"refs/heads/{branch}"
        [pattern] = document["commits"]
        document["commits"] = []
        for place, message in enumerate(messages):
            sha = hashlib.sha256(f"{message} {place}".encode()).hexdigest()[:40]
            url = pattern["url"].replace(pattern["id"], sha)
            document["commits"].append({**pattern, "id": sha, "message": message, "url": url})
            document["after"] = sha
        document.update(changes)
        event = "Push Hook" if self.host.kind == "gitlab" else "push"
        return self.post(event, document)

    def pull_request(
        self,
        *,
        title: str = "Read images twice",
        body: str | None = "",
        branch: str = "second-reading",
        into: str = "main",
        state: str = "open",
        draft: bool = False,
        number: int = 7,
        fork: bool = False,
    ) -> Any:
        """A pull request as it stands after whatever happened to it."""
        is_merged = state == "merged"
        if self.host.kind == "gitlab":
            document = payload("gitlab_merge_request")
            document["object_attributes"] |= {
                "iid": number, "title": title, "description": body, "source_branch": branch,
                "target_branch": into, "draft": draft, "work_in_progress": draft,
                "state": {"open": "opened"}.get(state, state),
                "merge_commit_sha": SHA if is_merged else None,
            }  # fmt: skip
            if fork:
                document["object_attributes"]["source_project_id"] = 4711
            return self.post("Merge Request Hook", document)
        document = payload(f"{self.host.kind}_pull_request")
        document["number"] = number
        pull = document["pull_request"]
        pull |= {
            "number": number, "title": title, "body": body, "draft": draft, "merged": is_merged,
            "state": "open" if state == "open" else "closed",
            "merge_commit_sha": SHA if is_merged else None,
        }  # fmt: skip
        pull["head"]["ref"], pull["base"]["ref"] = branch, into
        if fork:
            pull["head"]["repo"] = {"full_name": "stranger/diagnosis"}
        return self.post("pull_request", document)

    def post(self, event: str, document: Any, **headers: str) -> Any:
        """Post a document, or the bytes of one; `headers` replace those that would be sent."""
        self.count += 1
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        sent = {**self.headers(event, body, f"message-{self.count}"), **headers}
        kind = sent.pop("Content-Type", "application/json")
        return Client(enforce_csrf_checks=True).post(
            f"/hooks/{self.host.address}/",
            body,
            content_type=kind,
            headers={name: value for name, value in sent.items() if value},
        )

    def headers(self, event: str, body: bytes, message_id: str) -> dict[str, str]:
        kind = self.host.kind
        named = {EVENT_HEADER[kind]: event}
        digest = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        if kind == "github":
            return named | {
                "X-GitHub-Delivery": message_id,
                "X-Hub-Signature-256": f"sha256={digest}",
            }
        if kind == "gitea":
            return named | {"X-Gitea-Delivery": message_id, "X-Gitea-Signature": digest}
        return named | {
            "X-Gitlab-Event-UUID": "13792a34-cac6-4fda-95a8-c58e00a3954e",
            "Idempotency-Key": message_id,
            "webhook-id": message_id,
            "webhook-timestamp": str(int(datetime.now(UTC).timestamp())),
            "X-Gitlab-Token": self.secret,
        }


def signed_by_standard(secret: str, body: bytes, message_id: str, at: datetime) -> dict[str, str]:
    """The headers of a GitLab webhook with a signing token."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Signer(secret).sign(message_id, at, body.decode()),
        "X-Gitlab-Token": "",
    }


def payload(name: str) -> Any:
    """A payload as its host documents it."""
    return deepcopy(json.loads((PAYLOADS / f"{name}.json").read_text()))
