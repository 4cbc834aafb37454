"""Reports: of one sprint, and over all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from backlog.access.pages import ProductRequest, product_page
from backlog.models import Backlog, Product, Team
from backlog.queries.charts import Chart
from mlscrum.lib.errors import DomainError
from mlscrum.lib.numbers import whole_number
from mlscrum.web.downloads import csv_answer, json_answer
from sprints.models import Sprint
from sprints.queries.charts import (
    MOST_SPRINTS,
    forecasts_chart,
    scope_chart,
    sprint_charts,
    velocity_chart,
)
from sprints.queries.dialogue import contested_terms, dialogues_of
from sprints.queries.flow import SPANS, Window, cycle_chart, flow_charts
from sprints.queries.forecasts import (
    Answer,
    Asked,
    answer_of,
    past_forecasts,
    unfinished_points,
)
from sprints.queries.overviews import past_sprints
from sprints.queries.report_pages import ReportPage, day_lines
from sprints.queries.reports import burndown_of, shown_report
from sprints.queries.sprints import active_sprints
from sprints.rules.velocity import velocity_range
from sprints.views.common import frame, sprint_page

# One sprint ---------------------------------------------------------------------------------------


@require_GET
@sprint_page("sprint.view")
def report(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """How a sprint stands, or stood when it closed."""
    context = {**frame(request, sprint, "report"), "page": _page_of(sprint)}
    return render(request, "sprints/report.html", context)


@require_GET
@sprint_page("sprint.view")
def report_items(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """Its items and what became of them, as CSV."""
    page = _page_of(sprint)
    return csv_answer(f"{_file_of(sprint)}-items", page.item_lines if page else [])


@require_GET
@sprint_page("sprint.view")
def report_days(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """Its days, which burndown and burn-up are drawn from, as CSV."""
    shown = shown_report(sprint)
    return csv_answer(f"{_file_of(sprint)}-days", day_lines(shown) if shown else [])


@require_GET
@sprint_page("sprint.view")
def report_json(request: ProductRequest, sprint: Sprint) -> HttpResponse:
    """The whole report as it is kept."""
    return json_answer(_file_of(sprint), shown_report(sprint))


def _page_of(sprint: Sprint) -> ReportPage | None:
    shown = shown_report(sprint)
    backlog = sprint.backlog
    is_over = backlog.state == Backlog.State.CLOSED
    return ReportPage(shown, is_over, backlog.cancelled) if shown else None


def _file_of(sprint: Sprint) -> str:
    return f"{sprint.backlog.product.key}-sprint-{sprint.pk}"


# All of them --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What the address asks of the charts. `team` is None for all of several teams, where a chart
    can speak of all; `whose` is then the first, whose calendar says when a day ends."""

    teams: Sequence[Team]
    team: Team | None
    days: int
    by: str

    @property
    def whose(self) -> Team:
        return self.team or self.teams[0]

    @property
    def window(self) -> Window:
        return Window.last(self.days, self.whose)

    @property
    def query(self) -> str:
        """The same for a download."""
        team = f"team={self.team.pk}&" if self.team and len(self.teams) > 1 else ""
        return f"?{team}days={self.days}&by={self.by}"


@require_GET
@product_page("sprint.view")
def reports(request: ProductRequest, product: Product) -> HttpResponse:
    """The sprints that run: burndown and burn-up."""
    wanted = _wanted(request, product)
    running = [
        sprint
        for sprint in active_sprints(product)
        if wanted.team is None or sprint.backlog.team_id == wanted.team.pk
    ]
    shown = [(sprint, _sprint_charts(sprint)) for sprint in running]
    return _room(request, wanted, "sprint", shown=shown)


@require_GET
@product_page("sprint.view")
def velocity(request: ProductRequest, product: Product) -> HttpResponse:
    """What closed sprints completed, and how far their scope strayed."""
    wanted = _wanted(request, product, one_team=True)
    past = past_sprints(product, team=wanted.team)
    found = velocity_range([sprint.completed for sprint in past])
    charts = (
        [
            velocity_chart(past, found, most=MOST_SPRINTS),
            scope_chart(past, most=MOST_SPRINTS),
        ]
        if past
        else []
    )
    return _room(request, wanted, "velocity", charts=charts)


@require_GET
@product_page("sprint.view")
def flow(request: ProductRequest, product: Product) -> HttpResponse:
    """How many items were where on each day, and whether the end comes nearer."""
    wanted = _wanted(request, product)
    return _room(request, wanted, "flow", charts=_flow_charts(product, wanted))


@require_GET
@product_page("sprint.view")
def cycle_time(request: ProductRequest, product: Product) -> HttpResponse:
    """How long items took."""
    wanted = _wanted(request, product)
    chart = CHARTS["cycle-time"](product, wanted)
    return _room(request, wanted, "cycle-time", charts=[chart] if chart else [])


