"""`recommend`: decisions from fitted laws, one use each."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.cli.laws_file import read_laws, sizes_of
from sweeper.cli.recommend_text import print_critical, print_recommendation
from sweeper.cli.top import print_json
from sweeper.errors import SweeperError

if TYPE_CHECKING:
    from sweeper.laws import LawSet

_MAX_INCREASE = 0.03
_COMMON = ("corpus", "domain", "max_increase", "base_loss", "confidence", "min_ratio", "max_ratio")
_OPTIONS = {
    "tradeoff": (*_COMMON, "tokens", "params"),
    "limited-domain": (*_COMMON, "domain_tokens", "params"),
    "compute": (*_COMMON, "flops", "sizes", "ratio"),
    "critical-ratio": (*_COMMON, "tokens", "params", "max_increase_nats"),
}
"""What each use takes; the first that is not common is needed."""


def add_recommend(verbs: Any) -> None:
    """`recommend LAWS --use USE ...`."""
    verb = verbs.add_parser("recommend", help="the ratio with the lowest target loss that holds the constraint")
    verb.add_argument("laws", type=Path, help="laws.json, or the folder that holds it")
    verb.add_argument(
        "--use",
        choices=list(_OPTIONS),
        default="tradeoff",
        help="tradeoff (default): the ratio for given tokens; limited-domain: for a given amount of domain text; "
        "compute: size, tokens and ratio for given FLOPs; critical-ratio: the largest ratio that the limit bears",
    )
    verb.add_argument("--tokens", help="training tokens of the run to come, as in 2M; critical-ratio: or 1B,2B,5B")
    verb.add_argument("--domain-tokens", help="limited-domain: how many tokens of the domain there are")
    verb.add_argument("--flops", type=float, help="compute: of the run to come, as in 1e21 (6 * params * tokens)")
    verb.add_argument("--sizes", help="compute: parameters to choose from, as in 0.5B,1.8B; default: as measured")
    verb.add_argument("--ratio", type=float, help="compute: the domain ratio, where it is settled")
    verb.add_argument("--params", help="parameters of the run to come, as in 1.3B; default: the largest measured")
    verb.add_argument("--max-increase", type=float, help="how far the loss may rise: 0.03 (default) is 3 %%")
    verb.add_argument("--max-increase-nats", type=float, help="critical-ratio: the same in nats a token")
    verb.add_argument(
        "--corpus", action="append", metavar="NAME", help="the constrained corpus, repeatable; default: the only other"
    )
    verb.add_argument(
        "--domain", "--target", metavar="NAME", help="the corpus whose loss is minimised; default: the target"
    )
    verb.add_argument(
        "--base-loss", action="append", metavar="[NAME=]LOSS", help="its loss before training; default: measured"
    )
    verb.add_argument("--confidence", type=float, help="hold the constraint with this probability, as in 0.9")
    verb.add_argument("--min-ratio", type=float, help="smallest domain ratio to consider")
    verb.add_argument("--max-ratio", type=float, help="largest")
    verb.add_argument("--json", action="store_true", help="print one object")
    verb.set_defaults(verb=recommend_verb, refuse=verb.error)


def recommend_verb(arguments: argparse.Namespace) -> int:
    """Recommend from fitted laws."""
    _check_options(arguments)
    laws = read_laws(arguments.laws)
    found = _USES[arguments.use](laws, arguments)
    if arguments.json:
        print_json(found.to_dict())
    elif arguments.use == "critical-ratio":
        print_critical(found)
    else:
        print_recommendation(found)
    return 0


def _check_options(arguments: argparse.Namespace) -> None:
    """Every option belongs to the use, and what the use needs is there."""
    taken = _OPTIONS[arguments.use]
    for name in sorted({name for names in _OPTIONS.values() for name in names} - set(taken)):
        if getattr(arguments, name) is not None:
            uses = ", ".join(use for use, names in _OPTIONS.items() if name in names)
            raise SweeperError(f"{_flag(name)}: --use {arguments.use} does not take it; it is for {uses}")
    needed = taken[len(_COMMON)]
    if getattr(arguments, needed) is None:
        arguments.refuse(f"{_flag(needed)}: --use {arguments.use} needs it")
    rise = arguments.max_increase
    if rise is not None and rise > 1:
        raise SweeperError(f"--max-increase: {rise:g} is {rise:.0%} of the base loss; {rise:g} % is {rise / 100:g}")


def _tradeoff(laws: "LawSet", arguments: argparse.Namespace) -> Any:
    from sweeper.laws import recommend_tradeoff

    constraint = _limits(laws, arguments, _MAX_INCREASE if arguments.max_increase is None else arguments.max_increase)
    return recommend_tradeoff(
        laws, constraint=constraint, tokens=_amount("--tokens", arguments.tokens), params=_params(laws, arguments),
        **_searched(laws, arguments),
    )  # fmt: skip


def _limited_domain(laws: "LawSet", arguments: argparse.Namespace) -> Any:
    from sweeper.laws import recommend_limited_domain

    return recommend_limited_domain(
        laws,
        domain_tokens=_amount("--domain-tokens", arguments.domain_tokens),
        params=_params(laws, arguments),
        constraint=_constraint(laws, arguments),
        **_searched(laws, arguments),
    )


def _compute(laws: "LawSet", arguments: argparse.Namespace) -> Any:
    from sweeper.laws import recommend_compute

    return recommend_compute(
        laws,
        flops=arguments.flops,
        ratio=arguments.ratio,
        sizes=None if arguments.sizes is None else _amounts("--sizes", arguments.sizes),
        constraint=_constraint(laws, arguments),
        **_searched(laws, arguments),
    )


def _critical(laws: "LawSet", arguments: argparse.Namespace) -> Any:
    from sweeper.laws import critical_ratio

    names = _corpora(laws, arguments)
    if len(names) != 1:
        raise SweeperError(f"--corpus: --use critical-ratio bounds one corpus; {len(names)} are named")
    searched = _searched(laws, arguments)
    target = searched.pop("target")
    if target != laws.target:
        raise SweeperError(f"--domain: the ratio is the share of {laws.target!r}; --use critical-ratio takes no other")
    nats = arguments.max_increase_nats
    part = _MAX_INCREASE if arguments.max_increase is None and nats is None else arguments.max_increase
    return critical_ratio(
        laws,
        corpus=names[0],
        tokens=_amounts("--tokens", arguments.tokens),
        params=_params(laws, arguments),
        max_increase=part,
        max_increase_nats=nats,
        base_loss=_base_losses(arguments, names).get(names[0]),
        **searched,
    )


_USES: dict[str, Callable[["LawSet", argparse.Namespace], Any]] = {
    "tradeoff": _tradeoff,
    "limited-domain": _limited_domain,
    "compute": _compute,
    "critical-ratio": _critical,
}


def _searched(laws: "LawSet", arguments: argparse.Namespace) -> dict[str, Any]:
    """What every use searches: whose loss, between which ratios, how sure."""
    return {
        "target": arguments.domain or laws.target,
        "low": 0.0 if arguments.min_ratio is None else arguments.min_ratio,
        "high": 1.0 if arguments.max_ratio is None else arguments.max_ratio,
        "confidence": arguments.confidence,
    }


def _constraint(laws: "LawSet", arguments: argparse.Namespace) -> dict[str, tuple[float | None, float]] | None:
    """The limits where they are asked for; None where the use goes without."""
    if arguments.max_increase is not None:
        return _limits(laws, arguments, arguments.max_increase)
    for name in ("corpus", "base_loss", "confidence"):
        if getattr(arguments, name) is not None:
            raise SweeperError(f"{_flag(name)}: it belongs to a limit; give --max-increase as well")
    return None


def _limits(laws: "LawSet", arguments: argparse.Namespace, increase: float) -> dict[str, tuple[float | None, float]]:
    """Corpus to (base loss or None: measured, largest increase)."""
    names = _corpora(laws, arguments)
    bases = _base_losses(arguments, names)
    return {name: (bases.get(name), increase) for name in names}


def _corpora(laws: "LawSet", arguments: argparse.Namespace) -> list[str]:
    if arguments.corpus:
        return list(dict.fromkeys(arguments.corpus))
    from sweeper.laws.tables.names import listed

    others = [name for name in laws.corpora if name in laws.remainder]
    if not others:
        raise SweeperError(
            f"--corpus: there is no law of a corpus beside {laws.target}, so no loss can be limited; fit a table that "
            "has general losses"
        )
    if len(others) > 1:
        raise SweeperError(f"--corpus: name what is constrained (again for more), of {listed(others)}")
    return others


def _base_losses(arguments: argparse.Namespace, names: list[str]) -> dict[str, float]:
    """`NAME=LOSS` by name; a plain number where one corpus is constrained."""
    bases: dict[str, float] = {}
    for text in arguments.base_loss or []:
        name, equals, value = text.rpartition("=")
        if not equals and len(names) != 1:
            raise SweeperError(f"--base-loss: {text!r} names no corpus; write NAME=LOSS, for {', '.join(names)}")
        name = name if equals else names[0]
        if name not in names:
            raise SweeperError(f"--base-loss: {name!r} is not constrained; constrained is {', '.join(names)}")
        try:
            bases[name] = float(value)
        except ValueError:
            raise SweeperError(f"--base-loss: {value!r} is not a number of nats; write {name}=2.86") from None
    return bases


def _params(laws: "LawSet", arguments: argparse.Namespace) -> float:
    """The largest measured size where none is given; 1, for the only one, where the table did not say sizes."""
    sizes = sizes_of(laws)
    given = None if arguments.params is None else _amount("--params", arguments.params)
    if given is not None and not sizes:
        print("note: the table has no params, so the laws are of one size; --params is not used", file=sys.stderr)
    return (given or sizes[-1]) if sizes else 1.0


def _amounts(flag: str, text: str) -> list[float]:
    return [_amount(flag, part) for part in text.split(",") if part.strip()]


def _amount(flag: str, text: str) -> float:
    """A quantity, as in 160000, 1.6e5 or 160k."""
    from sweeper.laws.tables.parsing import parse_number

    try:
        value = parse_number(text, amount=True)
    except ValueError as error:
        raise SweeperError(f"{flag}: {text!r}, {error}; write it as in 160000, 160k or 1.5B") from None
    if not value > 0:
        raise SweeperError(f"{flag}: {text!r} is not above 0; write it as in 160000, 160k or 1.5B")
    return value


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
