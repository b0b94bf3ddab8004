"""The worker's watchdog."""

import pytest

from oneview.hearing import LOOKS, Hearing


def looks(*, waiting: int, taken: list[int], busy: bool = False) -> list[bool]:
    hearing = Hearing()
    return [hearing.is_lost(waiting=waiting, taken=count, busy=busy) for count in taken]


def test_a_worker_that_takes_nothing_while_tasks_wait_is_lost() -> None:
    assert looks(waiting=3, taken=[7] * (LOOKS + 1))[-1]


@pytest.mark.parametrize(
    "answers",
    [
        looks(waiting=0, taken=[7] * 20),
        looks(waiting=3, taken=list(range(20))),
        looks(waiting=3, taken=[7] * 20, busy=True),
        looks(waiting=3, taken=[7, 7, 7, 8] * 5),
    ],
    ids=["nothing waits", "it takes tasks", "it works on one", "it takes some"],
)
def test_any_other_worker_is_left_alone(answers: list[bool]) -> None:
    assert not any(answers)