@require_GET
@product_page("sprint.view")
def forecast(request: ProductRequest, product: Product) -> HttpResponse:
    """When so much is done, how much by a day, and how far past forecasts could be trusted."""
    wanted = _wanted(request, product, one_team=True)
    past = past_sprints(product, team=wanted.whose)
    chart = forecasts_chart(past_forecasts(past))
    points, unknown = unfinished_points(product, team=wanted.whose)
    given = request.GET.dict()
    asked = {name: given.get(name, "").strip() for name in ("points", "refs", "until")}
    answer: Answer | None = None
    refused: DomainError | None = None
    if any(asked.values()) or points:
        sought = asked if any(asked.values()) else {"points": f"{points:f}"}
        try:
            sought_for = Asked.read(product, sought)
            answer = answer_of(product, sought_for, team=wanted.whose, past=past)
        except DomainError as error:
            refused = error
    return _room(
        request,
        wanted,
        "forecast",
        charts=[chart] if chart else [],
        asked=asked,
        answer=answer,
        refused=refused,
        wrong=refused.errors[0].pointer.lstrip("?") if refused and refused.errors else "",
        unfinished=points,
        unknown=unknown,
        is_default=not any(asked.values()),
        ref_hint=f"{product.key}-12, {product.key}-15",
    )


@require_GET
@product_page("ceremony.view")
def ceremonies(request: ProductRequest, product: Product) -> HttpResponse:
    """Which roles were heard in each sprint, and what became of what they said."""
    wanted = _wanted(request, product)
    rows = dialogues_of(product, team=wanted.team)
    return _room(request, wanted, "ceremonies", rows=rows, contested=contested_terms(product))


@require_GET
@product_page("sprint.view")
def chart_csv(request: ProductRequest, product: Product, chart: str) -> HttpResponse:
    """The numbers of a chart."""
    if chart not in CHARTS:
        raise Http404(f"There is no chart {chart}.")
    found = CHARTS[chart](product, _wanted(request, product, one_team=chart in OF_ONE_TEAM))
    return csv_answer(f"{product.key}-{chart}", found.lines if found else [])


def _room(request: ProductRequest, wanted: Wanted, tab: str, **context: Any) -> HttpResponse:
    shared = {
        "product": request.product,
        "tabs": TABS,
        "tab": tab,
        "wanted": wanted,
        "spans": SPANS,
        "takes_all": tab not in {"velocity", "forecast"},
        "has_span": tab in {"flow", "cycle-time"},
        "may_run": request.may("sprint.run"),
    }
    return render(request, f"sprints/reports_{tab.replace('-', '_')}.html", {**shared, **context})


def _wanted(request: ProductRequest, product: Product, *, one_team: bool = False) -> Wanted:
    """From the address; what can't be read is as if it were not there."""
    teams = list(product.teams.all())
    number = whole_number(request.GET.get("team", ""), digits=18)
    team = next((team for team in teams if team.pk == number), None)
    if team is None and one_team:
        team = teams[0]
    days = whole_number(request.GET.get("days", ""), digits=4)
    by = request.GET.get("by", "")
    return Wanted(
        teams=teams,
        team=team,
        days=days if days in SPANS else SPANS[1],
        by=by if by == "status" else "category",
    )


def _sprint_charts(sprint: Sprint) -> list[tuple[Chart, str]]:
    shown = burndown_of(sprint)
    url = reverse("sprints:report-days", args=[sprint.backlog.product.key, sprint.pk])
    return [(chart, url) for chart in sprint_charts(shown, suffix=f"-{sprint.pk}")]


def _velocity(product: Product, wanted: Wanted) -> Chart | None:
    past = past_sprints(product, team=wanted.team)
    return velocity_chart(past, velocity_range([p.completed for p in past])) if past else None


def _scope(product: Product, wanted: Wanted) -> Chart | None:
    past = past_sprints(product, team=wanted.team)
    return scope_chart(past) if past else None


def _flow_charts(product: Product, wanted: Wanted) -> list[Chart]:
    # Of one team among several only what came into its sprints.
    return flow_charts(product, wanted.window, team=wanted.team, by=wanted.by)


def _of_flow(name: str) -> Callable[[Product, Wanted], Chart | None]:
    def find(product: Product, wanted: Wanted) -> Chart | None:
        charts = _flow_charts(product, wanted)
        return next((chart for chart in charts if chart.name == name), None)

    return find


def _cycle_time(product: Product, wanted: Wanted) -> Chart | None:
    return cycle_chart(product, wanted.window, team=wanted.team)


def _forecasts(product: Product, wanted: Wanted) -> Chart | None:
    return forecasts_chart(past_forecasts(past_sprints(product, team=wanted.whose)))


CHARTS: dict[str, Callable[[Product, Wanted], Chart | None]] = {
    "velocity": _velocity,
    "scope": _scope,
    "flow": _of_flow("flow"),
    "product-burn-up": _of_flow("product-burn-up"),
    "cycle-time": _cycle_time,
    "forecasts": _forecasts,
}
TABS = (
    ("sprint", "sprints:reports", "Burndown"),
    ("velocity", "sprints:velocity", "Velocity and scope"),
    ("flow", "sprints:flow", "Cumulative flow"),
    ("cycle-time", "sprints:cycle-time", "Cycle time"),
    ("forecast", "sprints:forecast", "Forecast"),
    ("ceremonies", "sprints:report-ceremonies", "Ceremonies"),
)
OF_ONE_TEAM = {"velocity", "scope", "forecasts"}
