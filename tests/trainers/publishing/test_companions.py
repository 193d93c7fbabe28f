from pathlib import Path

from trainers.publishing.companions import copy_companions


def test_what_belongs_to_the_tokeniser_goes_and_weights_and_configuration_stay(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "additional_chat_templates").mkdir(parents=True)
    (source / "additional_chat_templates" / "tools.jinja").write_text("t", encoding="utf-8")
    taken = ["tokenizer.model", "vocab.json", "merges.txt", "spiece.model", "generation_config.json", "LICENSE.txt"]
    for name in [*taken, "model.safetensors", "config.json", "README.md"]:
        (source / name).write_text(name, encoding="utf-8")
    target.mkdir()
    copy_companions(source, target)
    assert {p.name for p in target.iterdir()} == {*taken, "additional_chat_templates"}
    assert (target / "additional_chat_templates" / "tools.jinja").read_text(encoding="utf-8") == "t"
