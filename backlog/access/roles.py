"""The role table: who may do what. Doors name a permission; nothing else decides."""

from __future__ import annotations

from dataclasses import dataclass

from backlog.models import Actor, ActorKind, Member, Product, Role, Scope, Subject

EVERYONE = frozenset(Role)
BUILDERS = frozenset({Role.DEVELOPER, Role.SCRUM_MASTER, Role.PRODUCT_OWNER})
STEERERS = frozenset({Role.SCRUM_MASTER, Role.PRODUCT_OWNER})
OWNERS = frozenset({Role.PRODUCT_OWNER})
EXPERTS = BUILDERS | {Role.DOMAIN_EXPERT}


@dataclass(frozen=True)
class Permission:
    """Roles that hold it, the token scope it takes, and who else may.

    `for_keepers`: a dataset's owner and steward may too, whatever their role.
    `for_product_tokens`: a product's token, which acts as a developer, may too.
    """

    roles: frozenset[Role]
    scope: Scope
    for_keepers: bool = False
    for_product_tokens: bool = True


PERMISSIONS: dict[str, Permission] = {
    "product.view": Permission(EVERYONE, Scope.READ),
    "product.edit": Permission(OWNERS, Scope.ADMIN, for_product_tokens=False),
    # All that is in the product leaves with it, values of rows too.
    "product.export": Permission(OWNERS, Scope.ADMIN, for_product_tokens=False),
    "member.view": Permission(EVERYONE, Scope.READ),
    "member.edit": Permission(OWNERS, Scope.ADMIN, for_product_tokens=False),
    "team.edit": Permission(STEERERS, Scope.WRITE, for_product_tokens=False),
    "token.view": Permission(OWNERS, Scope.ADMIN, for_product_tokens=False),
    "token.edit": Permission(OWNERS, Scope.ADMIN, for_product_tokens=False),
    "item.view": Permission(EVERYONE, Scope.READ),
    "item.comment": Permission(EVERYONE, Scope.WRITE),
    "item.edit": Permission(BUILDERS, Scope.WRITE),
    # Experiments, builds and pull requests on an item, as CI posts them.
    "item.report": Permission(BUILDERS, Scope.EVIDENCE),
    "backlog.order": Permission(OWNERS, Scope.WRITE),
    "inbox.take": Permission(OWNERS, Scope.WRITE),
    # The glossary is a room of all trades: everyone proposes words, contests them and talks. What a
    # word means is settled by those who work by it; a proposal is also its proposer's.
    "term.view": Permission(EVERYONE, Scope.READ),
    "term.propose": Permission(EVERYONE, Scope.WRITE),
    "term.agree": Permission(EXPERTS, Scope.WRITE),
    "term.delete": Permission(OWNERS, Scope.WRITE),
    "sprint.view": Permission(EVERYONE, Scope.READ),
    "sprint.run": Permission(STEERERS, Scope.WRITE),
    "sprint.cancel": Permission(OWNERS, Scope.WRITE),
    # Whoever is in the product speaks: notes, votes, cards and insights are everyone's.
    "ceremony.view": Permission(EVERYONE, Scope.READ),
    "ceremony.contribute": Permission(EVERYONE, Scope.WRITE),
    "ceremony.edit": Permission(BUILDERS, Scope.WRITE),
    # An import orders the backlog by the file, and makes labels and fields: the product owner's
    # trade. Scrum masters bring a team over from its present tool, so they may as well.
    "import.run": Permission(STEERERS, Scope.WRITE, for_product_tokens=False),
    # An address lets whoever has it write to a chat, and rules decide who is woken.
    "alert.edit": Permission(STEERERS, Scope.ADMIN, for_product_tokens=False),
    # A webhook takes what happens here out of the house, to an address of somebody's choice.
    "webhook.edit": Permission(STEERERS, Scope.ADMIN, for_product_tokens=False),
    # A code host lets whoever writes to its repositories link and move items.
    "code_host.edit": Permission(STEERERS, Scope.ADMIN, for_product_tokens=False),
    "job.view": Permission(EVERYONE, Scope.READ),
    "job.cancel": Permission(BUILDERS, Scope.WRITE),
    "finding.view": Permission(EVERYONE, Scope.READ),
    "finding.report": Permission(BUILDERS, Scope.EVIDENCE),
    "finding.triage": Permission(BUILDERS, Scope.WRITE, for_keepers=True),
    "dataset.view": Permission(EVERYONE, Scope.READ),
    "dataset.register": Permission(BUILDERS, Scope.WRITE),
    "dataset.register_path": Permission(BUILDERS, Scope.WRITE, for_product_tokens=False),
    # Where data lies and how it is reached is the product owner's; those who build with it may see
    # addresses, never secrets.
    "connection.view": Permission(BUILDERS, Scope.READ),
    "connection.edit": Permission(OWNERS, Scope.ADMIN, for_product_tokens=False),
    "dataset.edit": Permission(BUILDERS, Scope.WRITE, for_keepers=True, for_product_tokens=False),
    "dataset.purge": Permission(OWNERS, Scope.WRITE, for_keepers=True),
    "dataset.add_version": Permission(BUILDERS, Scope.EVIDENCE, for_keepers=True),
    "suite.edit": Permission(BUILDERS, Scope.WRITE, for_keepers=True),
    "suite.approve": Permission(BUILDERS, Scope.WRITE, for_keepers=True, for_product_tokens=False),
    "run.start": Permission(BUILDERS, Scope.EVIDENCE, for_keepers=True),
    "data.values": Permission(BUILDERS, Scope.WRITE, for_keepers=True),
}
# The evidence scope alone reads what evidence needs to know of its own effects.
EVIDENCE_READS = frozenset({"dataset.view", "finding.view", "job.view", "product.view"})


def role_of(actor: Actor, product: Product) -> Role | None:
    """The actor's role in the product today; a product's token acts as a developer, and so does a
    code host of it."""
    if actor.code_host is not None:
        return Role.DEVELOPER if actor.code_host.product_id == product.pk else None
    if actor.token is not None and actor.token.product_id is not None:
        if actor.token.product_id != product.pk:
            return None
        if actor.token.user_id is None:
            return Role.DEVELOPER
    if actor.user is None:
        return None
    member = Member.objects.filter(product=product, user=actor.user).only("role").first()
    return Role(member.role) if member else None


def may(
    actor: Actor,
    permission: str,
    product: Product,
    *,
    role: Role | None = None,
    subject: Subject | None = None,
) -> bool:
    """Whether the actor may do this in the product, asked anew each time."""
    needed = PERMISSIONS[permission]
    if actor.kind == ActorKind.SYSTEM:
        return True
    role = role or role_of(actor, product)
    if role is None or not _scope_allows(actor, permission, needed):
        return False
    if role in needed.roles:
        return True
    return needed.for_keepers and _keeps(actor, subject)


def _scope_allows(actor: Actor, permission: str, needed: Permission) -> bool:
    token = actor.token
    if token is None:
        return True
    if token.user_id is None and not needed.for_product_tokens:
        return False
    if permission in EVIDENCE_READS and token.allows(Scope.EVIDENCE):
        return True
    return token.allows(needed.scope)


def _keeps(actor: Actor, subject: Subject | None) -> bool:
    return (
        subject is not None
        and actor.user is not None
        and actor.user.pk in {subject.owner_id, subject.steward_id}
    )
