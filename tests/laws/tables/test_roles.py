import numpy as np
import pytest

from sweeper.laws import LawError, table_from_columns
from tests.laws.tables.small_tables import typed

SETS = tuple(f"set{i:02d}" for i in range(24))


def refusal(columns, **options):
    with pytest.raises(LawError) as refused:
        table_from_columns(columns, **options)
    return str(refused.value)


def roles(columns, **named):
    return {**columns, "corpus_role": [named.get(name, "") for name in columns["corpus"]]}


def own(table, corpus):
    """Own share against domain ratio, over the rows after some training."""
    rows = (table.corpus == corpus) & (table.tokens > 0)
    return table.share[rows], table.domain_ratio[rows]


def test_many_corpora_with_one_domain_ratio_are_read_by_their_roles():
    named = {name: "domain" if name >= "set22" else "general" for name in SETS}
    table = table_from_columns(roles(typed(SETS), **named))
    assert table.target == "set22"
    for name in SETS:
        share, ratio = own(table, name)
        assert np.allclose(share, ratio if name >= "set22" else 1 - ratio)
    assert table.remainder == dict.fromkeys(SETS[:22], 1.0)
    assert any("set22, set23 have the role domain: domain_ratio is the share of each" in note for note in table.notes)
    assert any("the share of each of set00, set01" in note and "16 more" in note for note in table.notes)


@pytest.mark.parametrize("option", ["domain", "target"])
def test_many_corpora_with_one_domain_ratio_are_read_by_the_name_of_the_domain(option):
    table = table_from_columns(typed(SETS), **{option: "set05"})
    assert table.target == "set05"
    assert np.allclose(*own(table, "set05"))
    assert np.allclose(1 - own(table, "set23")[0], own(table, "set23")[1])


def test_without_roles_many_corpora_are_asked_about():
    said = refusal(typed(SETS))
    assert said.startswith(
        "corpus_role: which of set00, set01, set02, set03, set04, set05 and 18 more is the target is not"
    )
    assert "--domain NAME" in said


def test_one_corpus_is_asked_about():
    said = refusal(typed(("law",)))
    assert said.startswith("corpus_role: whether law is the target domain is not clear")
    assert np.allclose(*own(table_from_columns(typed(("law",)), domain="law"), "law"))


def test_general_losses_alone_have_a_share_too():
    table = table_from_columns(typed(("general",)))
    assert table.target == "domain"
    assert np.allclose(1 - own(table, "general")[0], own(table, "general")[1])


def test_a_domain_that_is_not_measured_may_be_named_where_all_else_is_general():
    columns = roles(typed(("web", "books")), web="general", books="general")
    assert table_from_columns(columns, domain="law").target == "law"


def test_a_misspelt_domain_is_refused_with_the_nearest():
    said = refusal(typed(), domain="lwa")
    assert said.startswith(
        "domain: the target 'lwa' is no corpus of the table; it has general, law; did you mean 'law'?"
    )


def test_two_names_for_the_domain_have_to_agree():
    assert "domain: 'law' is not the target 'general'" in refusal(typed(), domain="law", target="general")


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("target", "corpus_role: row 8 has 'target', allowed are general and domain"),
        ("general", "corpus_role: which of general, law is the target is not clear"),
    ],
)
def test_roles_that_say_nothing_are_refused(role, words):
    columns = roles(typed(("books", "law")), law=role, books="general")
    if role == "general":
        columns = roles(typed(("a", "b", "c")), a="general")
        words = words.replace("general, law", "a, b, c")
    assert refusal(columns).startswith(words)


def test_a_corpus_with_two_roles_is_refused():
    columns = typed(corpus_role=["general"] * 3 + ["domain"] * 11)
    assert refusal(columns).startswith("corpus_role: row 4 makes 'general' domain, an earlier row general; keep one")


def test_roles_are_read_in_any_case():
    assert table_from_columns(roles(typed(("a", "b")), a="General", b=" DOMAIN")).target == "b"


def test_a_role_that_is_overruled_is_said():
    table = table_from_columns(roles(typed(), law="general", general="general"), domain="law")
    assert "law is the target, as asked, although its corpus_role is general." in table.notes


