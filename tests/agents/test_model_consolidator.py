"""The model consolidator where there is nothing to ask, and what it falls back on."""

from __future__ import annotations

from memoryapp.domain.playbook import Bullet, Op, Playbook
from practice.agents.rules import build_engine as rules_engine
from practice.clients.llm import ModelSettings, build_engine
from tests.fakes import Answer, Asked, ScriptedOpenAI, typed

TWICE = "Call verify_customer before issue_refund, or the refund is refused."


def bullet(number: int, content: str, harmful: int = 0) -> Bullet:
    return Bullet(label=f"apis-{number:03d}", section="apis", content=content, harmful=harmful)


def test_it_asks_nothing_about_a_single_bullet_and_still_counts_its_votes() -> None:
    with ScriptedOpenAI(lambda asked: typed(changes=[])) as server:
        settings = ModelSettings("openai", "gpt-5-mini", base_url=server.base_url)
        consolidator = build_engine(settings, 1).consolidator
        made = consolidator.consolidate(Playbook((bullet(1, TWICE, harmful=6),)), [])
        assert server.requests == []
    assert [(delta.op, delta.targets) for delta in made.deltas] == [(Op.RETIRE, ("apis-001",))]
    assert made.usage.requests == 0


def test_it_leaves_alike_bullets_apart_where_the_model_does() -> None:
    doubled = Playbook((bullet(1, TWICE), bullet(2, f"{TWICE} Always.")))
    seen: list[Asked] = []

    def answer(asked: Asked) -> Answer:
        seen.append(asked)
        return typed(changes=[])

    with ScriptedOpenAI(answer) as server:
        settings = ModelSettings("openai", "gpt-5-mini", base_url=server.base_url)
        made = build_engine(settings, 1).consolidator.consolidate(doubled, [])

    (asked,) = seen
    assert asked.role == "consolidator"
    assert "- MERGE apis-002, apis-001: Call verify_customer" in asked.prompt
    assert made.deltas == ()


def test_the_rules_engine_merges_them() -> None:
    doubled = Playbook((bullet(1, TWICE), bullet(2, f"{TWICE} Always.")))
    made = rules_engine(1).consolidator.consolidate(doubled, [])
    assert [delta.op for delta in made.deltas] == [Op.MERGE]
    assert (made.usage.role, made.usage.requests) == ("consolidator", 0)


def test_it_never_proposes_what_the_playbook_would_refuse() -> None:
    full = Playbook((bullet(1, TWICE), bullet(2, "Short and good.")), token_budget=25)
    longer = {"op": "UPDATE", "targets": ["apis-002"], "content": TWICE * 3, "reason": "More."}
    same = {"op": "MERGE", "targets": ["apis-001"], "content": TWICE, "reason": "One is no pair."}
    with ScriptedOpenAI(lambda asked: typed(changes=[longer, same])) as server:
        settings = ModelSettings("openai", "gpt-5-mini", base_url=server.base_url)
        made = build_engine(settings, 1).consolidator.consolidate(full, [])
    assert made.deltas == ()
