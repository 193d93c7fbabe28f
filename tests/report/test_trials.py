from sweeper.report import search_points, trials_table


def test_one_row_a_trial_with_its_last_losses(columns):
    table = trials_table(columns)
    assert table.columns[-3:] == ("general loss", "code loss", "state")
    assert len(table.rows) == 7
    law = table.rows[2]
    assert law[1:4] == ("law", "tiny", "full")
    assert (law[8], round(law[9], 6), round(law[10], 6), law[11]) == (2048, 3.2, 3.6, "completed")


def test_base_models_have_no_rate_and_no_ratio(columns):
    base = trials_table(columns).rows[0]
    assert (base[1], base[4], base[6], base[8]) == ("base", None, None, 0)


def test_search_points_keep_the_order_of_the_search(columns):
    rows = {r[0]: r for r in trials_table(columns).rows if r[1] == "search"}
    first, second = rows
    points = search_points(columns, {second: 3.9, first: 3.7, "unknown": 1.0})
    assert [(p.method, p.objective, p.pruned, p.lora_r) for p in points] == [
        ("qlora", 3.9, True, 4),
        ("full", 3.7, False, None),
    ]
