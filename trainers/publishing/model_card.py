"""The README.md of an exported model: a Hugging Face model card, made from the trial's document alone."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

_METHODS = {
    "full": "all weights trained",
    "lora": "low-rank adapters (LoRA), merged into the base model",
    "qlora": "low-rank adapters on the base model in NF4 (QLoRA), merged into the base model's own weights",
}


def model_card(document: dict[str, Any]) -> str:
    """The card of the whole model.

    Args:
        document: of `trial_document`.
    """
    return "\n".join([*_front_matter(document), "", *_body(document)]) + "\n"


def adapter_card(document: dict[str, Any]) -> str:
    """The card of the adapters alone."""
    base, lora = document["base_model"], document["spec"]["lora"]
    fields = _fields(document) | {"library_name": "peft"}
    if "base_model" in fields:
        fields["base_model_relation"] = "adapter"
    lines = [
        *_yaml(fields),
        "",
        f"# Adapters for {base['name']}",
        "",
        f"Rank {lora['r']}, alpha {lora['alpha']:g}. `PeftModel.from_pretrained(base, FOLDER)` puts them on the base "
        f"model {base['name']} (fingerprint `{base['fingerprint']}`). The folder above holds the two merged, with what "
        "was measured and how they were trained.",
    ]
    return "\n".join(lines) + "\n"


# Front matter ---------------------------------------------------------------------------------------------------------


def _front_matter(document: dict[str, Any]) -> list[str]:
    return _yaml(_fields(document))


def _fields(document: dict[str, Any]) -> dict[str, Any]:
    base = document["base_model"]
    fields: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        **{key: value for key, value in base.items() if key.startswith("license")},
        "tags": ["continual-pre-training", document["spec"]["method"], "sweeper"],
    }
    if base["hub_name"]:  # the hub takes names of its own only
        fields |= {"base_model": base["hub_name"], "base_model_relation": "finetune"}
    data_sets = [s.removeprefix("hf:").split(":")[0] for c in _trained_on(document) for s in c["sources"] if _hub(s)]
    if data_sets:
        fields["datasets"] = sorted(set(data_sets))
    return fields


def _hub(source: str) -> bool:
    return source.startswith("hf:")


def _yaml(fields: dict[str, Any]) -> list[str]:
    """JSON values are YAML values."""
    return ["---", *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()), "---"]


# Text -----------------------------------------------------------------------------------------------------------------


def _body(document: dict[str, Any]) -> list[str]:
    return [
        *_introduction(document),
        *_section("Use", _use()),
        *_section("Training text", _data(document)),
        *_section("Measured losses", _losses(document)),
        *_section("Training", _training(document)),
        *_section("Licence", _licence(document)),
    ]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return ["", f"## {title}", "", *lines]


def _introduction(document: dict[str, Any]) -> list[str]:
    base, names = document["base_model"], [corpus["name"] for corpus in _trained_on(document)]
    on = f"on {document['tokens']:,} tokens of {' and '.join(names)}" if names else "no further"
    how = _METHODS[document["spec"]["method"]]
    if base["config"] is not None:
        return [f"# {base['name']}", "", f"Pre-trained from random weights {on}."]
    title = f"# {base['name']}" + (f" adapted to {_largest(document)}" if names else "")
    return [title, "", f"{base['name']}, pre-trained {on}: {how}. Next-token training on plain text; no instructions."]


def _use() -> list[str]:
    return [
        "```python",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        "tokenizer = AutoTokenizer.from_pretrained(FOLDER)",
        'model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype="auto")',
        "```",
    ]


def _data(document: dict[str, Any]) -> list[str]:
    rows = [
        (c["name"], f"{c['share']:.2%}" if c["share"] else "none, measured only", f"{c['unique_tokens']:,}",
         f"{c['train_tokens']:,}", ", ".join(c["sources"]), f"`{c['fingerprint']}`")
        for c in document["corpora"]
    ]  # fmt: skip
    heads = ("corpus", "share of training tokens", "distinct tokens seen", "tokens there are", "source", "fingerprint")
    return _table(heads, rows)


def _losses(document: dict[str, Any]) -> list[str]:
    spec, exported = document["spec"], document["exported"]
    first, last = document["measurements"][0], document["measurements"][-1]
    before = {(x["corpus"], x["split"]): x["loss"] for x in first["losses"]} if first["tokens"] == 0 else {}
    ends = {(x["corpus"], x["split"]): x for x in last["losses"]}
    after = {(x["corpus"], x["split"]): x for x in exported["losses"]}
    rows = []
    for key, loss in after.items():
        trained = _number(loss["trained"]) + _error(ends[key]["stderr"])
        perplexity = f"{math.exp(min(loss['exported'], 700.0)):.3f}"
        bits = _number(ends[key]["bits_per_byte"])
        began = [_number(before.get(key))] if before else []
        rows.append((*key, *began, trained, _number(loss["exported"]), perplexity, bits))
    first_loss = ["before training"] if before else []
    heads = ("corpus", "part", *first_loss, "trained", "this export", "its perplexity", "bits per byte, trained")
    through = "through NF4 and adapters" if spec["method"] == "qlora" else "as it was trained"
    masked = "" if spec["document_mask"] else ", attention crossing from one document to the next"
    return [
        f"Nats per token on held-out text in blocks of {spec['max_seq_length']} tokens{masked}. `trained` is measured "
        f"{through}; `this export` is these files ({exported['dtype']}), loaded again, on the same blocks. ± is the "
        "standard error from the choice of documents.",
        "",
        *_table(heads, rows),
    ]


def _training(document: dict[str, Any]) -> list[str]:
    spec, software = document["spec"], document["software"]
    batch = spec["global_batch_size"]
    rows = [
        ("method", spec["method"]),
        ("learning rate, peak", f"{spec['learning_rate']:g}"),
        ("schedule", _schedule(spec["schedule"])),
        ("optimiser", f"{spec['optimizer']}, betas {spec['adam_betas']}, weight decay {spec['weight_decay']:g}"),
        ("largest gradient norm", f"{spec['max_grad_norm']:g}"),
        ("tokens", f"{document['tokens']:,}"),
        ("sequences a step", f"{batch} of {spec['max_seq_length']} tokens"),
        ("documents attend to each other within a block", "no" if spec["document_mask"] else "yes"),
        ("precision", spec["precision"]),
        ("seed", str(spec["seed"])),
        ("software", ", ".join(f"{name} {version}" for name, version in software.items() if version)),
        ("trial", f"`{document['trial']}`"),
    ]
    if spec["lora"] is not None:
        rows.insert(1, ("adapters", _named(spec["lora"])))
    holds = "`trial.json` holds all of it, with every measurement since the trial began or, after a stop, went on."
    return [*_table(("setting", "value"), rows), "", holds]


def _licence(document: dict[str, Any]) -> list[str]:
    stated = document["base_model"]["license"]
    known = "no licence is known" if stated == "unknown" else f"the licence is `{stated}`"
    return [
        f"Of the base model, by its own card, {known}; its terms hold for this model too. The licences of the training "
        "texts are not recorded here: whoever publishes this model states them."
    ]


def _trained_on(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [corpus for corpus in document["corpora"] if corpus["share"] > 0 and document["tokens"] > 0]


def _largest(document: dict[str, Any]) -> str:
    return str(max(_trained_on(document), key=lambda corpus: corpus["share"])["name"])


def _schedule(schedule: dict[str, Any]) -> str:
    kept = {key: value for key, value in schedule.items() if schedule["type"] == "wsd" or not key.startswith("decay")}
    return _named({key: value for key, value in kept.items() if value != 0.0})


def _named(section: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in section.items() if value is not None)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _error(value: float | None) -> str:
    return "" if value is None else f" ± {value:.4f}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(heads), _row(["---"] * len(heads)), *(_row(row) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
