"""How Django knows this app, and what it fills of the ground floor."""

from django.apps import AppConfig

from mlscrum.web import rooms


class SprintsConfig(AppConfig):
    name = "sprints"

    def ready(self) -> None:
        from backlog.queries import backlogs, columns
        from backlog.queries.events import announce, carry_ids, change_rights
        from sprints.queries.planning import pace_of
        from sprints.services import leaving

        backlogs.provide_pace(pace_of)
        leaving.register()
        carry_ids("sprint", "ceremony", "block", "outcome")
        change_rights("ceremony.guests_sent_away")
        announce("Sprints and teams", "sprint", "team", "calendar")
        announce("Ceremonies", "ceremony", "daily", "poker", "retro")
        columns.register(
            columns.Column(
                title="Sprints",
                url_name="sprints:beside",
                permission="sprint.view",
                takes="sprint.run",
                style="css/plan.css",
                script="js/sprints/beside.js",
            )
        )
        rooms.register_settings(
            rooms.SettingsTab("teams", "Teams", "sprints:teams", 70, "member.view"),
            rooms.SettingsTab("agendas", "Ceremonies", "sprints:agendas", 75, "ceremony.view"),
            rooms.SettingsTab("poker", "Estimation", "sprints:estimation", 71),
        )
        _register_parts()
        from backlog.queries import lineage, offers
        from backlog.services import demo
        from sprints.queries.assessments import make_a_sprint
        from sprints.queries.lineage import sprints_about
        from sprints.services.demo import tell_medical, tell_traffic
        from sprints.services.demo_medical_ceremonies import tell_medical_ceremonies
        from sprints.services.demo_traffic_ceremonies import tell_traffic_ceremonies

        offers.register(make_a_sprint)
        lineage.register("sprint", "Sprints", 20, sprints_about)
        demo.register_chapter("MED", tell_medical, order=20)
        demo.register_chapter("MED", tell_medical_ceremonies, order=40)
        demo.register_chapter("CITY", tell_traffic, order=20)
        demo.register_chapter("CITY", tell_traffic_ceremonies, order=40)
        rooms.register(
            rooms.Room(
                "Board",
                "layout-kanban",
                "sprints:running-board",
                30,
                permission="sprint.view",
                shortcut="v",
                views=("sprints:board",),
            )
        )
        rooms.register(
            rooms.Room(
                "Sprints",
                "calendar-event",
                "sprints:sprints",
                31,
                permission="sprint.view",
                shortcut="s",
                is_within=True,
            )
        )
        from backlog.queries import agendas, news, panels
        from backlog.queries.terms import contested_count
        from backlog.services import conversions, housekeeping, jobs, past_sprints
        from sprints.models import ActionNews, CeremonyNews
        from sprints.queries import ceremony_news, reminders, review_parts
        from sprints.queries.dialogue import provide_contested
        from sprints.queries.insight_panel import said_before
        from sprints.services import action_reminders
        from sprints.services import past_sprints as history
        from sprints.services.ceremonies import REMIND_KIND
        from sprints.services.outcomes import find_origin, note_made
        from sprints.services.reminders import mark_seen, remind

        past_sprints.provide(history.KEEPER)
        conversions.provide_origins(find_origin, note_made)
        provide_contested(contested_count)
        panels.register(said_before)
        for part in review_parts.PARTS:
            agendas.register(part)
        news.register(
            news.Source(
                "ceremonies", CeremonyNews, ceremony_news.unseen, ceremony_news.rows, mark_seen
            )
        )
        jobs.register(REMIND_KIND, remind, max_attempts=3)
        jobs.register(action_reminders.REMIND_KIND, action_reminders.remind, max_attempts=3)
        housekeeping.register(action_reminders.ask_for_reminders)
        news.register(
            news.Source(
                "actions", ActionNews, reminders.unseen, reminders.rows, action_reminders.mark_seen
            )
        )
        rooms.register(
            rooms.Room(
                "Ceremonies",
                "users",
                "sprints:ceremonies",
                40,
                permission="ceremony.view",
                shortcut="c",
            )
        )
        rooms.register(
            rooms.Room(
                "Reports",
                "chart-bar",
                "sprints:reports",
                80,
                permission="sprint.view",
                shortcut="r",
            )
        )


def _register_parts() -> None:
    """What people do together in ceremonies: estimate, say how it goes, look back."""
    from backlog.queries.agendas import AgendaPart, register
    from sprints.queries import dailies, poker, retros

    register(
        AgendaPart(
            slot="poker",
            title="Estimates",
            kinds=("refinement", "planning"),
            order=40,
            template="sprints/_poker.html",
            facts=poker.facts,
            words=poker.words,
            minutes=30,
        )
    )
    register(
        AgendaPart(
            slot="daily",
            title="Around the team",
            kinds=("daily",),
            order=10,
            template="sprints/_daily.html",
            facts=dailies.facts,
            words=dailies.words,
            minutes=15,
        )
    )
    register(
        AgendaPart(
            slot="retro",
            title="What we say",
            kinds=("retrospective",),
            order=20,
            template="sprints/_retro.html",
            facts=retros.facts,
            words=retros.words,
            minutes=60,
        )
    )
