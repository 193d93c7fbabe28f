from sweeper.experiment.advice import warnings
from sweeper.experiment.evaluation_budget import evaluation_tokens
from sweeper.experiment.loading import parse_experiment
from tests.experiment.data import whole


def test_the_trial_that_can_afford_least_decides_for_all() -> None:
    # Two corpora. Search: 80k tokens, three evaluations; law: 160k, six; confirm: 240k, six and the test part.
    assert evaluation_tokens(parse_experiment(whole(evaluation={"share": 0.06}))) == 0.06 * 80_000 / 6
    asked = whole(evaluation={"share": 0.06}, search__rungs=[0.5], law__evaluations=12)
    assert evaluation_tokens(parse_experiment(asked)) == 0.06 * 160_000 / 24


def test_more_trials_change_no_evaluation() -> None:
    few, many = (whole(evaluation={"share": 0.06}, search__trials=n, law__replicates=n) for n in (2, 40))
    assert evaluation_tokens(parse_experiment(few)) == evaluation_tokens(parse_experiment(many))


def test_a_share_that_is_never_reached_leaves_the_tokens_asked_for() -> None:
    assert evaluation_tokens(parse_experiment(whole(evaluation={"max_tokens": "4k", "share": 0.7}))) == 4000


def test_a_share_that_makes_losses_noisier_is_said() -> None:
    said = warnings(parse_experiment(whole(evaluation={"share": 0.06})))
    assert [line for line in said if "leaves 800 tokens of each corpus an evaluation, not 8k" in line] == said
