"""The pages of sprints: the list, planning, the board, closing, reports."""

from django.urls import URLPattern, path

from sprints.views import assessments, board, closing, planning, reports, sprints, teams

app_name = "sprints"
SPRINTS = "p/<str:key>/sprints/"
SPRINT = f"{SPRINTS}<int:sprint_id>/"
TEAMS = "p/<str:key>/teams/"
urlpatterns: list[URLPattern] = [
    path(SPRINTS, sprints.sprints, name="sprints"),
    path(f"{SPRINTS}new/", sprints.sprint_new, name="sprint-new"),
    path(f"{SPRINTS}assessment/", assessments.assessment, name="assessment"),
    path(SPRINT, sprints.sprint, name="sprint"),
    path(f"{SPRINT}edit/", sprints.sprint_edit, name="edit"),
    path(f"{SPRINT}delete/", sprints.sprint_delete, name="delete"),
    path(f"{SPRINT}cancel/", sprints.sprint_cancel, name="cancel"),
    path(f"{SPRINT}start/", sprints.sprint_start, name="start"),
    path(f"{SPRINT}capacity/", sprints.sprint_capacity, name="capacity"),
    # Planning
    path(f"{SPRINTS}beside/", planning.beside, name="beside"),
    path(f"{SPRINTS}move/", planning.move, name="move"),
    path(f"{SPRINT}plan/sprint/", planning.plan_sprint, name="plan-sprint"),
    path(f"{SPRINT}plan/", planning.plan, name="plan"),
    # The board
    path("p/<str:key>/board/", board.running_board, name="running-board"),
    path(f"{SPRINT}board/", board.board, name="board"),
    path(f"{SPRINT}board/choices/", board.board_choices, name="board-choices"),
    path(f"{SPRINT}board/move/", board.board_move, name="board-move"),
    path(f"{SPRINT}board/task/", board.board_task, name="board-task"),
    # Closing
    path(f"{SPRINT}close/", closing.close, name="close"),
    path(f"{SPRINT}close/ahead/", closing.close_ahead, name="close-ahead"),
    path(f"{SPRINT}report/", reports.report, name="report"),
    path(f"{SPRINT}report/items.csv", reports.report_items, name="report-items"),
    path(f"{SPRINT}report/days.csv", reports.report_days, name="report-days"),
    path(f"{SPRINT}report/report.json", reports.report_json, name="report-json"),
    # Reports
    path("p/<str:key>/reports/", reports.reports, name="reports"),
    path("p/<str:key>/reports/velocity/", reports.velocity, name="velocity"),
    path("p/<str:key>/reports/flow/", reports.flow, name="flow"),
    path("p/<str:key>/reports/cycle-time/", reports.cycle_time, name="cycle-time"),
    path("p/<str:key>/reports/forecast/", reports.forecast, name="forecast"),
    path("p/<str:key>/reports/<slug:chart>/numbers.csv", reports.chart_csv, name="chart-csv"),
    # Teams
    path(TEAMS, teams.teams, name="teams"),
    path(f"{TEAMS}<int:team_id>/", teams.team, name="team"),
    path(f"{TEAMS}<int:team_id>/calendar/", teams.team_calendar, name="team-calendar"),
    path(f"{TEAMS}<int:team_id>/delete/", teams.team_delete, name="team-delete"),
]
