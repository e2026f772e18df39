"""The protocol of benchmarks/reproduce.py, on small data sets in a temporary folder."""

import gzip
import importlib
import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import f1_score

FOLDER = str(Path(__file__).parents[2] / "benchmarks")
N_TRAIN, N_TEST = 60, 30
GRID = [*(i / 100 for i in range(1, 11)), *(i / 100 for i in range(15, 100, 5))]


def module(name):
    return importlib.import_module(name)


@pytest.fixture
def data_home(tmp_path):
    rng = np.random.default_rng(0)
    Y = (rng.random((N_TRAIN + N_TEST, 4)) < [0.6, 0.4, 0.3, 0.2]).astype(np.uint8)
    X = rng.normal(5, 3, (len(Y), 6))
    X[:, :4] += 4 * Y
    splits = {"train": [0, N_TRAIN], "test": [N_TRAIN, len(Y)]}
    folder = tmp_path / "toy"
    write_meta(folder, splits)
    sparse.save_npz(folder / "X.npz", sparse.csr_array(X))
    sparse.save_npz(folder / "Y.npz", sparse.csr_array(Y))
    texts = tmp_path / "texts"
    write_meta(texts, splits)
    with gzip.open(texts / "data.jsonl.gz", "wt", encoding="utf-8") as file:
        for i, row in enumerate(Y):
            words = [f"word{j}" for j in np.flatnonzero(row)] + ["common", f"only{i}"]
            labels = [f"label {j}" for j in np.flatnonzero(row)]
            file.write(json.dumps({"text": " ".join(words), "labels": labels}) + "\n")
    return tmp_path


def write_meta(folder, splits):
    folder.mkdir()
    meta = {"label_names": [f"label {j}" for j in range(4)], "splits": splits}
    (folder / "meta.json").write_text(json.dumps(meta))


def run(data_home, model, *more):
    """Run the command; return the rows of its file."""
    output = data_home / "results.csv"
    module("reproduce").main(
        f"--dataset toy --model {model} --data-home {data_home} --output {output}".split()
        + list(more)
    )
    return module("reproduction.tables").read_rows(output)


def test_a_run_appends_a_row_and_prints_it_beside_the_references(
    data_home, monkeypatch, capsys
):
    run(data_home, "constant", "--alone")
    run(data_home, "logistic", "--alone")
    monkeypatch.setattr(module("reproduce"), "package_commit", lambda: "0abc123")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("trained again"))
    rows = run(data_home, "lamp-fmp-pr", "--hidden-size", "8", "--max-epochs", "2")
    assert [row["model"] for row in rows] == ["constant", "logistic", "lamp-fmp-pr"]
    parameters = json.loads(rows[-1]["parameters"])
    assert parameters["label_graph"] == "cooccurrence"
    assert (parameters["message_passing"], parameters["hidden_size"]) == (2, 8)
    assert rows[-1]["commit"] == "0abc123"
    assert rows[-1]["n_train"] == "54"
    assert rows[-1]["n_valid"] == "6"
    assert rows[-1]["peak_mb"] > 50
    table = capsys.readouterr().out.splitlines()[-3:]
    assert [line.split()[0] for line in table] == ["lamp-fmp-pr", "logistic", "constant"]


def test_references_are_run_where_the_file_lacks_them(data_home, monkeypatch):
    commands = []

    def run_here(command, check):
        commands.append(command[2:6])
        module("reproduce").main(command[2:])

    monkeypatch.setattr(module("reproduce"), "package_commit", lambda: None)
    monkeypatch.setattr(subprocess, "run", run_here)
    run(data_home, "logistic")
    assert commands == [["--dataset", "toy", "--model", "constant"]]


