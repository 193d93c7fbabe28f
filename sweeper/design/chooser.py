"""Which run to start or to continue, how far, and what to recommend meanwhile."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.design.axes import Axis, Setting, places
from sweeper.design.kernel import Rows
from sweeper.design.opening import spread_out
from sweeper.design.runs import Run, rows_kept
from sweeper.design.saving import Goal, best_first, regret, savings
from sweeper.design.surface import Prospect, Surface
from sweeper.laws.arrays import Floats, Ints

_DECISIONS = 40
_FRESH = 20
"""Settings not run yet whose first measurements are weighed."""
_HORIZONS = 3
"""Lengths of a run that are weighed."""
_CAUTION = 1.5
"""Standard deviations below their means at which losses rank a setting, so that what is unknown is weighed."""
_WORLDS = 512
_NEW_RUN = 10**6
ENOUGH = 0.001
"""Share of the objective: a design is over as soon as knowing every loss exactly is expected to lower it by less."""
_HARDLY = 0.05
"""Or as soon as no measurement is expected to lower it by this part of that."""
_EARLY = 0.1
"""Of the tokens: losses before them say little of the end, so first runs go so far at least."""


@dataclass(frozen=True)
class Choice:
    """What to do next: train a setting on to `tokens`, where it is measured and weighed again."""

    setting: int
    run: int | None
    """Number of the run to continue; None starts one."""
    tokens: int
    cost: float
    saving: float | None
    """By how much the run, as far as it was weighed, is expected to lower the objective of the recommendation, nats;
    None for the first runs, which are not weighed."""


@dataclass(frozen=True)
class Recommended:
    """The setting whose objective is expected to be the lowest at the tokens asked."""

    setting: int
    value: float
    spread: float
    """Standard deviation of the target's loss there, nats."""


