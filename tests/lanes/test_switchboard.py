"""Leases on lanes; the lanes are only names here."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sweeper.lanes.switchboard import Switchboard

T = TypeVar("T")
SOON = 0.01


def played(scene: Callable[[Switchboard], Awaitable[T]]) -> T:
    async def stage() -> T:
        return await asyncio.wait_for(scene(Switchboard()), 5)

    return asyncio.run(stage())


def test_each_lane_is_leased_to_one_trial_at_a_time() -> None:
    async def scene(board: Switchboard) -> list[Any]:
        await board.add("a", "lane a")
        await board.add("b", "lane b")
        return [await board.lease(trial, SOON) for trial in ("one", "two", "three")]

    assert played(scene) == [("b", "lane b"), ("a", "lane a"), None]


def test_a_released_lane_goes_to_whoever_waits() -> None:
    async def scene(board: Switchboard) -> Any:
        await board.add("a", "lane a")
        await board.lease("one", SOON)
        waiting = asyncio.create_task(board.lease("two", 5))
        await asyncio.sleep(SOON)
        await board.release("one")
        return await waiting

    assert played(scene) == ("a", "lane a")


def test_the_lane_that_fell_idle_last_is_leased_first() -> None:
    async def scene(board: Switchboard) -> Any:
        for name in "abc":
            await board.add(name, name)
        await board.lease("one", SOON)
        await board.release("one")
        return [await board.lease(trial, SOON) for trial in ("two", "three", "four")]

    assert [name for name, _ in played(scene)] == ["c", "b", "a"]


def test_a_trial_that_asks_again_has_the_same_lane() -> None:
    async def scene(board: Switchboard) -> Any:
        await board.add("a", "lane a")
        await board.add("b", "lane b")
        return [await board.lease("one", SOON), await board.lease("one", SOON)]

    assert played(scene) == [("b", "lane b")] * 2


def test_a_lane_that_is_gone_is_not_leased_nor_freed() -> None:
    async def scene(board: Switchboard) -> list[Any]:
        await board.add("a", "lane a")
        await board.add("b", "lane b")
        await board.lease("one", SOON)
        await board.remove("a")
        await board.remove("b")
        await board.release("one")
        return [await board.lease("one", SOON), await board.lease("two", SOON)]

    assert played(scene) == [None, None]


def test_a_forgotten_lane_is_leased_to_nobody_else() -> None:
    async def scene(board: Switchboard) -> list[Any]:
        await board.add("a", "lane a")
        await board.lease("one", SOON)
        await board.forget("one")
        lost = await board.lease("one", SOON)
        await board.remove("a")
        await board.add("a", "its successor")
        return [lost, await board.lease("one", SOON)]

    assert played(scene) == [None, ("a", "its successor")]


def test_whoever_lost_a_lane_is_told_why_once() -> None:
    async def scene(board: Switchboard) -> list[str]:
        await board.add("a", "lane a")
        await board.lease("one", SOON)
        await board.remove("a", "it hung")
        return [await board.forget("one"), await board.forget("one"), await board.forget("another")]

    assert played(scene) == ["it hung", "", ""]


def test_a_closed_switchboard_leases_nothing_and_says_so() -> None:
    async def scene(board: Switchboard) -> tuple[bool, Any, Any, bool]:
        before = await board.closed()
        waiting = asyncio.create_task(board.lease("one", 5))
        await asyncio.sleep(SOON)
        await board.close()
        await board.add("a", "lane a")
        return before, await waiting, await board.lease("two", 5), await board.closed()

    assert played(scene) == (False, None, None, True)


def test_trials_are_served_in_the_order_in_which_they_came() -> None:
    async def scene() -> list[Any]:
        board = Switchboard()
        waiting = [asyncio.create_task(board.lease(trial, 5)) for trial in ("one", "two")]
        await asyncio.sleep(SOON)
        await board.add("a", "lane a")
        first = await waiting[0]
        await board.add("b", "lane b")
        return [first, await waiting[1]]

    assert asyncio.run(asyncio.wait_for(scene(), 5)) == [("a", "lane a"), ("b", "lane b")]


def test_a_trial_gets_lanes_of_its_class_only() -> None:
    async def scene(board: Switchboard) -> list[Any]:
        await board.add("s", "small lane", "small")
        waiting = asyncio.create_task(board.lease("one", 5, "large"))
        beside = await board.lease("two", SOON, "small")
        await board.add("l", "large lane", "large")
        return [beside, await waiting, await board.lease("three", SOON, "large")]

    assert played(scene) == [("s", "small lane"), ("l", "large lane"), None]


def test_a_lane_is_retired_once_it_is_free_and_leased_to_nobody_before() -> None:
    async def scene(board: Switchboard) -> list[Any]:
        await board.add("a", "lane a")
        await board.lease("one", SOON)
        early = await board.retire("a")
        await board.release("one")
        return [early, await board.lease("two", SOON), await board.idle(), await board.retire("a")]

    assert played(scene) == [False, None, {}, True]


def test_free_lanes_say_for_how_long_they_have_been_free() -> None:
    async def scene(board: Switchboard) -> dict[str, float]:
        for name in "ab":
            await board.add(name, name)
        await board.lease("one", SOON)
        await asyncio.sleep(SOON)
        return await board.idle()

    idle = played(scene)
    assert list(idle) == ["a"]
    assert idle["a"] >= SOON


def test_a_call_wakes_all_that_stand_by_since_an_earlier_generation() -> None:
    async def scene(board: Switchboard) -> list[bool]:
        old = [asyncio.create_task(board.stand_by(1, 5)) for _ in range(2)]
        new = asyncio.create_task(board.stand_by(2, 5))
        await asyncio.sleep(SOON)
        await board.call(2)
        await asyncio.gather(*old)
        await asyncio.sleep(SOON)
        early = new.done()
        await board.call(3)
        await new
        return [early]

    assert played(scene) == [False]


def test_a_call_that_came_before_is_not_missed() -> None:
    async def scene(board: Switchboard) -> bool:
        await board.call(2)
        await board.stand_by(1, 60)
        return True

    assert played(scene)


def test_a_freed_lane_does_not_end_a_stand_by() -> None:
    async def scene(board: Switchboard) -> bool:
        waiting = asyncio.create_task(board.stand_by(1, 60))
        await asyncio.sleep(SOON)
        await board.add("a", "lane a")
        await asyncio.sleep(SOON)
        done = waiting.done()
        waiting.cancel()
        return done

    assert not played(scene)


def test_a_stand_by_ends_after_its_time() -> None:
    async def scene(board: Switchboard) -> bool:
        await board.stand_by(1, SOON)
        return True

    assert played(scene)