def test_the_constant_predictor_scores_what_a_loop_computes(data_home):
    row = run(data_home, "constant", "--alone")[-1]
    parts = module("reproduction.data").load_parts("toy", data_home)
    train, valid, test = (part.Y.toarray() for part in parts)
    averages = {"ebF1": "samples", "miF1": "micro", "maF1": "macro"}
    for name, average in averages.items():
        scores = []
        for threshold in GRID:
            predicted = np.tile(train.mean(axis=0) >= threshold, (len(valid), 1))
            scores.append(f1_score(valid, predicted, average=average, zero_division=0))
        best = GRID[int(np.argmax(scores))]
        predicted = np.tile(train.mean(axis=0) >= best, (len(test), 1))
        expected = f1_score(test, predicted, average=average, zero_division=0)
        assert row[name] == pytest.approx(expected, abs=1e-5)


def test_the_paper_s_setting_gives_way_to_what_the_command_says():
    reproduce = module("reproduce")
    command = "--dataset delicious --model lamp-emb-fc --paper --hidden-size 64"
    args = reproduce.parse([*command.split(), "--set", "learning_rate=0.01", "loss=bce"])
    (args,) = reproduce.runs_of(args)
    settings = reproduce.settings_of(args)
    assert settings["hidden_size"] == 64
    assert settings["learning_rate"] == 0.01
    assert settings["loss"] == "bce"
    assert settings["dropout"] == 0.1
    assert settings["linear_skip"] is False
    assert reproduce.chooses_epoch(args)
    described = "paper, hidden_size=64, learning_rate=0.01, loss=bce, best epochs"
    assert reproduce.describe(args, settings) == described


@pytest.mark.parametrize("name", ["lamp", "emb-mlp", "seq2seq"])
def test_the_paper_s_setting_suits_every_network(name):
    models = module("reproduction.models")
    settings = models.paper_settings("bibtex", name)
    model = models.make_network(name, settings, seed=3)
    assert model.get_params()["hidden_size"] == 512
    assert model.get_params()["random_state"] == 3


def test_all_variants_of_lamp_differ():
    models = module("reproduction.models")
    made = [models.make_network(name, {}, seed=0) for name in models.LAMPS]
    kinds = {(model.message_passing, model.label_graph) for model in made}
    assert kinds == {(m, g) for m in (0, 2) for g in ("none", "full", "cooccurrence")}


def test_settings_are_refused_where_there_are_none(data_home, capsys):
    with pytest.raises(SystemExit):
        run(data_home, "logistic", "--hidden-size", "8")
    assert "has no settings" in capsys.readouterr().err


def test_the_parts_are_disjoint_and_dense_tables_standardized(data_home):
    train, valid, test = module("reproduction.data").load_parts("toy", data_home)
    assert [len(part.X) for part in (train, valid, test)] == [54, 6, 30]
    np.testing.assert_allclose(train.X.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.X.std(axis=0), 1, atol=1e-6)
    rows = {tuple(row) for part in (train, valid, test) for row in part.X.tolist()}
    assert len(rows) == N_TRAIN + N_TEST


def test_the_halves_of_rcv1sub1_are_lined_up(tmp_path):
    folder = tmp_path / "rcv1sub1"
    write_meta(folder, {"train": [0, 20], "test": [20, 40]})
    Y = (np.random.default_rng(0).random((20, 4)) < [0.5, 0.2, 0.8, 0.5]).astype(np.uint8)
    shifted = np.hstack([Y[:, 1:], np.zeros((20, 1), np.uint8)])
    sparse.save_npz(folder / "X.npz", sparse.csr_array(np.eye(40)))
    sparse.save_npz(folder / "Y.npz", sparse.csr_array(np.vstack([Y, shifted])))
    train, valid, test = module("reproduction.data").load_parts("rcv1sub1", tmp_path)
    np.testing.assert_array_equal(test.Y.toarray(), Y[:, 1:])
    n_positive = train.Y.toarray().sum(axis=0) + valid.Y.toarray().sum(axis=0)
    np.testing.assert_array_equal(n_positive, Y[:, 1:].sum(axis=0))


