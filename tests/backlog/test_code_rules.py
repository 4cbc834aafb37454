"""What texts of code hosts name and fix, and how their payloads are read."""

from __future__ import annotations

from typing import Any

import pytest

from backlog.rules.code_events import (
    CLOSED,
    DRAFT,
    MERGED,
    OPEN,
    goes_on,
    is_read,
    read_event,
    status_after,
)
from backlog.rules.code_refs import fixed_in, named_in, prose_of
from mlscrum.lib.errors import DomainError
from tests.backlog.code_hosts import KINDS, payload


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("MED-12", [12]),
        ("Read images twice (med-12)", [12]),
        ("feature/med-12-second-reading", [12]),
        ("feature_MED-12_reading", [12]),
        ("MED-3, MED-12 and MED-3 again", [3, 12]),
        ("https://scrum.example.org/p/MED/items/MED-12/", [12]),
        ("MED-012", [12]),
        ("AMED-12", []),
        ("MED-12th of March", []),
        ("MED-0", []),
        ("MED-1234567890", []),
        ("SHOP-12, MED 12, MED_12, MED-x", []),
        ("", []),
    ],
)
def test_an_item_is_named_by_its_ref_alone(text: str, numbers: list[int]) -> None:
    assert named_in([text], "MED") == numbers


WORDS = """close closes closed closing fix fixes fixed fixing resolve resolves resolved resolving
implement implements implemented implementing"""


@pytest.mark.parametrize("word", WORDS.split())
def test_every_usual_word_fixes_whatever_its_case(word: str) -> None:
    for said in (word, word.upper(), word.capitalize()):
        assert fixed_in([f"{said} MED-12"], "MED") == [12]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Fixes: MED-12", [12]),
        ("fixes MED-1, MED-2 and MED-3", [1, 2, 3]),
        ("Closes issues MED-1, and MED-2", [1, 2]),
        ("resolves issue MED-1 & MED-2", [1, 2]),
        ("fix [MED-12]", [12]),
        ("Closes https://scrum.example.org/p/MED/items/MED-12/", [12]),
        ("Reads twice\n\nFixes MED-1\nCloses MED-2.", [1, 2]),
        ("(fixes MED-12)", [12]),
        ("See MED-1, fixes MED-2", [2]),
        ("fixes MED-1 as MED-2 asked", [1]),
        ("fixes SHOP-1, MED-2", []),
        ("prefixes MED-12", []),
        ("hotfix MED-12", []),
        ("fix/MED-12", []),
        ("fixes the crash of MED-12", []),
        ("fixesMED-12", []),
        ("A small fix\n\nMED-12", []),
        ("Fixes MED-1\nMED-2 is related", [1]),
        ("Fixes MED-1,\nMED-2", [1, 2]),
        ("fixes MED-1 MED-2", [1]),
    ],
)
def test_what_is_fixed_stands_right_behind_the_word(text: str, numbers: list[int]) -> None:
    assert fixed_in([text], "MED") == numbers


def test_code_and_comments_of_a_template_say_nothing() -> None:
    text = "A\n<!-- e.g. fixes MED-1 -->\n`fixes MED-2`\n```\nfixes MED-3\n```\nfixes MED-4"
    assert fixed_in([prose_of(text)], "MED") == [4]
    assert prose_of("<!-- never ended: fixes MED-1").strip() == ""


def test_a_long_text_is_read_in_no_time() -> None:
    for text in ("fixes " * 50_000, "fixes MED-1, " * 20_000, "<!--" * 50_000, "`" * 100_000,
                 "fixes:https://" * 10_000, f"fixes {'MED-1,' * 50_000}"):  # fmt: skip
        fixed_in([prose_of(text)], "MED")


def event(kind: str, what: str) -> str:
    if kind == "gitlab":
        return {"push": "Push Hook", "pull": "Merge Request Hook"}[what]
    return {"push": "push", "pull": "pull_request"}[what]


@pytest.mark.parametrize("kind", KINDS)
def test_a_push_tells_its_commits_and_its_branch(kind: str) -> None:
    document = payload(f"{kind}_push")
    [commit] = read_event(kind, event(kind, "push"), document).works
    assert commit.run_id == f"clinic/diagnosis/commit/{commit.commit}"
    assert (commit.status, commit.lands, commit.branch) == (MERGED, True, "main")
    assert commit.url.endswith(commit.commit)
    document["ref"] = "refs/heads/fix/med-1"
    [commit, branch] = read_event(kind, event(kind, "push"), document).works
    assert (commit.status, commit.lands) == (OPEN, False)
    tree = {"github": "tree", "gitlab": "-/tree", "gitea": "src/branch"}[kind]
    assert branch.run_id == f"clinic/diagnosis/{tree}/fix/med-1"
    assert branch.url.endswith(f"/{tree}/fix/med-1")
    assert (branch.status, branch.names, branch.says) == (OPEN, ["fix/med-1"], ())
    document |= {"after": "0" * 40, "commits": []}
    [branch] = read_event(kind, event(kind, "push"), document).works
    assert (branch.status, branch.url, branch.commit) == (CLOSED, "", "")
    document["ref"] = "refs/tags/v1"
    assert read_event(kind, event(kind, "push"), document).works == []


