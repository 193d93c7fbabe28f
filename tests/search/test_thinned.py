from pathlib import Path

from optuna.samplers._tpe.sampler import _split_trials, default_gamma
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.experiment.samplers import Tpe
from sweeper.search.optuna_space import optuna_space
from sweeper.search.thinned import MOST, thinned
from tests.search.searched import SPACE, study


def trials(count: int) -> list[FrozenTrial]:
    """Values that rise and fall; every third breaks the constraint, every fourth is pruned."""
    made = []
    for i in range(count):
        pruned = i % 4 == 3
        trial = create_trial(
            state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
            value=None if pruned else float((i * 37) % 101),
            intermediate_values={100: float(i)},
            constraints={"constraint": 0.5 if i % 3 == 2 else -0.5},
        )
        trial.number = i
        made.append(trial)
    return made


def test_a_small_study_is_shown_whole() -> None:
    assert len(thinned(trials(MOST))) == MOST


def test_a_large_study_keeps_what_tpe_would_imitate(tmp_path: Path) -> None:
    whole, optuna_study = trials(1200), study(tmp_path)._study
    part = thinned(whole)
    assert len(part) == MOST
    below = [
        {t.number for t in _split_trials(optuna_study, some, default_gamma(len(some)))[0]} for some in (whole, part)
    ]
    assert below[0] == below[1] and len(below[0]) == 25


def test_what_is_kept_beside_the_best_is_spread_over_the_whole_study() -> None:
    kept = [t.number for t in thinned(trials(1200))]
    assert all(sum(1 for n in kept if start <= n < start + 200) > 20 for start in range(0, 1200, 200))


def test_the_front_is_kept_where_there_are_several_objectives() -> None:
    made = [
        create_trial(state=TrialState.COMPLETE, values=[float(i), float(-i if i in (3, 777) else 5000 + i)])
        for i in range(900)
    ]
    for i, trial in enumerate(made):
        trial.number = i
    assert {0, 3, 777} <= {t.number for t in thinned(made)}


def test_a_proposal_of_a_large_study_is_made_from_the_thinned_part(tmp_path: Path) -> None:
    asked, space = study(tmp_path, sampler=Tpe()), optuna_space(SPACE)
    for i in range(MOST + 3):
        ratio = 0.1 + 0.8 * (i * 37 % 101) / 101
        values = {"method": "full", "learning_rate.full": 1e-3, "domain_ratio": ratio}
        distributions = {name: space[name] for name in values}
        asked._study.add_trial(create_trial(params=values, distributions=distributions, value=abs(ratio - 0.3)))
    for _ in range(2):
        asked.ask()  # the middle of each method's ranges
    late = [asked.ask()[1].domain_ratio for _ in range(6)]
    assert sum(abs(ratio - 0.3) < 0.1 for ratio in late) >= 4