def test_drugs_are_molecules_for_networks_and_counts_for_others(tmp_path):
    pytest.importorskip("rdkit", reason="needs the extra chem: RDKit")
    folder, n_samples = tmp_path / "sider", 40
    write_meta(folder, {"all": [0, n_samples]})
    Y = np.random.default_rng(0).random((n_samples, 4)) < 0.5
    sparse.save_npz(folder / "X.npz", sparse.csr_array(np.eye(n_samples)[:, :3]))
    sparse.save_npz(folder / "Y.npz", sparse.csr_array(Y.astype(np.uint8)))
    # Molecule i is a chain of i + 1 carbon atoms.
    with gzip.open(folder / "data.jsonl.gz", "wt", encoding="utf-8") as file:
        for i, row in enumerate(Y):
            labels = [f"label {j}" for j in np.flatnonzero(row)]
            file.write(json.dumps({"text": "C" * (i + 1), "labels": labels}) + "\n")
    load_parts = module("reproduction.data").load_parts
    counts = load_parts("sider", tmp_path)
    assert counts.train.X.shape[1] == 3
    parts = load_parts("sider", tmp_path, graphs=True)
    lengths = np.concatenate([part.X.lengths for part in parts])
    np.testing.assert_array_equal(np.sort(lengths), np.arange(n_samples) + 1)
    for part, of_counts in zip(parts, counts, strict=True):
        np.testing.assert_array_equal(part.Y.toarray(), of_counts.Y.toarray())
        np.testing.assert_array_equal(part.Y.toarray(), Y[part.X.lengths - 1])


def test_words_are_learned_from_the_training_part_alone(data_home):
    data = module("reproduction.data")
    parts = data.load_parts("texts", data_home)
    assert parts.is_text
    tokens = data.as_tokens(parts)
    assert {part.X.n_tokens for part in tokens} == {6}  # unknown, common, four words
    tfidf = data.as_tfidf(parts)
    assert tfidf.train.X.shape[1] == 5 + len(parts.train.X)
    assert tfidf.test.X.shape == (N_TEST, tfidf.train.X.shape[1])


def test_thresholds_come_from_the_validation_part():
    judge = module("reproduction.judge")
    Y = sparse.csr_array(np.array([[1, 0], [0, 1]]))
    valid = Y, np.array([[0.6, 0.4], [0.4, 0.6]])  # right at thresholds of .45 to .6
    test = Y, np.array([[0.5, 0.1], [0.44, 0.9]])
    choices = judge.judge(valid, test)
    assert choices["ACC"].threshold == 0.45
    assert choices["ACC"].valid == 1
    assert choices["ACC"].test == 1
    shifted = Y, np.array([[0.3, 0.1], [0.2, 0.9]])  # would be right at .25
    assert judge.judge(valid, shifted)["ACC"].test == 0.5


def test_the_nan_rule_leaves_out_labels_that_are_absent():
    judge = module("reproduction.judge")
    Y = sparse.csr_array(np.array([[1, 0], [1, 0]]))
    part = Y, np.array([[0.9, 0.0], [0.9, 0.0]])
    choices = judge.judge(part, part)
    assert choices["maF1"].test == 0.5
    assert choices["maF1_nan"].test == 1


def test_each_metric_gets_the_epoch_best_in_validation():
    judge, measure = module("reproduction.judge"), module("measure")
    Y = sparse.csr_array(np.eye(2, dtype=int))
    good, bad = np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([[0.1, 0.9], [0.9, 0.1]])
    # Validation and test part by turns: what is good in the test part must not matter.
    answers = iter([bad, good, good, bad, bad, good])
    model = SimpleNamespace(predict_proba=lambda X: next(answers))
    parts = [SimpleNamespace(X=None, Y=Y)] * 3
    callback = judge.JudgeEpochs(model, parts, measure.Clock().__enter__())
    callback.on_train_begin(None)
    for epoch in (1, 2, 3):
        callback.on_epoch_end(SimpleNamespace(history=[None] * epoch))
    assert callback.choices_["LRAP"] == judge.Choice(1.0, 0.5, None, 2)
    assert {choice.epoch for choice in callback.choices_.values()} == {2}