def mixed(corpora, **shares):
    """`ratio.NAME` columns: a number, or `r` and `1-r` of the domain ratio."""
    columns = typed(corpora)
    ratio = columns.pop("domain_ratio")
    for name, share in shares.items():
        columns[f"ratio.{name}"] = ["" if r == "" else share(r) for r in ratio]
    return columns


def test_shares_of_their_own_win_over_roles():
    columns = mixed(
        ("web", "books", "law"), web=lambda r: 0.75 * (1 - r), books=lambda r: 0.25 * (1 - r), law=lambda r: r
    )
    table = table_from_columns(roles(columns, web="general", books="general", law="domain"))
    share, ratio = own(table, "books")
    assert np.allclose(share, 0.25 * (1 - ratio))
    assert table.remainder == pytest.approx({"web": 0.75, "books": 0.25})


def test_corpora_in_no_mixture_take_the_share_of_their_role():
    columns = mixed(("web", "poems", "cases", "law"), web=lambda r: 1 - r, law=lambda r: r)
    table = table_from_columns(roles(columns, web="general", poems="general", cases="domain", law="domain"))
    assert table.target == "law"
    assert np.allclose(1 - own(table, "poems")[0], own(table, "poems")[1])
    assert np.allclose(*own(table, "cases"))
    assert table.remainder == {"web": 1.0, "poems": 1.0}
    assert (
        "poems: in no mixture, of the role general; the share is taken to be all that domain_ratio leaves."
        in table.notes
    )
    assert "cases: in no mixture, of the role domain; the share is taken to be that of law." in table.notes


def test_a_corpus_in_no_mixture_and_without_a_role_has_no_share():
    columns = mixed(("web", "poems", "law"), web=lambda r: 1 - r, law=lambda r: r)
    table = table_from_columns(roles(columns, web="general", law="domain"))
    assert not own(table, "poems")[0].any()


def test_the_domain_need_not_be_measured_where_its_share_is_there():
    columns = mixed(("a", "b", "c"), web=lambda r: 1 - r, law=lambda r: r)
    table = table_from_columns(roles(columns, a="general", b="general", c="domain"), domain="law")
    assert table.target == "law"
    assert np.allclose(*own(table, "c"))


def test_one_share_is_as_good_as_a_domain_ratio():
    table = table_from_columns(mixed(("general", "law"), law=lambda r: r))
    assert table.target == "law"
    assert np.allclose(1 - own(table, "general")[0], own(table, "general")[1])


def test_among_several_domains_the_one_that_domain_ratio_follows_is_the_target():
    columns = mixed(("web", "law", "code"), web=lambda r: 0.5 * (1 - r), law=lambda r: r, code=lambda r: 0.5 * (1 - r))
    columns["domain_ratio"] = columns["ratio.law"]
    assert table_from_columns(roles(columns, web="general", law="domain", code="domain")).target == "law"


def test_a_domain_ratio_that_is_not_the_targets_share_is_said():
    columns = mixed(("web", "law"), web=lambda r: 1 - r, law=lambda r: r)
    columns["domain_ratio"] = columns["ratio.web"]
    notes = table_from_columns(columns, domain="law").notes
    assert "domain_ratio is not ratio.law in 12 rows; ratio.law is used." in notes


def test_the_targets_share_is_needed():
    columns = mixed(("web", "books", "law"), web=lambda r: r, books=lambda r: 1 - r)
    assert refusal(columns, domain="law").startswith("ratio.law: the table has no such column; the target's share")


def test_only_the_corpora_asked_for_are_kept():
    table = table_from_columns(typed(), corpora=["general"])
    assert table.corpora == ["general"]
    assert table.target == "law"
    assert np.allclose(1 - own(table, "general")[0], own(table, "general")[1])


def test_a_corpus_asked_for_that_is_not_there_is_refused_with_the_nearest():
    said = refusal(typed(), corpora=["genral"])
    assert said == "corpus: no row has 'genral'; the table has general, law; did you mean 'general'?"


def test_what_is_wrong_with_other_corpora_does_not_keep_those_asked_for():
    columns = typed(loss=[*typed()["loss"][:7], *["broken"] * 7])
    assert len(table_from_columns(columns, corpora=["general"])) == 7


def test_among_the_corpora_asked_for_one_is_the_target():
    named = {name: "domain" if name >= "set22" else "general" for name in SETS}
    table = table_from_columns(roles(typed(SETS), **named), corpora=["set00", "set23"])
    assert table.target == "set23"
