"""What Weka's description of ARFF says, and Weka's own reader does, example by example."""

import bz2
import gzip
import time

import numpy as np
import pytest

from skmlc.datasets import load_bags, load_multilabel
from skmlc.datasets.arff import read_arff
from skmlc.exceptions import FileFormatError

HEADER = "@relation r\n@attribute a numeric\n@attribute b {x,y}\n"
DATA = HEADER + "@data\n"
EXPECTED = [[1, 0], [2, 1]]


def _read(folder, text, name="toy.arff", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_arff(path)


@pytest.mark.parametrize(
    "text",
    [
        DATA + "1,x\n2,y\n",
        DATA + "1,x",  # one row less, see below
        DATA + "1,x % behind a row\n% between rows\n2,y% at once\n",
        "@relation r % c\n@attribute a numeric % c\n@attribute b {x,y} %c\n@data %c\n1,x\n2,y",
        HEADER + "@data 1,x\n2,y\n",
        "@RELATION r\n@Attribute a NUMERIC\n@aTTribute b {x,y}\n@DATA\n1,x\n2,y\n",
        "@relation r\n@attribute\ta\tReal\n@attribute   b   { x , y }\n@data\n1\tx\n2\ty\n",
        DATA + "1 x\n2   y\n",
        DATA + "1 , x\n 2,\ty \n",
        DATA + "1,x,\n2,y,\n",
        DATA + "'1',\"x\"\n\"2\",'y'\n",
        DATA + "'1' 'x'\n2 'y'\n",
        (DATA + "1,x\n2,y\n").replace("\n", "\r\n"),
        (DATA + "1,x\n2,y\n").replace("\n", "\r"),
        "\ufeff" + DATA + "1,x\n2,y\n",
        "\n\n% first\n\n" + DATA + "\n1,x\n\n\n2,y\n\n",
        DATA + "{0 1}\n{0 2,1 y}\n",
        DATA + "{0 1}\n{1 y, 0 2}\n",
        DATA + "{0 1,}\n{ 0 2 , 1 'y' }\n",
        DATA + "{0 1}\n{0 2 1 y}\n",
        DATA + "{0 1}\n2,y\n",
        DATA + "+1.0e0,x\n.2E1,y\n",
        "@relation r\n@attribute a integer\n@attribute b{x,y}\n@data\n1,x\n2,y\n",
        "@relation r\n@attribute a real [0, 2]\n@attribute b {x y}\n@data\n1,x\n2,y\n",
        "@relation r\n@attribute a real[0.0,2.0]\n@attribute b {'x',\"y\"}\n@data\n1,x\n2,y\n",
    ],
)
def test_one_table_in_many_spellings(tmp_path, text):
    data = _read(tmp_path, text)
    expected = EXPECTED[: data.matrix.shape[0]]
    assert len(expected) == (1 if text == DATA + "1,x" else 2)
    np.testing.assert_array_equal(data.matrix.toarray(), expected)
    assert [item.name for item in data.attributes] == ["a", "b"]
    assert data.weights is None


@pytest.mark.parametrize(
    "row", ["1,x,{5}", "1,x, {5.0}", "1 x {5}", "{0 1},{5}", "{0 1} {5}"]
)
def test_weights_of_rows_are_read(tmp_path, row):
    data = _read(tmp_path, DATA + f"{row} % heavy\n2,y\n")
    np.testing.assert_array_equal(data.matrix.toarray(), EXPECTED)
    np.testing.assert_array_equal(data.weights, [5, 1])
    bunch = load_multilabel(tmp_path / "toy.arff", labels=["b"])
    np.testing.assert_array_equal(bunch.sample_weight, [5, 1])


@pytest.mark.parametrize(
    "written, meant",
    [
        (r"'it\'s'", "it's"),
        (r'"it\'s"', "it's"),
        (r"'a \"b\"'", 'a "b"'),
        (r"'50\%'", "50%"),
        ("'50% of it'", "50% of it"),
        (r"'a\\b'", r"a\b"),
        (r"'a\nb\tc\rd'", "a\nb\tc\rd"),
        (r"'\u001E\u00e9'", "\x1e\xe9"),
        (r"'\011\7'", "\t\x07"),
        ("'a, {b}'", "a, {b}"),
        ("'  a '", "  a "),
        ("''", ""),
        ("'?'", "?"),
        (r"a\n", r"a\n"),
        ("don't", "don't"),
        ("New York", "New York"),
        ("\xe9t\xe9", "\xe9t\xe9"),
    ],
)
def test_quotes_and_escapes_in_strings_values_and_names(tmp_path, written, meant):
    row = f"{written},1" if "'" in written else f"{written} , 1"
    data = _read(
        tmp_path, f"@relation r\n@attribute s string\n@attribute n real\n@data\n{row}"
    )
    assert data.strings == {0: [meant]}
    if " " not in written or written[0] in "'\"":
        header = (
            f"@relation r\n@attribute n {{first,{written}}}\n@attribute {written} real\n"
        )
        data = _read(tmp_path, header + f"@data\n{written},1\n{{0 {written}}}\n")
        assert data.attributes[0].values == ("first", meant)
        assert data.attributes[1].name == meant
        np.testing.assert_array_equal(data.matrix.toarray(), [[1, 1], [1, 0]])


def test_a_question_mark_in_quotes_is_a_value_and_else_a_missing_one(tmp_path):
    header = "@relation r\n@attribute a {x,'?'}\n@attribute s string\n@attribute n real\n"
    data = _read(tmp_path, header + "@data\n'?','?',?\n?,?,1\n")
    np.testing.assert_array_equal(
        data.matrix.toarray()[:, [0, 2]], [[1, np.nan], [np.nan, 1]]
    )
    assert data.strings == {1: ["?", None]}


def test_dates_stay_as_they_are_written(tmp_path):
    header = (
        '@relation r\n@attribute t date "yyyy-MM-dd HH:mm:ss"\n@attribute u DATE\n@data\n'
    )
    data = _read(tmp_path, header + '"2001-04-03 12:12:12",2001-04-03\n')
    assert data.strings == {0: ["2001-04-03 12:12:12"], 1: ["2001-04-03"]}


def test_what_a_sparse_row_leaves_out_is_zero_or_the_first_value(tmp_path):
    header = "@relation r\n@attribute a {3,4}\n@attribute b {u,v,w}\n@attribute c real\n"
    data = _read(tmp_path, header + "@data\n{}\n{0 4,2 ?}\n{1 w}\n")
    np.testing.assert_array_equal(
        data.matrix.toarray(), [[3, 0, 0], [4, 0, np.nan], [3, 2, 0]]
    )


def test_a_number_may_be_spelt_otherwise_than_its_attribute_declares_it(tmp_path):
    data = _read(tmp_path, "@relation r\n@attribute a {0,1}\n@data\n1.0\n'1'\n0.0\n")
    np.testing.assert_array_equal(data.matrix.toarray().ravel(), [1, 1, 0])


def test_latin_1_beside_utf_8(tmp_path):
    text = "@relation r\n@attribute \xe9 {\xfc}\n@data\n\xfc\n"
    for encoding in ("latin-1", "utf-8"):
        data = _read(tmp_path, text, encoding=encoding)
        assert data.attributes[0] == ("\xe9", "nominal", ("\xfc",), ())


@pytest.mark.parametrize("name, pack", [("a.arff.gz", gzip), ("a.ARFF.bz2", bz2)])
def test_compressed_files(tmp_path, name, pack):
    (tmp_path / "a.xml").write_text('<labels><label name="b"/></labels>')
    _read(tmp_path, pack.compress((DATA + "1,x\n2,y\n").encode()), name)
    bunch = load_multilabel(tmp_path / name)
    np.testing.assert_array_equal(bunch.target.toarray(), [[0], [1]])


KEEL = (
    "@relation emotions\n@attribute x real [0.0, 2.0]\n@attribute spare integer[0,9]\n"
    "@attribute amazed {0, 1}\n@attribute calm {0, 1}\n@inputs x\n@outputs amazed, calm\n"
    "@data\n0.5, 7, 1, 0\n<null>, 7, 0, 1\n"
)


@pytest.mark.parametrize("name", ["emotions.dat", "emotions-tra.arff"])
def test_a_keel_file_names_inputs_and_outputs(tmp_path, name):
    (tmp_path / name).write_text(KEEL)
    bunch = load_multilabel(tmp_path / name)
    assert (bunch.feature_names, bunch.target_names) == (["x"], ["amazed", "calm"])
    np.testing.assert_array_equal(bunch.data.toarray(), [[0.5], [np.nan]])
    np.testing.assert_array_equal(bunch.target.toarray(), [[1, 0], [0, 1]])


def test_a_file_of_svmlight_may_end_in_dat_too(tmp_path):
    (tmp_path / "toy.dat").write_text("0,1 1:2\n1 2:3\n")
    assert load_multilabel(tmp_path / "toy.dat").target.shape == (2, 2)


BAGS = (
    "@relation r\n@attribute id {001,2}\n@attribute bag relational\n@attribute f real\n"
    "@attribute g {u,v}\n@end bag\n@attribute l {0,1}\n@data\n"
)


def test_bags_have_rows_of_their_own(tmp_path):
    (tmp_path / "toy.arff").write_text(
        BAGS + "001,\"1,u\\n{1 v}\\n% no row\\n\",1\n2,'3,v',0\n"
    )
    bunch = load_bags(tmp_path / "toy.arff", labels=["l"])
    assert [bag.tolist() for bag in bunch.data] == [[[1, 0], [0, 1]], [[3, 1]]]
    assert bunch.bag_ids == ["001", "2"]


NESTED = "".join(f"@attribute b{i} relational\n" for i in range(10_000))


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "line 0: an ARFF file must have a line @data"),
        ("@relation r\n@relation s\n@data\n", "line 2: expected one @relation"),
        ("@relation r\n@data\n", "line 2: expected attributes before @data"),
        (
            HEADER + "@attribute b real\n@data\n",
            "line 4: attributes must have different names",
        ),
        ("@relation r\n@attribute a {u,u}\n@data\n", "line 2: the values of attribute 'a'"),
        ("@relation r\n@attribute a {u,v\n@data\n", "line 2: expected values in braces"),
        (
            "@relation r\n@attribute 'a real\n@data\n",
            "line 2: expected the name and the type",
        ),
        (HEADER + "@outputs c\n@data\n", r"line 5: @outputs must name.*got \['c'\]"),
        (HEADER + "@end b\n@data\n", "line 4: expected no @end"),
        (BAGS.replace("@end bag", "@end sack"), "line 6: expected @end bag"),
        (BAGS.replace("@end bag\n", ""), "line 7: expected @end bag before @data"),
        (
            BAGS.replace("f real", "f string"),
            "line 4: attributes within 'bag' must be numeric",
        ),
        ("@relation r\n" + NESTED, "line 3: attributes within 'b0' must be numeric"),
        (BAGS + "2,'1,u\\n1',1\n", "line 9: row 2 of 'bag': expected 2 values"),
        (BAGS + "2,?,1\n", "line 9: expected the rows of 'bag'"),
        (BAGS + "2,'1,u,{3}',1\n", "line 9: rows of 'bag' must have no weights"),
        (DATA + "inf,x\n", "line 5: expected a finite number.*got 'inf'"),
        (DATA + "nan,x\n", "line 5: expected a finite number"),
        (DATA + "1e999,x\n", "line 5: expected a finite number"),
        (DATA + "1_000,x\n", "line 5: expected a finite number.*got '1_000'"),
        (DATA + "\u0661,x\n", "line 5: expected a finite number"),
        (DATA + ",x\n", "line 5: expected a finite number.*got ''"),
        (DATA + "1,?x\n", "line 5: expected one of x, y for attribute 'b'"),
        (DATA + "1,x,2\n", "line 5: expected 2 values, one per attribute; got 3"),
        (DATA + "1,,x\n", "line 5: expected 2 values, one per attribute; got 3"),
        (DATA + "1,x\n1,'x\n", "line 6: cannot read"),
        (DATA + "1,'x'y\n", "line 5: cannot read"),
        (DATA + f"1,x,{{{'9' * 400}}}\n", "line 5: expected a finite number"),
        (DATA + "1,x,{-5}\n", "line 5: expected a weight of at least 0"),
        (DATA + "{0 1,0 2}\n", "line 5: expected each column once; got 0 again"),
        (DATA + "{0 1,1}\n", "line 5: expected pairs"),
        (DATA + "{0,1}\n", "line 5: expected pairs"),
        (DATA + "{0 1_0}\n", "line 5: expected a finite number"),
        (DATA + "{1_0 1}\n", "line 5: expected the number of a column"),
        (DATA + "{99999999999999999999 1}\n", "line 5: expected columns from 0 to 1"),
        ("@relation r\n@attribute a {0,1}\n@data\n3\n", "line 4: expected one of 0, 1"),
    ],
)
def test_what_is_no_arff_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(FileFormatError, match=message):
        _read(tmp_path, text)