def test_choosing_epochs_does_not_change_training(data_home, capsys):
    settings = ["--hidden-size", "8", "--max-epochs", "3", "--alone"]
    losses = []
    for epoch in ("last", "best"):
        rows = run(data_home, "lamp", *settings, "--epoch", epoch)
        losses.append(re.findall(r"train_loss (\S+),", capsys.readouterr().out))
    assert len(losses[0]) == 3
    assert losses[0] == losses[1]
    assert "epochs" not in rows[0]
    assert set(json.loads(rows[1]["epochs"])) == set(module("reproduction.judge").METRICS)


def test_seeds_become_a_mean_and_a_spread():
    tables = module("reproduction.tables")
    common = dict.fromkeys((*tables.METRICS, *tables.COSTS), 1.0)
    common |= {"dataset": "bibtex", "model": "lamp", "setting": "s", "parameters": "{}"}
    rows = [common | {"seed": s, "ebF1": v} for s, v in ((0, 0.9), (0, 0.2), (1, 0.4))]
    (summary,) = tables.summarize(rows)
    assert summary["seeds"] == "2"
    assert summary["ebF1"] == (
        pytest.approx(0.3),
        pytest.approx(np.std([0.2, 0.4], ddof=1)),
    )
    render = module("reproduction.rendering").tables
    markdown = render(rows, "markdown").splitlines()
    assert markdown[2].startswith(
        "| model | seeds | ebF1 | ebF1, paper | miF1 | miF1, paper"
    )
    assert markdown[4].startswith("| lamp, s | 2 | .300 ± .141 |  | 1.000 ± .000 |  |")
    assert "| FMP + LaMP_pr (paper) |  |  | .447 |  | .473 |  | .376 |" in "\n".join(
        markdown
    )
    line = '   "lamp, s", "2", ".300 ± .141", "", "1.000 ± .000", "",'
    assert line in render(rows, "rst")
    assert render(rows, "rst", dataset="yeast") == ""


def test_the_paper_s_figures_stand_beside_the_first_row_of_a_model():
    tables = module("reproduction.tables")
    common = dict.fromkeys((*tables.METRICS, *tables.COSTS), 0.5) | {"seed": 0}
    common |= {"dataset": "reuters21578", "model": "lamp-emb-fc", "parameters": "{}"}
    rows = [
        common | {"setting": setting} for setting in ("defaults", "defaults, dropout=0.1")
    ]
    lines = module("reproduction.rendering").tables(rows, "markdown").splitlines()
    assert lines[4].startswith(
        "| lamp-emb-fc | 1 | .500 | .896 | .500 | .871 | .500 | .547 |"
    )
    assert lines[5].startswith(
        "| lamp-emb-fc, dropout=0.1 | 1 | .500 |  | .500 |  | .500 |  |"
    )
    methods = [line.split(" | ")[0].strip("| ") for line in lines[6:]]
    assert "Emb + LaMP_fc (paper)" not in methods
    assert methods[0] == "SVM (paper)"
    assert lines[6].startswith("| SVM (paper) |  |  |  |  | .787 |  | .468 |")


def test_a_row_names_its_seeds_and_the_commits_that_trained_them():
    tables = module("reproduction.tables")
    common = dict.fromkeys((*tables.METRICS, *tables.COSTS), 0.5) | {"seed": 0}
    common |= {"dataset": "yeast", "model": "lamp", "setting": "defaults"}
    rows = [
        common | {"parameters": '{"dropout": 0.1}'},
        common | {"parameters": '{"dropout": 0.2}', "commit": "0abc123"},
        common | {"model": "emb-mlp", "parameters": "{}", "commit": "0abc123"},
        common | {"model": "emb-mlp", "parameters": "{}", "commit": "0abc123", "seed": 1},
        common | {"model": "emb-mlp", "parameters": "{}", "commit": "1def456", "seed": 2},
    ]
    lines = module("reproduction.rendering").tables(rows, "markdown").splitlines()[2:]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert [(row[0], row[1], row[-1]) for row in (cells[0], *cells[2:])] == [
        ("model", "seeds", "commit"),
        ("lamp", "1", ""),
        ("lamp", "1", "0abc123"),
        ("emb-mlp", "3", "0abc123 1def456"),
    ]


