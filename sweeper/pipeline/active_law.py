"""The law's trials where the design is active: which ratio, size, learning rate and rank, and for how many tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from sweeper.design.axes import Axis
from sweeper.design.axes import Setting as Values
from sweeper.design.chooser import Chooser
from sweeper.design.saving import Goal
from sweeper.experiment.quantities import format_tokens
from sweeper.pipeline.active_search import EXCESS, TARGET
from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.compare import Comparison
from sweeper.pipeline.search import Found, objective_for
from sweeper.pipeline.session import Session
from sweeper.pipeline.settings import Setting
from sweeper.pipeline.specs import SpecFactory, recipe_of
from sweeper.search.designed import DesignedTrials, Enough
from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement
from trainers.spec import TrialSpec

FACTORS = (0.5, 1.0, 2.0)
"""Learning rates and ranks that a law's run may have, as multiples of what the search found."""
RATIOS = 9
"""Ratios beside the file's own, evenly between its least and its largest."""
MOVES = 0.8
"""How likely another learning rate or rank must be the better one to take the place of what the search found."""
LEAST = 0.5
"""Share of the law's tokens that its runs at the ends of the ratio have in any case: between them laws hold."""
NEAR = 0.1
"""How far from the best ratio a measured one may be at most."""
BEGUN, DECIDED = "active law: trials", "active law: setting"


@dataclass(frozen=True)
class Point:
    """What a law's run trains, beside the method and the recipe."""

    base: str
    ratio: float
    learning_rate: float
    lora_r: int | None

    @property
    def rate_and_rank(self) -> tuple[float, int | None]:
        """What all rows of one law have in common."""
        return self.learning_rate, self.lora_r