class Chooser:
    """Weighs runs by expected saving over cost.

    Args:
        axes: Of the space.
        settings: What may be run.
        checkpoints: Tokens at which a run is measured and may be left or continued, rising.
        goal: The objective.
        asked: Tokens that the recommendation is made for; the last checkpoint by default.
        eligible: Numbers of the settings that may be recommended; all by default.
        first: Numbers of settings to begin with.
        spread: Whether settings from all over the space come after them, before anything is weighed.
        seed: Decides every random choice.
        cost: Of a token of a setting; all cost the same by default.
    """

    def __init__(
        self,
        axes: Sequence[Axis],
        settings: Sequence[Setting],
        checkpoints: Sequence[int],
        goal: Goal,
        *,
        asked: int | None = None,
        eligible: Sequence[int] | None = None,
        first: Sequence[int] = (),
        spread: bool = True,
        seed: int = 0,
        cost: Callable[[Setting], float] = lambda setting: 1.0,
    ) -> None:
        self.settings, self.checkpoints, self.goal = tuple(settings), tuple(checkpoints), goal
        self.asked = asked or self.checkpoints[-1]
        self.runs: list[Run] = []
        axes = tuple(axes)
        self._x = places(axes, self.settings)
        self._price = np.array([cost(setting) for setting in self.settings])
        self._eligible = np.arange(len(self.settings)) if eligible is None else np.array(sorted(eligible))
        self._rng = np.random.default_rng(seed)
        self._surfaces = {name: Surface(axes, seed + k) for k, name in enumerate(goal.corpora)}
        self.satisfied = False
        """Whether the last `next` gave nothing since nothing is worth its cost any more."""
        self._known: tuple[tuple[int, int], ...] = ()
        self._valued: tuple[Floats, Floats] | None = None
        self._first = list(dict.fromkeys([*first, *(spread_out(axes, self._x, first) if spread else [])]))

    def start(self, setting: int) -> int:
        """Begin a run of a setting; returns its number."""
        self.runs.append(Run(setting))
        return len(self.runs) - 1

    def observe(self, run: int, tokens: int, losses: Mapping[str, float]) -> None:
        """A measurement came in; `losses` by corpus, nats."""
        self.runs[run].losses[tokens] = {name: float(losses[name]) for name in self.goal.corpora}

    def recommend(self) -> Recommended:
        """The best setting as far as is known; the first of the opening where nothing is."""
        if not self._learn():
            return Recommended(self._first[0], float("nan"), float("inf"))
        value, _ = self._values()
        best = int(self._eligible[np.argmin(value[self._eligible])])
        _, spread = self._surfaces[self.goal.target].levels(self._rows(np.array([best])))
        return Recommended(best, float(value[best]), float(spread[0]))

    def price(self, setting: int) -> float:
        """What a token of a setting costs."""
        return float(self._price[setting])

    def expected(self, settings: Sequence[int]) -> Floats:
        """(settings,) the expected objective of settings by number, nats; nan where nothing is known."""
        return self._values()[0][list(settings)] if self._learn() else np.full(len(settings), np.nan)

    def chances(self, groups: Sequence[Sequence[int]]) -> Floats:
        """(groups,) how likely the best setting of each group of settings is the best of all."""
        numbers = [number for group in groups for number in group]
        of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        worlds = tuple(
            self._surfaces[name].draws(self._rows(np.array(numbers)), _WORLDS, self._rng) for name in self.goal.corpora
        )
        best = of[np.argmin(self.goal.expected(worlds, tuple(np.zeros((1, len(numbers))) for _ in worlds)), axis=1)]
        return np.asarray(np.bincount(best, minlength=len(groups)) / len(best))

    def lose(self, run: int) -> None:
        """A run diverged: its losses count as far above the worst that was seen as that is above the best."""
        seen = [losses for each in self.runs for losses in each.losses.values()]
        if seen:
            worst = {name: max(losses[name] for losses in seen) for name in self.goal.corpora}
            best = {name: min(losses[name] for losses in seen) for name in self.goal.corpora}
            self.observe(run, self.checkpoints[-1], {name: 2 * worst[name] - best[name] for name in worst})

    def next(
        self,
        affordable: float = float("inf"),
        pending: Sequence[Choice] = (),
        *,
        faithful: int | None = None,
        faith: float = 1.0,
        fresh: bool = True,
    ) -> Choice | None:
        """The measurement with the largest expected saving for its cost.

        Args:
            affordable: What may be spent; costs are tokens times their price.
            pending: Choices whose measurements have not come in yet: they are supposed to come out as expected.
            faithful: A run that is at hand.
            faith: What its rate of saving counts for, as a multiple.
            fresh: Whether runs may be started.

        Returns:
            None where nothing is affordable, left, or worth its cost any more (`satisfied`). What is recommended is
            trained to its end before that.
        """
        self.satisfied = False
        opening = [setting for setting in self._first if setting not in {run.setting for run in self.runs}]
        if opening and fresh:
            return self._opening(opening[0], affordable)
        if not self._learn(pending):
            return None
        choices = self._choices(affordable, {choice.run for choice in pending}, fresh)
        if not choices:
            return None
        best = self._weigh(choices, {faithful: faith})
        return self._proof(affordable, pending, fresh) if self._is_over(best) else best

    def regret(self) -> float:
        """By how much the best setting is expected to beat the recommended one, nats."""
        if not self._learn():
            return float("inf")
        decided = self._decisions()
        worlds = tuple(
            self._surfaces[name].draws(self._rows(decided), _WORLDS, self._rng) for name in self.goal.corpora
        )
        return regret(self.goal, worlds, int(np.argmin(self._values()[0][decided])))

    # -----------------------------------------------------------------------------------------------------------------

    def _is_over(self, best: Choice) -> bool:
        """Whether not even the best choice is worth its cost any more."""
        worth = ENOUGH * abs(self.recommend().value)
        return (best.saving or 0.0) < _HARDLY * worth or self.regret() < worth

    def _proof(self, affordable: float, pending: Sequence[Choice], fresh: bool) -> Choice | None:
        """The way on for what is recommended, which nothing but extrapolation may speak for; None at its end."""
        setting = self.recommend().setting
        runs = [k for k, run in enumerate(self.runs) if run.setting == setting]
        run = max(runs, key=lambda k: self.runs[k].tokens) if runs else None
        tokens = 0 if run is None else self.runs[run].tokens
        later = [t for t in self.checkpoints if t > tokens]
        over = not later or (run is None and not fresh) or (run is not None and self.runs[run].over)
        if not over and run is not None and run in {choice.run for choice in pending}:
            return None
        cost = (later[0] - tokens) * self.price(setting) if later else 0.0
        self.satisfied = over
        return None if over or cost > affordable else Choice(setting, run, later[0], cost, None)

    def _learn(self, pending: Sequence[Choice] = ()) -> bool:
        """Bring the surfaces up to date; False where nothing was measured."""
        measured = [(k, self.runs[k], t) for k, t in rows_kept(self.runs, self.goal)]
        if not measured:
            return False
        key = tuple((k, t) for k, run in enumerate(self.runs) for t in run.losses)
        if key != self._known:
            rows = self._measured(measured)
            for name, surface in self._surfaces.items():
                surface.learn(rows, np.array([run.losses[t][name] for _, run, t in measured]))
            self._known, self._valued = key, None
        if pending:
            self._suppose(measured, pending)
        return True

    def _suppose(self, measured: list[tuple[int, Run, int]], pending: Sequence[Choice]) -> None:
        rows, supposed = self._measured(measured), self._outcomes(pending)
        for name, surface in self._surfaces.items():
            expected, _ = surface.levels(supposed)
            known = np.array([run.losses[t][name] for _, run, t in measured])
            surface.suppose(rows.and_then(supposed), np.concatenate([known, expected]))
        self._known, self._valued = (), None  # what is supposed is forgotten as soon as there is more to learn

    def _measured(self, measured: list[tuple[int, Run, int]]) -> Rows:
        return Rows(
            self._x[[run.setting for _, run, _ in measured]],
            np.array([self._u(t) for _, _, t in measured]),
            np.array([k for k, _, _ in measured]),
        )

    def _outcomes(self, choices: Sequence[Choice]) -> Rows:
        return Rows(
            self._x[[choice.setting for choice in choices]],
            np.array([self._u(choice.tokens) for choice in choices]),
            np.array([_NEW_RUN + k if c.run is None else c.run for k, c in enumerate(choices)]),
        )

    def _u(self, tokens: float) -> float:
        return float(np.log(tokens / self.asked))

    def _rows(self, settings: Ints) -> Rows:
        """Settings at the tokens asked, without any run's luck."""
        return Rows(self._x[settings], np.zeros(len(settings)), np.full(len(settings), -1))

    def _values(self) -> tuple[Floats, Floats]:
        """(settings,) expected objective, and what it is where all losses come out well."""
        if self._valued is None:
            everywhere = self._rows(np.arange(len(self.settings)))
            found = [self._surfaces[name].levels(everywhere) for name in self.goal.corpora]
            value = self.goal.expected(tuple(mean for mean, _ in found), tuple(spread for _, spread in found))
            lucky = tuple(mean - _CAUTION * spread for mean, spread in found)
            self._valued = value, self.goal.expected(lucky, tuple(np.zeros(1) for _ in found))
        return self._valued

    def _decisions(self) -> Ints:
        """Settings that may turn out to be the best, the one recommended now among them."""
        value, hopeful = (each[self._eligible] for each in self._values())
        return np.asarray(self._eligible[np.union1d(best_first(hopeful, _DECISIONS), [np.argmin(value)])])

    def _opening(self, setting: int, affordable: float) -> Choice | None:
        tokens = next((t for t in self.checkpoints if t >= _EARLY * self.asked), self.checkpoints[-1])
        cost = tokens * float(self._price[setting])
        return Choice(setting, None, tokens, cost, None) if cost <= affordable else None

    def _choices(self, affordable: float, busy: set[int | None], fresh: bool) -> list[Choice]:
        found = []
        for number, run in enumerate(self.runs):
            if not run.over and number not in busy and run.tokens < self.checkpoints[-1]:
                found += self._lengths(run.setting, number, run.tokens)
        for setting in self._fresh() if fresh else ():
            found += self._lengths(int(setting), None, 0)
        return [choice for choice in found if choice.cost <= affordable]

    def _fresh(self) -> Ints:
        """Settings not run yet: the most hopeful ones, and some by chance of those that follow."""
        hopeful = self._values()[1].copy()
        hopeful[[run.setting for run in self.runs]] = np.inf
        likely = best_first(hopeful, 2 * _FRESH)
        likely = likely[np.isfinite(hopeful[likely])]
        chance = self._rng.permutation(likely[_FRESH // 2 :])[: _FRESH // 2]
        return np.concatenate([likely[: _FRESH // 2], chance])

    def _lengths(self, setting: int, run: int | None, tokens: int) -> list[Choice]:
        later = [t for t in self.checkpoints if t > tokens]
        kept = {later[k] for k in np.linspace(0, len(later) - 1, _HORIZONS).round().astype(int)}
        return [Choice(setting, run, t, (t - tokens) * float(self._price[setting]), 0.0) for t in sorted(kept)]

    def _weigh(self, choices: list[Choice], favoured: Mapping[int | None, float]) -> Choice:
        gains = savings(self.goal, self._prospects(self._decisions(), choices))
        favour = np.array([1.0 if c.run is None else favoured.get(c.run, 1.0) for c in choices])
        at = int(np.argmax(favour * gains / np.array([choice.cost for choice in choices])))
        best = choices[at]
        done = 0 if best.run is None else self.runs[best.run].tokens
        first = next(t for t in self.checkpoints if t > done)
        return Choice(
            best.setting, best.run, first, (first - done) * float(self._price[best.setting]), float(gains[at])
        )

    def _prospects(self, decided: Ints, choices: Sequence[Choice]) -> tuple[Prospect, ...]:
        decisions, outcomes = self._rows(decided), self._outcomes(choices)
        return tuple(self._surfaces[name].prospect(decisions, outcomes) for name in self.goal.corpora)