def test_columns_in_which_nothing_stands_are_left_out():
    tables = module("reproduction.tables")
    common = dict.fromkeys((*tables.METRICS, *tables.COSTS), 0.5) | {"seed": 0}
    common |= {
        "dataset": "yeast",
        "model": "lamp",
        "setting": "defaults",
        "parameters": "{}",
    }
    cells = module("reproduction.rendering").tables([common], "markdown").splitlines()[2]
    titles = [tables.TITLES[key] for key in (*tables.METRICS, "fit_cpu_s", "peak_mb")]
    assert cells == f"| {' | '.join(['model', 'seeds', *titles])} |"


def test_a_row_says_which_commit_of_the_package_it_is_of(tmp_path):
    measure = module("measure")
    folder = tmp_path / "package"
    folder.mkdir()
    assert measure.package_commit(folder) is None

    def git(*words):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        command = ["git", "-C", str(tmp_path), *identity, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    (folder / "a.py").write_text("1")
    git("add", ".")
    git("commit", "-qm", "one")
    first = git("rev-parse", "--short", "HEAD").strip()
    (tmp_path / "other").write_text("elsewhere")
    git("add", ".")
    git("commit", "-qm", "two")
    assert measure.package_commit(folder) == first
    (folder / "a.py").write_text("2")
    assert measure.package_commit(folder) == f"{first}+"


def test_every_row_has_a_commit_and_new_ones_the_package_s(data_home):
    (row,) = run(data_home, "constant", "--alone")
    assert row.get("commit") == module("measure").package_commit()
    for name in ("reproduce", "images", "bags"):
        path = Path(FOLDER, "results", f"{name}.csv")
        assert b"\r" not in path.read_bytes()
        columns = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        assert columns.index("commit") == columns.index("seed") + 1
        assert all(
            row.get("commit") for row in module("reproduction.tables").read_rows(path)
        )


# Documentation ------------------------------------------------------------------------------


def test_the_tables_of_the_documentation_are_those_of_the_results():
    reproduce = module("reproduce")
    texts = module("reproduction.docs").generated(reproduce.OUTPUT.parent)
    for name, text in texts.items():
        found = (reproduce.DOCS / name).read_text(encoding="utf-8")
        assert found == text, (
            f"{name} is out of date: python benchmarks/reproduce.py --docs"
        )


def test_docs_writes_them(tmp_path, monkeypatch, capsys):
    reproduce = module("reproduce")
    monkeypatch.setattr(reproduce, "DOCS", tmp_path)
    reproduce.main(["--docs"])
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert written == module("reproduction.docs").generated(reproduce.OUTPUT.parent)
    page = (Path(FOLDER).parent / "docs" / "reproduction.rst").read_text(encoding="utf-8")
    assert all(f".. include:: {name}" in page for name in written)


NOTHING = {name: [] for name in ("reproduce", "images", "bags", "sweeps", "speed")}


def planned(words):
    """Return (data set, model, setting, seed) of all runs that a command asks for."""
    reproduce = module("reproduce")
    other = reproduce.other_command(words)
    if other is None:
        runs = reproduce.runs_of(reproduce.parse(words))
        return {(r.dataset, r.model, reproduce.describe(r, {}), r.seed) for r in runs}
    place = module(other.__module__)
    args = place.parse(words)
    if getattr(args, "sweep", None):
        return {(args.dataset, name, seed) for name in args.sweep for seed in args.seed}
    setting_of = module("reproduction.images").setting_of
    runs = place.planned_runs(args)
    return {(r.dataset, r.model, setting_of(r), r.seed) for r in runs}


def test_the_commands_of_a_claim_train_all_that_it_reads():
    command = module("reproduction.claim_command")
    measures = module("reproduction.claim_measures")
    for claim in module("reproduction.claims").CLAIMS:
        words = ["--claim", claim.name, "--word-vectors", "f", "--seeds", "0", "7"]
        asked = set()
        for program, *of in command.commands_of(claim, NOTHING, command.parse(words)):
            if program == "seq2seq_speed.py":
                asked |= {*module("seq2seq_speed").parse(of).dataset}
            else:
                asked |= planned(of)
        for of in claim.reads:
            if isinstance(of, measures.OfSpeed):
                wanted = {*of.datasets}
            elif isinstance(of, measures.OfSweep):
                wanted = {("msrc_v2-efficientnet", of.name, seed) for seed in (0, 7)}
            elif of.setting is None:  # with what is chosen
                wanted = {(of.dataset, of.model)}
            else:
                wanted = {(of.dataset, of.model, of.setting, seed) for seed in (0, 7)}
            assert asked >= wanted or {run[:2] for run in asked} >= wanted, claim.name


def test_a_claim_trains_only_what_is_missing():
    command, claims = module("reproduction.claim_command"), module("reproduction.claims")
    (claim,) = [c for c in claims.CLAIMS if c.name == "ml-gcn-graph"]
    common = {"dataset": "msrc_v2-efficientnet", "setting": "defaults", "mAP": 0.5}
    models = [("ml-gcn", 0), ("ml-gcn", 1), ("ml-gcn-none", 1)]
    images = [common | {"model": model, "seed": float(seed)} for model, seed in models]
    rows = NOTHING | {"images": images}

    def asked(*words):
        args = command.parse(["--claim", "ml-gcn-graph", *words])
        return set().union(
            *(planned(c[1:]) for c in command.commands_of(claim, rows, args))
        )

    runs = {(run[1], run[3]) for run in asked("--seeds", "0", "1", "2")}
    assert runs == {("ml-gcn", 2), ("ml-gcn-none", 0), ("ml-gcn-none", 2)}
    assert asked() == set()  # of the seeds that are filed
    assert {(run[1], run[3]) for run in asked("--again")} == {*models}


def test_a_claim_of_which_nothing_was_run_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("trained"))
    words = ["--claim", "all", "--dry-run", "--results", str(tmp_path / "new")]
    module("reproduce").main(words)
    lines = capsys.readouterr().out.splitlines()
    here = [line for line in lines if line.startswith("  here: ")]
    assert len(here) == len(module("reproduction.claims").CLAIMS)
    # Not a digit, but in the names of metrics, models and labels of the measures.
    assert all("not run" in line and "±" not in line for line in here)


