"""The pages of sprints: the list, planning, the board, closing, reports."""

from django.urls import URLPattern, path

from sprints.views import (
    assessments,
    board,
    ceremonies,
    ceremony_guests,
    ceremony_notes,
    ceremony_outcomes,
    ceremony_papers,
    ceremony_streams,
    closing,
    planning,
    reports,
    sprints,
    teams,
)

app_name = "sprints"
SPRINTS = "p/<str:key>/sprints/"
SPRINT = f"{SPRINTS}<int:sprint_id>/"
TEAMS = "p/<str:key>/teams/"
CEREMONIES = "p/<str:key>/ceremonies/"
CEREMONY = f"{CEREMONIES}<int:ceremony_id>/"
BLOCK = f"{CEREMONY}blocks/<int:block_id>/"
OUTCOME = f"{CEREMONY}outcomes/<int:outcome_id>/"
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
    path("p/<str:key>/reports/ceremonies/", reports.ceremonies, name="report-ceremonies"),
    path("p/<str:key>/reports/forecast/", reports.forecast, name="forecast"),
    path("p/<str:key>/reports/<slug:chart>/numbers.csv", reports.chart_csv, name="chart-csv"),
    # Ceremonies
    path(CEREMONIES, ceremonies.ceremonies, name="ceremonies"),
    path(f"{CEREMONIES}new/", ceremonies.ceremony_new, name="ceremony-new"),
    path(f"{SPRINT}ceremonies/", ceremonies.ceremonies_of_sprint, name="ceremonies-of-sprint"),
    path(CEREMONY, ceremonies.ceremony, name="ceremony"),
    path(f"{CEREMONY}live/", ceremony_streams.ceremony_stream, name="ceremony-stream"),
    path(f"{CEREMONY}head/", ceremonies.ceremony_head, name="ceremony-head"),
    path(f"{CEREMONY}people/", ceremonies.ceremony_people, name="ceremony-people"),
    path(f"{CEREMONY}presence/", ceremonies.ceremony_presence, name="ceremony-presence"),
    path(f"{CEREMONY}pulse/", ceremonies.ceremony_pulse, name="ceremony-pulse"),
    path(f"{CEREMONY}edit/", ceremonies.ceremony_edit, name="ceremony-edit"),
    path(f"{CEREMONY}delete/", ceremonies.ceremony_delete, name="ceremony-delete"),
    path(f"{CEREMONY}open/", ceremonies.ceremony_open, name="ceremony-open"),
    path(f"{CEREMONY}close/", ceremonies.ceremony_close, name="ceremony-close"),
    path(f"{CEREMONY}timer/", ceremonies.ceremony_timer, name="ceremony-timer"),
    path(f"{CEREMONY}guests/", ceremony_guests.guests, name="guests"),
    path(
        f"{CEREMONY}guests/<int:guest_id>/revoke/",
        ceremony_guests.guest_link_revoke,
        name="guest-link-revoke",
    ),
    path("guest/<str:secret>/", ceremony_guests.guest, name="guest"),
    path("p/<str:key>/agendas/", ceremony_guests.agendas, name="agendas"),
    path(f"{CEREMONY}minutes/", ceremony_papers.minutes, name="minutes"),
    path(f"{CEREMONY}minutes.md", ceremony_papers.minutes_file, name="minutes-file"),
    path(f"{CEREMONY}ceremony.ics", ceremony_papers.ceremony_ics, name="ceremony-ics"),
    path(f"{CEREMONIES}calendar/", ceremony_papers.calendar, name="calendar"),
    path("calendar/<str:secret>/ceremonies.ics", ceremony_papers.feed, name="feed"),
    path(f"{CEREMONY}blocks/", ceremonies.block_add, name="block-add"),
    path(f"{BLOCK}remove/", ceremonies.block_remove, name="block-remove"),
    path(f"{BLOCK}part/", ceremonies.ceremony_part, name="ceremony-part"),
    path(f"{BLOCK}notes/", ceremony_notes.notes, name="notes"),
    path(f"{BLOCK}notes/hold/", ceremony_notes.notes_hold, name="notes-hold"),
    path(f"{BLOCK}notes/write/", ceremony_notes.notes_write, name="notes-write"),
    path(f"{BLOCK}notes/save/", ceremony_notes.notes_save, name="notes-save"),
    path(f"{BLOCK}notes/release/", ceremony_notes.notes_release, name="notes-release"),
    path(f"{BLOCK}notes/versions/", ceremony_notes.notes_versions, name="notes-versions"),
    path(f"{CEREMONY}outcomes/", ceremony_outcomes.outcomes, name="outcomes"),
    path(f"{OUTCOME}edit/", ceremony_outcomes.outcome_edit, name="outcome-edit"),
    path(f"{OUTCOME}remove/", ceremony_outcomes.outcome_remove, name="outcome-remove"),
    path(f"{OUTCOME}decide/", ceremony_outcomes.outcome_decide, name="outcome-decide"),
    path(f"{OUTCOME}item/", ceremony_outcomes.outcome_to_item, name="outcome-item"),
    path(f"{OUTCOME}criterion/", ceremony_outcomes.outcome_to_criterion, name="outcome-criterion"),
    path(
        f"{OUTCOME}become/<slug:into>/",
        ceremony_outcomes.outcome_to_subject,
        name="outcome-become",
    ),
    path(f"{OUTCOME}back/", ceremony_outcomes.outcome_take_back, name="outcome-back"),
    # Teams
    path(TEAMS, teams.teams, name="teams"),
    path(f"{TEAMS}<int:team_id>/", teams.team, name="team"),
    path(f"{TEAMS}<int:team_id>/calendar/", teams.team_calendar, name="team-calendar"),
    path(f"{TEAMS}<int:team_id>/delete/", teams.team_delete, name="team-delete"),
]
