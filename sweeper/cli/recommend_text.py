"""What `recommend` says to a person."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweeper.laws import CriticalPoint, CriticalRatio, Recommendation


def print_recommendation(found: "Recommendation") -> None:
    """The choice with its interval, losses, how likely the limit holds, and why not to trust it."""
    low, high = found.interval
    print(f"mix {found.domain_ratio:.1%} {found.target} text (90 % interval {low:.1%} to {high:.1%})")
    for name, value, interval in (
        ("parameters", found.params, found.params_interval),
        ("tokens", found.tokens, found.tokens_interval),
    ):
        if interval is not None:
            print(f"{name} {value:.4g} (90 % interval {interval[0]:.4g} to {interval[1]:.4g})")
    for name in (shown := [*found.constraint, found.target]):
        loss = found.predicted[name]
        print(f"{name}: predicted loss {loss.loss:.4f} [{loss.low:.4f}, {loss.high:.4f}]")
    if others := set(found.predicted) - set(shown):
        print(f"predicted losses of {len(others)} other corpora: --json")
    for name, (base, increase) in found.constraint.items():
        chance = f"stays within {increase:.1%} of {base:.4f} with probability {found.p_constraint:.2f}"
        print(f"{name} {chance if len(found.constraint) == 1 else f'is to stay within {increase:.1%} of {base:.4f}'}")
    if len(found.constraint) > 1:
        print(f"a run holds all of these with probability {found.p_constraint:.2f}")
    print(f"expected regret {found.regret:.4f} nats of {found.target} loss against the best ratio")
    _print_words(found.trust, found.notes)


def print_critical(found: "CriticalRatio") -> None:
    """A line a number of tokens."""
    print(f"{found.corpus} may lose up to {found.limit:.4f} nats a token (before training: {found.base_loss:.4f})")
    for point in found.points:
        print(_critical_line(point))
    _print_words(found.trust, found.notes)


def _critical_line(point: "CriticalPoint") -> str:
    at = f"at {point.tokens:.4g} tokens:"
    if point.domain_ratio is None or point.interval is None:
        return f"{at} no measured ratio holds it (one may with probability {point.p_feasible:.2f})"
    low, high = point.interval
    chance = f"a run at it holds the limit with probability {point.p_constraint:.2f}"
    return f"{at} up to {point.domain_ratio:.1%} (90 % interval {low:.1%} to {high:.1%}); {chance}"


def _print_words(trust: list[str], notes: list[str]) -> None:
    for word in trust:
        print(f"do not trust: {word}")
    for note in notes:
        print(f"note: {note}")