def test_a_command_that_fails_ends_the_claim_with_its_status(tmp_path, monkeypatch):
    failed = SimpleNamespace(returncode=2)
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(SystemExit) as ended:
        module("reproduce").main(["--claim", "vectors", "--results", str(tmp_path)])
    assert ended.value.code == 2


def test_what_is_filed_is_only_printed(capsys, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("trained"))
    module("reproduce").main(["--claim", "label-messages", "glemiml-image", "tau"])
    lines = capsys.readouterr().out.splitlines()
    names = [line.split(":")[0].strip() for line in lines]
    assert names[::3] == ["label-messages", "tau", "glemiml-image"]
    assert names[1::3] == ["paper"] * 3
    assert names[2::3] == ["here"] * 3


def test_several_models_and_seeds_are_a_row_each_of_a_process_of_its_own(
    data_home, capsys, monkeypatch
):
    reproduce, processes = module("reproduce"), []

    def in_process(function, args):
        processes.append((args.model, args.seed))
        return function(args)

    monkeypatch.setattr(reproduce, "in_process", in_process)
    run(data_home, "constant", "--alone")
    run(data_home, "logistic", "--alone")
    assert not processes
    rows = run(
        data_home, "emb-mlp lamp-emb-el", "--seeds", "0", "1", "--hidden-size", "4",
        "--max-epochs", "1",
    )[2:]  # fmt: skip
    expected = [("emb-mlp", 0), ("emb-mlp", 1), ("lamp-emb-el", 0), ("lamp-emb-el", 1)]
    assert [(row["model"], row["seed"]) for row in rows] == expected == processes
    table = capsys.readouterr().out.splitlines()[-6:]
    models = ["emb-mlp"] * 2 + ["lamp-emb-el"] * 2 + ["logistic", "constant"]
    assert [line.split()[0] for line in table] == models


