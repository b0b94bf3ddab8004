"""Filling in canned replies: a pure function of a text and values."""

from __future__ import annotations

import time

import pytest

from inbox.variables import Filled, fill_variables, list_variables, name_attribute

VALUES = {"contact.name": "Ana Prieto", "agent.name": "Bob", "contact.email": ""}


def test_a_variable_becomes_its_value_with_and_without_spaces() -> None:
    filled = fill_variables("Hello {{ contact.name }}, {{agent.name}} here", VALUES)
    assert filled == Filled("Hello Ana Prieto, Bob here", ())


def test_what_is_not_known_stays_visible_and_is_named_once() -> None:
    filled = fill_variables("{{ contact.company }} or {{ contact.email }} or {{ contact.company }}", VALUES)
    assert filled.text == "⟦contact.company⟧ or ⟦contact.email⟧ or ⟦contact.company⟧"
    assert filled.missing == ("contact.company", "contact.email")


def test_what_is_filled_in_is_not_looked_at_again() -> None:
    hostile = {"contact.name": "{{ agent.name }} \\1 \\g<0> {% load x %}", "agent.name": "secret"}
    assert fill_variables("Hi {{ contact.name }}", hostile).text == "Hi {{ agent.name }} \\1 \\g<0> {% load x %}"


@pytest.mark.parametrize(
    "name",
    ["contact.__class__", "contact.name.upper", "contact.name|safe", "agent.password", "settings.SECRET_KEY", ""],
)
def test_a_hostile_name_is_a_name_without_a_value(name: str) -> None:
    assert fill_variables(f"{{{{ {name} }}}}", VALUES).text == f"⟦{name}⟧"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{{ contact.name }}}", "{Ana Prieto}"),
        ("{{ contact.{{ agent.name }} }}", "{{ contact.Bob }}"),
        ("{{ contact.name", "{{ contact.name"),
        ("{ contact.name }", "{ contact.name }"),
        ("{% now %}", "{% now %}"),
    ],
)
def test_braces_that_are_no_variable_stay(text: str, filled: str) -> None:
    assert fill_variables(text, VALUES).text == filled


def test_any_number_of_braces_takes_time_in_proportion() -> None:
    shapes = ("{", "{{ x ", "}", "{{}}", "{{ " + "a" * 50)

    def measure(count: int) -> float:
        best = 9.0
        for _ in range(3):
            began = time.perf_counter()
            for shape in shapes:
                fill_variables(shape * count, VALUES)
            best = min(best, time.perf_counter() - began)
        return best

    assert measure(20_000) < 6 * max(measure(10_000), 0.005)
    assert measure(10_000) < 1


def test_names_are_listed_once_in_their_order() -> None:
    assert list_variables("{{ b }} {{a}} {{ b }}") == ("b", "a")


def test_attributes_are_named_by_their_key() -> None:
    assert name_attribute("contact.order_no") == "order_no"
    assert name_attribute("contact.name") is None
    assert name_attribute("agent.order_no") is None
    assert name_attribute("contact.tag:vip") is None
