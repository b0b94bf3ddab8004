"""What an account starts with."""

from __future__ import annotations

import pytest

from identity.rules import LINK, DegreeLimit, IdentityKey, Rule, Settings, UnknownRule, default_settings


def test_proof_links_by_default_and_what_was_typed_or_inferred_is_only_suggested() -> None:
    rules = default_settings().rules
    assert {name for name, rule in rules.items() if rule.may_link} == {"link", "signed", "platform", "possession"}
    assert [rules[name].rule_class for name in ("link", "signed", "platform", "possession", "typed", "inferred")] == [
        *range(6)
    ]
    assert {name for name, rule in rules.items() if rule.policy == "suggest"} == {"typed", "inferred"}


def test_the_default_limits_are_those_of_the_design() -> None:
    settings = default_settings()
    assert settings.kind_limits == {"customer": 1, "phone": 4, "email": 5}
    assert settings.max_identities == 100
    assert DegreeLimit("phone", "whatsapp", "proven", 4) in settings.degree_limits
    for node in ("visitor", "phone", "email"):
        assert DegreeLimit(node, "customer", "proven", 1) in settings.degree_limits
    for node in ("phone", "email"):
        assert DegreeLimit(node, "visitor", "asserted", 3) in settings.degree_limits
        assert DegreeLimit(node, "visitor", "proven", 8) in settings.degree_limits
    assert {IdentityKey("phone", "", "0000000", 0), IdentityKey("email", "", "test@test.com", 0)} <= settings.blocked


def test_a_customer_names_a_contact_before_an_endpoint_before_a_key_before_a_visitor() -> None:
    settings = default_settings()
    kinds = ["visitor", "email", "fax", "phone", "sms", "telegram", "customer"]
    assert sorted(kinds, key=settings.rank) == ["customer", "fax", "telegram", "sms", "email", "phone", "visitor"]


def test_link_is_always_the_same_rule() -> None:
    assert Settings(rules={"link": Rule("link", 4, 3, "off")}).rule("link") is LINK
    assert (LINK.rule_class, LINK.priority, LINK.policy) == (0, 0, "auto")


def test_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(UnknownRule):
        default_settings().rule("hearsay")


def test_an_inferred_rule_may_never_link() -> None:
    assert not Rule("inferred", 5, policy="auto").may_link