class ActiveLaw:
    """Chooses and runs the law's trials (their `sweeper.search.designed.Book` too).

    Args:
        session: The run.
        factory: Makes specs.
        losses: Of the base models.
        found: Of the search, whose trials say something of the law's.
        comparison: The method, and its setting.
    """

    def __init__(
        self, session: Session, factory: SpecFactory, losses: BaseLosses, found: Found, comparison: Comparison
    ) -> None:
        self._session, self._factory, self._study = session, factory, found.study
        self._comparison, self._setting, self._losses = comparison, comparison.setting, losses
        bases = session.experiment.base_models
        self._objectives = {base: objective_for(session.experiment, losses, base) for base in bases}
        searched = [(self._point_of(record.spec), record) for record in found.records if self._says_something(record)]
        begun = [(point, self._record(point)) for point in self._begun()]
        known = [*searched, *begun]
        self._points = list(dict.fromkeys([*self._candidates(), *(point for point, _ in known)]))
        self._chooser = self._make_chooser()
        runs = [(self._points.index(point), record) for point, record in known]
        trials = 10 * len(session.experiment.law.domain_ratio) + len(searched)
        enough = Enough(trials, self.fixed_cost + self._cost(searched))
        least = {
            self._points.index(point): int(LEAST * session.experiment.law.max_tokens) for point in self._found_ends
        }
        self._source = DesignedTrials(self._chooser, self, enough, self._read, runs, least)

    def run(self) -> tuple[Comparison, list[TrialRecord]]:
        """Run what is worth it; the comparison with the setting to train, and the trials that laws are fitted to."""
        if not self._study.decided(DECIDED):
            self._session.drive(self._source)
            for record in self._source.close():
                self._session.settle(record)
        rate, rank, ratio = self._study.frozen(DECIDED, self._decide)
        needed = [*self._ends(rate, rank), *self._near(ratio, rate, rank)]
        self._session.run([self._spec(point) for point in needed], "law")
        setting = replace(self._setting, learning_rate=rate, lora_r=rank)
        settings = {**self._comparison.settings, self._comparison.chosen: setting}
        trials = [self._record(point) for point in dict.fromkeys([*self._begun(), *needed])]
        self._session.say(self._saved(trials))
        return replace(self._comparison, settings=settings), self._fitted(trials, setting)

    # The book --------------------------------------------------------------------------------------------------------

    def begin(self, setting: int) -> TrialRecord:
        """The trial of a point; noted, so that a later call knows of it."""
        point = self._points[setting]
        self._study.note(BEGUN, asdict(point))
        return self._record(point)

    def tell(self, record: TrialRecord) -> None:
        """The trials' own records say how they ended."""

    # What may be run -------------------------------------------------------------------------------------------------

    def _candidates(self) -> Iterator[Point]:
        given = self._session.experiment.law.domain_ratio
        between = np.linspace(min(given), max(given), RATIOS).round(3).tolist()
        target = self._factory.target_model
        for base in self._session.experiment.base_models:
            for ratio in sorted({*given, *between}):
                for factor in FACTORS:
                    for rank in self._ranks() if base == target else (self._setting.lora_r,):
                        yield Point(base, ratio, factor * self._setting.learning_rate, rank)

    def _ranks(self) -> tuple[int | None, ...]:
        found = self._setting.lora_r
        return (None,) if found is None else tuple(sorted({max(1, round(factor * found)) for factor in FACTORS}))

    def _ends(self, rate: float, rank: int | None) -> list[Point]:
        """Without these no law of the ratio: its ends, and the one at which methods were compared."""
        given = self._session.experiment.law.domain_ratio
        ratios = (min(given), self._comparison.ratio, max(given))
        return [Point(self._factory.target_model, ratio, rate, rank) for ratio in ratios]

    def _near(self, ratio: float, rate: float, rank: int | None) -> list[Point]:
        """A run near the ratio that the design takes for the best, where there is none yet."""
        at = Point(self._factory.target_model, ratio, rate, rank)
        of_law = [p for p in self._begun() if p.base == at.base and p.rate_and_rank == at.rate_and_rank]
        return [] if any(abs(p.ratio - ratio) <= NEAR for p in of_law) else [at]

    @property
    def _found_ends(self) -> list[Point]:
        return self._ends(self._setting.learning_rate, self._setting.lora_r)

    def _make_chooser(self) -> Chooser:
        experiment, target = self._session.experiment, self._factory.target_model
        first = self._found_ends
        settings = [self._values(point) for point in self._points]
        return Chooser(
            _axes(settings),
            settings,
            self._spec(first[0]).evaluate_at,
            Goal(TARGET, EXCESS, 0.0, experiment.search.penalty),
            asked=experiment.confirm.tokens,
            eligible=[number for number, point in enumerate(self._points) if point.base == target],
            first=[self._points.index(point) for point in first],
            spread=False,
            seed=experiment.seed,
            cost=lambda values: float(values["size"]) / self._losses.params(target),
        )

    def _values(self, point: Point) -> Values:
        values: dict[str, str | int | float] = {
            "size": self._losses.params(point.base),
            "ratio": point.ratio,
            "learning_rate": point.learning_rate,
        }
        return values if point.lora_r is None else {**values, "lora_r": point.lora_r}

    # What is known ---------------------------------------------------------------------------------------------------

    def _begun(self) -> list[Point]:
        """Points that were begun, by this call or an earlier one, the comparison's own among them."""
        setting = self._setting
        pivot = Point(self._factory.target_model, self._comparison.ratio, setting.learning_rate, setting.lora_r)
        return [pivot, *(Point(**noted) for noted in self._study.noted(BEGUN))]

    def _says_something(self, record: TrialRecord) -> bool:
        """Whether a trial of the search differs from the law's in nothing that the law does not vary."""
        fields, target = self._session.experiment.search.space.fields, self._session.experiment.target
        same = record.spec.method == self._setting.method and record.spec.model.name in self._objectives
        measured = record.state != "failed" and record.last is not None
        return same and measured and recipe_of(record.spec, target, fields) == self._setting.recipe

    def _point_of(self, spec: TrialSpec) -> Point:
        ratio = spec.mixture.get(self._session.experiment.target, 0.0)
        return Point(spec.model.name, ratio, spec.learning_rate, spec.lora.r if spec.lora else None)

    def _record(self, point: Point) -> TrialRecord:
        return self._session.record(self._spec(point), "law")

    def _spec(self, point: Point) -> TrialSpec:
        """A law's trial that may be left at any of its measurements."""
        setting = self._setting
        spec = self._factory.law(
            point.base, setting.method, point.learning_rate, point.lora_r, point.ratio, recipe=setting.recipe
        )
        return spec.model_copy(update={"rungs": spec.evaluate_at[:-1]})

    def _read(self, record: TrialRecord, measurement: Measurement) -> dict[str, float]:
        objective = self._objectives[record.spec.model.name]
        return {TARGET: measurement.loss(objective.target), EXCESS: objective.excess(measurement)}

    # What comes out --------------------------------------------------------------------------------------------------

    def _decide(self) -> tuple[float, int | None, float]:
        """Learning rate and rank to train with, and the ratio that the design takes for the best with them.

        They are the search's own, unless others are very likely the better ones.
        """
        found = (self._setting.learning_rate, self._setting.lora_r)
        best = self._points[self._chooser.recommend().setting].rate_and_rank
        if best != found:
            _, moved = self._chooser.chances([self._options(found), self._options(best)])
            best = best if moved >= MOVES else found
        options = self._options(best)
        ratio = self._points[options[int(np.argmin(self._chooser.expected(options)))]].ratio
        return (*best, ratio)

    def _options(self, rate_and_rank: tuple[float, int | None]) -> list[int]:
        points = enumerate(self._points)
        target = self._factory.target_model
        return [number for number, p in points if p.base == target and p.rate_and_rank == rate_and_rank]

    def _fitted(self, trials: Sequence[TrialRecord], setting: Setting) -> list[TrialRecord]:
        """Trials of one learning rate and rank a size: on smaller base models of those with the most tokens."""
        target = self._factory.target_model
        kept = []
        for base in self._session.experiment.base_models:
            of_base = [record for record in trials if record.spec.model.name == base and record.last is not None]
            rates = {record.spec.learning_rate for record in of_base}
            rate = setting.learning_rate if base == target else max(rates, key=lambda r: _tokens(of_base, r), default=0)
            rank = setting.lora_r if base == target else self._setting.lora_r
            kept += [r for r in of_base if self._point_of(r.spec).rate_and_rank == (rate, rank)]
        replicates = [record for record in self._comparison.records[self._comparison.chosen] if record not in kept]
        return kept + [
            r for r in replicates if self._point_of(r.spec).rate_and_rank == (setting.learning_rate, setting.lora_r)
        ]

    @property
    def fixed_cost(self) -> float:
        """Tokens of the fixed design, those of smaller models by their size."""
        law, bases = self._session.experiment.law, self._session.experiment.base_models
        sizes = sum(self._losses.params(base) for base in bases) / self._losses.params(self._factory.target_model)
        return law.max_tokens * len(law.domain_ratio) * sizes

    def _cost(self, trials: Sequence[tuple[Point, TrialRecord]]) -> float:
        target = self._losses.params(self._factory.target_model)
        return sum(r.last.tokens * self._losses.params(p.base) / target for p, r in trials if r.last is not None)

    def _saved(self, trials: Sequence[TrialRecord]) -> str:
        spent = self._cost([(self._point_of(record.spec), record) for record in trials])
        share = 1.0 - spent / self.fixed_cost
        return (
            f"law: {len(trials)} trials, {format_tokens(round(spent))} tokens where the fixed design has "
            f"{format_tokens(round(self.fixed_cost))} ({share:.0%} saved)"
        )


def _tokens(trials: Sequence[TrialRecord], rate: float) -> int:
    return sum(r.last.tokens for r in trials if r.last is not None and r.spec.learning_rate == rate)


def _axes(settings: Sequence[Values]) -> list[Axis]:
    """Those that differ: ratio by itself, the others by their logarithms."""
    axes = []
    for name in ("size", "ratio", "learning_rate", "lora_r"):
        values = {float(setting[name]) for setting in settings if name in setting}
        if len(values) > 1:
            axes.append(Axis(name, "linear" if name == "ratio" else "log", min(values), max(values)))
    return axes
