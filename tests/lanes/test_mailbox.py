"""The mailbox between a trial's proxy and the ranks, without either."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from sweeper.lanes.mailbox import MAX_ATTEMPTS, Job, Mailbox, Offer, Pulse
from tests.lanes.fake_trials import finished, measurement
from trainers.messages import MESSAGE, Failure, Progress, Trouble, Verdict

T = TypeVar("T")
STOP = Verdict(action="stop", reason="enough").model_dump_json()
GO_ON = Verdict().model_dump_json()
SOON = 0.01
LONG = 0.2


def played(scene: Callable[[], Awaitable[T]]) -> T:
    return asyncio.run(asyncio.wait_for(scene(), 5))  # type: ignore[arg-type]


def rung(tokens: int = 100) -> str:
    return measurement(tokens, 1.0).model_dump_json()


END = finished("completed", 300).model_dump_json()


def test_every_rank_takes_the_posted_spec_once() -> None:
    async def scene() -> list[Job | str | None]:
        box = Mailbox(2)
        waiting = [asyncio.create_task(box.take(rank, 0, 5)) for rank in range(2)]
        await asyncio.sleep(SOON)
        await box.offer("a spec")
        return [*await asyncio.gather(*waiting), await box.take(0, 1, SOON)]

    assert played(scene) == [Job(1, "a spec"), Job(1, "a spec"), None]


def test_a_second_spec_is_not_taken_until_the_first_has_ended() -> None:
    async def scene() -> list[Offer]:
        box = Mailbox(1)
        await box.arrive(0, "machine", "10.0.0.7")
        first, second = await box.offer("first"), await box.offer("second")
        await box.report(first.number, END, False)
        return [first, second, await box.offer("second")]

    assert played(scene) == [Offer(1, "10.0.0.7"), Offer(1, "10.0.0.7", busy=True), Offer(2, "10.0.0.7")]


def test_messages_come_beyond_those_already_read() -> None:
    async def scene() -> list[Any]:
        box = Mailbox(1)
        number = (await box.offer("a spec")).number
        waiting = asyncio.create_task(box.messages(number, 0, 5))
        await asyncio.sleep(SOON)
        await box.report(number, rung(100), False)
        await box.report(number, END, False)
        return [await waiting, await box.messages(number, 1, 5), await box.messages(number, 2, SOON)]

    first, rest, none = played(scene)
    assert first[0] == rung(100)
    assert rest == [END]
    assert none == []


def test_a_report_at_a_rung_waits_for_the_verdict_on_that_rung() -> None:
    async def scene() -> tuple[bool, str]:
        box = Mailbox(1)
        number = (await box.offer("a spec")).number
        waiting = asyncio.create_task(box.report(number, rung(200), True))
        await box.answer(number, 100, STOP)
        await asyncio.sleep(SOON)
        early = waiting.done()
        await box.answer(number, 200, GO_ON)
        return early, await waiting

    assert played(scene) == (False, GO_ON)


def test_a_report_between_rungs_does_not_wait() -> None:
    async def scene() -> str:
        box = Mailbox(1)
        return await box.report((await box.offer("a spec")).number, rung(), False)

    assert played(scene) == GO_ON


def test_a_halt_releases_a_rung_and_answers_all_later_reports() -> None:
    async def scene() -> tuple[str, str]:
        box = Mailbox(1)
        number = (await box.offer("a spec")).number
        waiting = asyncio.create_task(box.report(number, rung(), True))
        await asyncio.sleep(SOON)
        await box.halt(number, STOP)
        return await waiting, await box.report(number, rung(200), False)

    assert played(scene) == (STOP, STOP)


def test_a_report_after_the_end_is_told_to_stop_and_not_kept() -> None:
    async def scene() -> tuple[str, list[str]]:
        box = Mailbox(2)
        number = (await box.offer("a spec")).number
        await box.report(number, END, False)
        answer = await box.report(number, rung(), True)
        return answer, await box.messages(number, 0, SOON)

    answer, messages = played(scene)
    assert Verdict.model_validate_json(answer).action == "stop"
    assert messages == [END]


def test_a_job_is_settled_once_it_has_ended_and_every_rank_has_returned() -> None:
    async def scene() -> list[bool]:
        box = Mailbox(2)
        number = (await box.offer("a spec")).number
        await box.take(0, 0, SOON)
        await box.take(1, 0, SOON)
        settled = []
        await box.returned(number, 0)
        await box.returned(number, 1)
        settled.append(await box.settled(number, SOON))  # not ended
        await box.take(0, 0, SOON)
        await box.report(number, END, False)
        settled.append(await box.settled(number, SOON))  # rank 0 has it again
        await box.returned(number, 0)
        settled.append(await box.settled(number, SOON))
        return settled

    assert played(scene) == [False, False, True]


def test_a_rank_that_was_restarted_after_the_end_frees_itself_by_asking() -> None:
    async def scene() -> tuple[bool, bool]:
        box = Mailbox(1)
        number = (await box.offer("a spec")).number
        await box.take(0, 0, SOON)
        await box.report(number, END, False)
        before = await box.settled(number, SOON)
        await box.take(0, 0, SOON)  # a new process: it has seen no job
        return before, await box.settled(number, SOON)

    assert played(scene) == (False, True)


def test_a_restarted_group_takes_the_unfinished_job_again() -> None:
    async def scene() -> list[Job | str | None]:
        box = Mailbox(2)
        await box.offer("a spec")
        return [await box.take(rank, 0, SOON) for rank in (0, 1, 0, 1)]

    assert played(scene) == [Job(1, "a spec")] * 4


def test_a_job_that_keeps_losing_its_workers_is_given_up() -> None:
    async def scene() -> tuple[list[Job | str | None], list[str], bool]:
        box = Mailbox(2)
        number = (await box.offer("a spec")).number
        taken = []
        for _ in range(MAX_ATTEMPTS + 1):
            await box.take(1, 0, SOON)  # only rank 0 counts
            taken.append(await box.take(0, 0, SOON))
        return taken, await box.messages(number, 0, SOON), await box.settled(number, SOON)

    taken, messages, settled = played(scene)
    assert taken == [Job(1, "a spec")] * 3 + [None]
    *troubles, failure = [MESSAGE.validate_json(text) for text in messages]
    assert [t.reason for t in troubles if isinstance(t, Trouble)] == [
        "its workers died; attempt 2 of 3 follows",
        "its workers died; attempt 3 of 3 follows",
    ]
    assert isinstance(failure, Failure)
    assert (failure.cause, failure.reason) == ("error", "its workers died 3 times in a row; see their logs")
    assert settled


def test_a_job_that_is_given_up_says_what_its_last_rank_saw() -> None:
    async def scene() -> list[str]:
        box = Mailbox(2)
        number = (await box.offer("a spec")).number
        for attempt in range(MAX_ATTEMPTS + 1):
            if await box.take(0, 0, SOON) is not None:
                await box.broke(number, f"attempt {attempt}: connection closed by peer")
        return await box.messages(number, 0, SOON)

    failure = MESSAGE.validate_json(played(scene)[-1])
    assert isinstance(failure, Failure)
    assert failure.reason == "its workers died 3 times in a row; attempt 2: connection closed by peer"


def test_a_job_that_gets_on_between_losses_is_never_given_up() -> None:
    async def scene() -> list[Job | str | None]:
        box, taken = Mailbox(1), []
        number = (await box.offer("a spec")).number
        for attempt in range(2 * MAX_ATTEMPTS):
            taken.append(await box.take(0, 0, SOON))
            await box.report(number, rung(100 * (attempt + 1)), False)
        return taken

    assert played(scene) == [Job(1, "a spec")] * 2 * MAX_ATTEMPTS


def test_silence_is_counted_while_ranks_work_and_not_while_they_wait_for_others() -> None:
    async def scene() -> list[bool]:
        box = Mailbox(1)
        silent = [(await box.pulse()).silence > 0]  # idle
        number = (await box.offer("a spec")).number
        await box.take(0, 0, SOON)
        await asyncio.sleep(LONG)
        silent.append((await box.pulse()).silence >= LONG)
        await box.report(number, rung(), False)
        silent.append((await box.pulse()).silence >= LONG)
        waiting = asyncio.create_task(box.report(number, rung(200), True))
        await asyncio.sleep(LONG)
        silent.append((await box.pulse()).silence > 0)
        await box.answer(number, 200, GO_ON)
        await waiting
        silent.append((await box.pulse()).silence >= LONG)
        await box.report(number, END, False)
        await asyncio.sleep(LONG)
        return [*silent, (await box.pulse()).silence > 0]

    assert played(scene) == [False, True, False, False, False, False]


def test_attempts_are_counted_for_each_job_afresh() -> None:
    async def scene() -> Job | str | None:
        box = Mailbox(1)
        for number in (1, 2):
            await box.offer(f"spec {number}")
            for _ in range(MAX_ATTEMPTS):
                job = await box.take(0, 0, SOON)
            await box.report(number, END, False)
        return job

    assert played(scene) == Job(2, "spec 2")


def test_a_lane_is_ready_once_every_rank_has_arrived() -> None:
    async def scene() -> tuple[bool, bool, Pulse]:
        box = Mailbox(2)
        await box.arrive(0, "a", "10.0.0.1")
        before = await box.ready(SOON)
        waiting = asyncio.create_task(box.ready(5))
        await box.arrive(1, "b", "10.0.0.2")
        return before, await waiting, await box.pulse()

    assert played(scene) == (False, True, Pulse(True, frozenset({"a", "b"}), 0.0))


def test_a_job_whose_machine_is_gone_is_withdrawn_and_the_lane_waits_for_all_its_ranks() -> None:
    async def scene() -> tuple[Any, bool, bool, Any, bool]:
        box = Mailbox(1)
        await box.arrive(0, "a", "10.0.0.1")
        number = (await box.offer("a spec")).number
        await box.take(0, 0, SOON)
        waiting = asyncio.create_task(box.messages(number, 0, 5))
        await asyncio.sleep(SOON)
        await box.withdraw()
        gone = await waiting
        settled, ready = await box.settled(number, SOON), await box.ready(SOON)
        again = await box.take(0, 0, SOON)  # the group that is started in place of the lost one
        await box.arrive(0, "b", "10.0.0.2")
        return gone, settled, ready, again, await box.ready(SOON)

    assert played(scene) == (None, True, False, None, True)


SIGN = Progress(tokens=10, train_loss=1.0, learning_rate=1.0, grad_norm=1.0, tokens_per_second=1.0).model_dump_json()


def test_signs_of_life_wait_for_company_and_everything_else_does_not() -> None:
    async def scene() -> tuple[bool, list[str] | None, list[str] | None, list[str] | None]:
        box = Mailbox(1)
        number = (await box.offer("a spec")).number
        waiting = asyncio.create_task(box.messages(number, 0, 5, 5))
        await box.report(number, SIGN, False)
        await asyncio.sleep(SOON)
        early = waiting.done()
        await box.report(number, rung(), False)
        together = await waiting
        await box.report(number, SIGN, False)
        alone = await box.messages(number, 2, 5, SOON)
        await box.report(number, END, False)
        return early, together, alone, await box.messages(number, 3, 5, 5)

    assert played(scene) == (False, [SIGN, rung()], [SIGN], [END])


def test_closing_sends_waiting_ranks_home() -> None:
    async def scene() -> Job | str | None:
        box = Mailbox(1)
        waiting = asyncio.create_task(box.take(0, 0, 5))
        await asyncio.sleep(SOON)
        await box.close()
        return await waiting

    assert played(scene) == "close"


def test_the_job_under_way_is_named_until_it_ends() -> None:
    async def scene() -> list[int | None]:
        box = Mailbox(1)
        current = [await box.current()]
        number = (await box.offer("a spec")).number
        current.append(await box.current())
        await box.report(number, END, False)
        return [*current, await box.current()]

    assert played(scene) == [None, 1, None]


def test_another_jobs_number_is_refused() -> None:
    async def scene() -> None:
        box = Mailbox(1)
        await box.offer("a spec")
        await box.halt(7, STOP)

    with pytest.raises(RuntimeError, match="job 7 is not this lane's"):
        played(scene)