def put(document: Any, kind: str, **fields: Any) -> Any:
    document["object_attributes" if kind == "gitlab" else "pull_request"] |= fields
    return document


@pytest.mark.parametrize(
    ("kind", "fields", "status"),
    [
        *((kind, {"draft": True}, DRAFT) for kind in KINDS),
        *((kind, {}, OPEN) for kind in KINDS),
        *((kind, {"state": "closed"}, CLOSED) for kind in KINDS),
        ("github", {"state": "closed", "merged": True}, MERGED),
        ("gitea", {"state": "closed", "merged": True}, MERGED),
        ("gitlab", {"state": "merged"}, MERGED),
        ("gitlab", {"state": "locked"}, OPEN),
        ("gitlab", {"work_in_progress": True}, DRAFT),
    ],
)
def test_a_pull_request_is_draft_open_merged_or_closed(
    kind: str, fields: dict[str, Any], status: str
) -> None:
    document = put(
        payload(f"{kind}_{'merge' if kind == 'gitlab' else 'pull'}_request"), kind, **fields
    )
    [work] = read_event(kind, event(kind, "pull"), document).works
    path = {"github": "pull", "gitlab": "merge_requests", "gitea": "pulls"}[kind]
    assert work.run_id == f"clinic/diagnosis/{path}/7"
    assert (work.status, work.pull_request, work.branch) == (status, "7", "second-reading")
    assert work.lands == (status == MERGED)
    assert work.names == ["Read images twice", "Fixes MED-1", "second-reading"]
    assert work.says == ["Read images twice", "Fixes MED-1"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_host_leaves_out_is_told(kind: str) -> None:
    document = payload(f"{kind}_push")
    document["total_commits_count" if kind == "gitlab" else "total_commits"] = 35
    assert read_event(kind, event(kind, "push"), document).more == 34


@pytest.mark.parametrize(
    ("name", "change", "where"),
    [
        ("github_push", {"ref": None}, "ref"),
        ("github_push", {"repository": []}, "repository/full_name"),
        ("github_push", {"commits": {}}, "commits"),
        ("github_push", {"commits": [{"id": 7}]}, "commits/0/id"),
        ("github_push", {"commits": [{"id": "a", "message": ["b"]}]}, "commits/0/message"),
        ("gitlab_push", {"project": None}, "project/path_with_namespace"),
        ("github_pull_request", {"pull_request": None}, "pull_request/number"),
        ("gitea_pull_request", {"pull_request": {"number": True}}, "pull_request/number"),
        ("gitlab_merge_request", {"object_attributes": {"iid": 1}}, "object_attributes/title"),
    ],
)
def test_what_a_payload_lacks_is_named(name: str, change: dict[str, Any], where: str) -> None:
    kind, _, what = name.partition("_")
    with pytest.raises(DomainError, match=f"at {where}") as caught:
        read_event(kind, event(kind, "push" if what == "push" else "pull"), payload(name) | change)
    assert caught.value.status == 400


@pytest.mark.parametrize("document", [[], {}, [[]], {"ref": "refs/heads/main"}])
@pytest.mark.parametrize("kind", KINDS)
def test_no_document_breaks_the_reader(kind: str, document: Any) -> None:
    for what in ("push", "pull"):
        with pytest.raises(DomainError):
            read_event(kind, event(kind, what), document)


def test_only_addresses_become_links() -> None:
    document = payload("github_pull_request")
    document["pull_request"]["html_url"] = "javascript:alert(1)"
    [work] = read_event("github", "pull_request", document).works
    assert work.url == ""


def test_a_path_that_is_too_long_is_cut_to_one_of_its_own() -> None:
    document = payload("gitlab_push")
    document["project"]["path_with_namespace"] = "/".join(["a" * 100] * 3)
    [first] = read_event("gitlab", "Push Hook", document).works
    document["project"]["path_with_namespace"] = "/".join(["b" * 100] * 3)
    [second] = read_event("gitlab", "Push Hook", document).works
    assert first.run_id != second.run_id
    assert first.run_id.endswith(f"/commit/{first.commit}")


def test_only_pushes_and_pull_requests_are_read() -> None:
    assert all(map(is_read, ["push", "pull_request", "Push Hook", "Merge Request Hook"]))
    assert not any(map(is_read, ["", "ping", "issues", "Tag Push Hook", "pull_request_review"]))


def test_what_is_merged_stays_so_whatever_comes_late() -> None:
    assert status_after(MERGED, OPEN) == MERGED
    assert [status_after(now, CLOSED) for now in ("", DRAFT, OPEN)] == [CLOSED] * 3
    assert status_after(CLOSED, OPEN) == OPEN


@pytest.mark.parametrize(
    ("start", "end", "goes"),
    [
        (("todo", 0), ("doing", 1), True),
        (("doing", 1), ("doing", 2), True),
        (("doing", 2), ("doing", 1), False),
        (("doing", 2), ("doing", 2), False),
        (("doing", 5), ("done", 3), True),
        (("done", 3), ("doing", 5), False),
        (("done", 3), ("done", 4), False),
    ],
)
def test_items_go_forwards_only(start: tuple[str, int], end: tuple[str, int], goes: bool) -> None:
    assert goes_on(*start, *end) is goes