def test_what_a_claim_gave_is_computed_from_the_rows_seed_by_seed():
    claims = module("reproduction.claim_measures")
    common = {"dataset": "d", "setting": "defaults"}
    rows = [
        common | {"model": model, "seed": seed, "mAP": value}
        for model, seed, value in [
            ("a", 0, 0.1), ("a", 0, 0.5), ("a", 1, 0.7), ("a", 2, 0.9),
            ("b", 1, 0.6), ("b", 0, 0.6),
        ]
    ]  # fmt: skip
    a, b = claims.Of("f", "d", "a"), claims.Of("f", "d", "b")
    assert claims.values(a, "mAP").text({"f": rows}) == ".700 ± .200 (3 seeds)"
    assert claims.less(a, b).text({"f": rows}) == "+.000 ± .141 (2 seeds)"
    assert claims.less(b, a).text({"f": rows[4:5] + rows[2:3]}) == "−.100 (one seed)"
    assert claims.less(b, a).text({"f": rows[:4]}) == "not run"
    tuned = claims.Of("f", "d", "a", None)
    rows.append({"dataset": "d", "setting": "x", "model": "a", "seed": 3, "mAP": 1.1})
    assert claims.values(a, "mAP").text({"f": rows}) == ".700 ± .200 (3 seeds)"
    assert claims.values(tuned, "mAP").text({"f": rows}).endswith("(4 seeds)")


def test_the_latest_ratio_of_a_set_is_what_a_claim_of_speed_gave():
    claims = module("reproduction.claim_measures")
    rows = [
        {"what": what, "setting": setting, "value": value}
        for what, setting, value in [
            ("seq2seq / lamp-fmp-pr, epoch", "bibtex, D = 128", 2.0),
            ("seq2seq / lamp-fmp-pr, epoch", "bibtex, D = 128", 0.5),
            ("seq2seq / lamp-fmp-pr, epoch", "bibtex, D = 512", 3.0),
            ("seq2seq / lamp-fmp-pr, prediction", "sider, D = 128", 4.0),
        ]
    ]
    measure = claims.faster("epoch", ("reuters21578", "bibtex"))
    assert measure.text({"speed": rows}) == "Bibtex .50"
    assert measure.reads[0].rows({"speed": rows}) == {"bibtex": rows[1]}


def test_a_file_with_other_columns_is_refused(data_home):
    (data_home / "results.csv").write_text("dataset,model\n")
    with pytest.raises(ValueError, match="must have the columns dataset, model, setting"):
        run(data_home, "constant")


def test_what_is_chosen_is_best_on_the_validation_part(data_home, capsys):
    options = "--max-epochs 3 --set hidden_size=8 --choose learning_rate=1e-7,0.03 "
    options += "dropout=0.1,0.2"
    row = run(data_home, "emb-mlp", "--alone", *options.split())[-1]
    lines = [
        line for line in capsys.readouterr().out.splitlines() if "in validation" in line
    ]
    assert len(lines) == 4
    best = max(lines, key=lambda line: float(line.split("ebF1 ")[1].split()[0]))
    parameters = json.loads(row["parameters"])
    assert f"{{'learning_rate': {parameters['learning_rate']}, 'dropout': " in best
    assert f"'dropout': {parameters['dropout']}}}" in best
    assert row["setting"].startswith(
        "defaults, max_epochs=3, hidden_size=8, learning_rate="
    )


@pytest.mark.parametrize("given", ["dropout=0.1", "dropout", "loss=bce"])
def test_a_choice_of_one_is_refused(data_home, given, capsys):
    with pytest.raises(SystemExit):
        run(data_home, "emb-mlp", "--choose", given)
    assert "NAME=VALUE" in capsys.readouterr().err