N = 100_000


@pytest.mark.parametrize(
    "text",
    [
        DATA + "1,'x'" + " " * N + "y\n",
        DATA + "1,x" + " " * N + "y,'z'\n",
        DATA + "," * N + "'\n",
        DATA + "' " * N + "% x\n",
        DATA + "1,'" + "\\'" * N + "\n",
        DATA + "1" * N + "e,x\n",
        DATA + "{" + ", " * N + "}\n",
        "@relation r\n@attribute a {" + "\" '" * N + "\n@data\n",
        "@relation '" + ": " * N + "'\n@attribute a real\n@data\n1\n",
    ],
)
def test_time_grows_with_the_length_of_a_line_and_not_with_its_square(tmp_path, text):
    start = time.perf_counter()
    try:
        _read(tmp_path, text)
        load_multilabel(tmp_path / "toy.arff")
    except FileFormatError:
        pass
    assert time.perf_counter() - start < 2


def test_what_sparse_rows_leave_out_is_bounded(tmp_path):
    header = "".join(f"@attribute a{i} {{1,0}}\n" for i in range(4000))
    with pytest.raises(FileFormatError, match="values that sparse rows leave out"):
        _read(tmp_path, f"@relation r\n{header}@data\n" + "{}\n" * 6000)
    header = "".join(f"@attribute a{i} real\n" for i in range(4000))
    header = f"@relation r\n@attribute bag relational\n{header}@end bag\n@data\n"
    with pytest.raises(FileFormatError, match="rows of 'bag' of shape"):
        _read(tmp_path, header + "'" + "{}\\n" * 8000 + "'\n")
