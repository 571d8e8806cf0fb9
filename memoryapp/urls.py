"""Pages of memoryapp."""

from __future__ import annotations

from django.urls import path

from memoryapp.views import (
    audit,
    bullets,
    curation,
    entries,
    keys,
    members,
    overview,
    playbooks,
    releases,
    review,
    workspaces,
)

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("review/", review.review, name="review"),
    path("review/<uuid:pk>/approve/", review.approve, name="candidate-approve"),
    path("review/<uuid:pk>/reject/", review.reject, name="candidate-reject"),
    path("review/<uuid:pk>/undo/", review.undo, name="candidate-undo"),
    path("playbooks/", playbooks.playbook_list, name="playbook-list"),
    path("new/playbook/", playbooks.create, name="playbook-create"),
    path("playbooks/<slug:slug>/", playbooks.playbook_detail, name="playbook-detail"),
    path("playbooks/<slug:slug>/requirement/", playbooks.requirement, name="playbook-requirement"),
    path("playbooks/<slug:slug>/bullets/add/", bullets.add, name="bullet-add"),
    path("playbooks/<slug:slug>/bullets/<str:label>/", bullets.bullet_detail, name="bullet-detail"),
    path("playbooks/<slug:slug>/bullets/<str:label>/edit/", bullets.edit, name="bullet-edit"),
    path("playbooks/<slug:slug>/bullets/<str:label>/retire/", bullets.retire, name="bullet-retire"),
    path(
        "playbooks/<slug:slug>/bullets/<str:label>/confirm/",
        bullets.confirm,
        name="bullet-confirm",
    ),
    path(
        "playbooks/<slug:slug>/bullets/<str:label>/restore/",
        bullets.restore,
        name="bullet-restore",
    ),
    path("playbooks/<slug:slug>/bullets/<str:label>/row/", curation.row, name="bullet-row"),
    path("playbooks/<slug:slug>/bullets/<str:label>/move/", curation.move, name="bullet-move"),
    path("playbooks/<slug:slug>/bullets/<str:label>/place/", curation.place, name="bullet-place"),
    path("playbooks/<slug:slug>/bullets/<str:label>/tags/", curation.tag, name="bullet-tag"),
    path("playbooks/<slug:slug>/merge/", curation.merge, name="bullets-merge"),
    path("playbooks/<slug:slug>/change/", curation.change, name="playbook-change"),
    path("playbooks/<slug:slug>/undo/", curation.undo, name="run-undo"),
    path("playbooks/<slug:slug>/releases/publish/", releases.publish, name="release-publish"),
    path(
        "playbooks/<slug:slug>/releases/<int:number>/",
        releases.release_detail,
        name="release-detail",
    ),
    path(
        "playbooks/<slug:slug>/releases/<int:number>/<slug:form>/",
        releases.download,
        name="release-download",
    ),
    path("playbooks/<slug:slug>/labels/move/", releases.move_label, name="label-move"),
    path("memory/", entries.entry_list, name="entry-list"),
    path("settings/keys/", keys.key_list, name="key-list"),
    path("settings/keys/new/", keys.create, name="key-create"),
    path("settings/keys/<int:pk>/revoke/", keys.revoke, name="key-revoke"),
    path("settings/members/", members.member_list, name="member-list"),
    path("settings/members/new/", members.create, name="member-create"),
    path("settings/members/<int:pk>/role/", members.role, name="member-role"),
    path("settings/members/<int:pk>/remove/", members.remove, name="member-remove"),
    path("settings/audit/", audit.audit_list, name="audit-list"),
    path("settings/audit/export/", audit.export, name="audit-export"),
    path("workspaces/switch/", workspaces.switch, name="workspace-switch"),
]
