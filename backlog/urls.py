"""The paths of this room."""

from django.urls import URLPattern, path

from backlog.views import (
    accounts,
    digests,
    health,
    hooks,
    invitations,
    my_work,
    notifications,
    people,
    search,
    storage,
)

urlpatterns: list[URLPattern] = [
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.metrics, name="metrics"),
    path("readyz", health.readyz, name="readyz"),
    path("hooks/<str:address>/", hooks.hook, name="hook"),
    path("", accounts.home, name="home"),
    path("my-work/", my_work.my_work, name="my-work"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/read/", notifications.notifications_read, name="notifications-read"),
    path("notifications/choices/", digests.notification_choices, name="notification-choices"),
    path("notifications/trial/", digests.notification_trial, name="notification-trial"),
    path("search/", search.search, name="search"),
    path("sign-in/", accounts.sign_in, name="sign-in"),
    path("sign-in/demo/", accounts.demo_sign_in, name="demo-sign-in"),
    path("sign-out/", accounts.sign_out, name="sign-out"),
    path("password/", accounts.password_change, name="password-change"),
    path("profile/", accounts.profile, name="profile"),
    path("profile/tokens/", accounts.my_tokens, name="my-tokens"),
    path("profile/tokens/<int:token_id>/revoke/", accounts.my_token_revoke, name="my-token-revoke"),
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
    path("welcome/<str:token>/", invitations.welcome, name="welcome"),
    path("people/", people.people, name="people"),
    path("people/<int:user_id>/administers/", people.person_administers, name="person-administers"),
    path("people/<int:user_id>/active/", people.person_active, name="person-active"),
    path("storage/", storage.storage_page, name="storage"),
    path("storage/prune/", storage.prune, name="storage-prune"),
    path("theme/", accounts.theme, name="theme"),
]
