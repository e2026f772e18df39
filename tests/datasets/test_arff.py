import numpy as np
import pytest
from scipy.io import arff as scipy_arff

from skmlc.datasets.arff import Attribute, read_arff
from skmlc.exceptions import FileFormatError


def _write(folder, text, name="toy.arff"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_dense_and_sparse_rows_say_the_same(tmp_path):
    header = (
        "@relation r\n@attribute a numeric\n@attribute b {0,1}\n@attribute c real\n@data\n"
    )
    dense = read_arff(_write(tmp_path, header + "0,1,2.5\n0,0,0\n-1e3,0,4\n"))
    rows = "{1 1, 2 2.5}\n{}\n{ 0 -1e3 ,2 4 }\n"
    sparse = read_arff(_write(tmp_path, header + rows))
    expected = [[0, 1, 2.5], [0, 0, 0], [-1000, 0, 4]]
    np.testing.assert_array_equal(dense.matrix.toarray(), expected)
    np.testing.assert_array_equal(sparse.matrix.toarray(), expected)
    assert dense.matrix.nnz == 4


def test_numbers_agree_with_scipy_on_a_dense_file(tmp_path):
    rng = np.random.default_rng(0)
    rows = "\n".join(
        ",".join(f"{value:.6g}" for value in row) for row in rng.normal(size=(5, 3))
    )
    header = "@relation r\n" + "".join(f"@attribute x{i} numeric\n" for i in range(3))
    path = _write(tmp_path, f"{header}@data\n{rows}\n")
    expected, _ = scipy_arff.loadarff(path)
    np.testing.assert_array_equal(read_arff(path).matrix.toarray(), expected.tolist())


def test_comments_case_blank_lines_tabs_and_a_byte_order_mark_do_not_matter(tmp_path):
    text = (
        "\ufeff% a comment\n@RELATION r\n\n@Attribute\tx\tREAL\n  @attribute y Integer\n"
        "@DATA\n% another\n1,2\n\n 3 , 4 \n"
    )
    data = read_arff(_write(tmp_path, text))
    assert [attribute.name for attribute in data.attributes] == ["x", "y"]
    np.testing.assert_array_equal(data.matrix.toarray(), [[1, 2], [3, 4]])


def test_quotes_and_escapes_in_names_and_values(tmp_path):
    text = (
        "@relation 'Music: -C 2'\n@attribute 'two words' numeric\n"
        '@attribute "don\'t" {\'a, b\',"c"}\n@attribute it\\s {x}\n'
        "@attribute text string\n@data\n"
        "1,'a, b',x,'it\\'s a \\\"quote\\\",\\nand a line'\n2,c,x,plain\n"
        "{0 3,1 \"c\",3 'd, e'}\n"
    )
    data = read_arff(_write(tmp_path, text))
    assert data.relation == "Music: -C 2"
    assert [item.name for item in data.attributes] == [
        "two words",
        "don't",
        "it\\s",
        "text",
    ]
    assert data.attributes[1].values == ("a, b", "c")
    assert data.strings == {3: ['it\'s a "quote",\nand a line', "plain", "d, e"]}
    np.testing.assert_array_equal(
        data.matrix.toarray(), [[1, 0, 0, 0], [2, 1, 0, 0], [3, 1, 0, 0]]
    )


def test_missing_values_are_nan(tmp_path):
    header = "@relation r\n@attribute a numeric\n@attribute b {no,yes}\n@data\n"
    matrix = read_arff(_write(tmp_path, header + "?,yes\n1,?\n{0 ?}\n")).matrix.toarray()
    np.testing.assert_array_equal(matrix, [[np.nan, 1], [1, np.nan], [np.nan, 0]])


@pytest.mark.parametrize(
    "values, expected",
    [
        ("{no,yes}", [0, 1]),
        ("{YES,NO}", [1, 0]),
        ("{false,TRUE}", [0, 1]),
        ("{red,green}", [0, 1]),
        ("{0,1}", [0, 1]),
        ("{1,0}", [1, 0]),
        ("{5,7}", [5, 7]),
    ],
)
def test_codes_of_nominal_values(tmp_path, values, expected):
    first, second = values[1:-1].split(",")
    header = f"@relation r\n@attribute a {values}\n@attribute b numeric\n@data\n"
    # A sparse row that leaves out a nominal attribute means its first value.
    rows = f"{first},1\n{second},1\n{{1 1}}\n{{0 {second},1 1}}\n"
    matrix = read_arff(_write(tmp_path, header + rows)).matrix.toarray()
    np.testing.assert_array_equal(matrix[:, 0], expected * 2)


def test_a_relational_attribute_gives_one_array_per_row(tmp_path):
    text = (
        "@relation toy\n @attribute id {bag1,bag2}\n @attribute bag relational\n"
        "   @attribute f1 numeric\n   @attribute f2 {no,yes}\n @end bag\n"
        "@attribute label {0,1}\n@data\n"
        ' bag1,"42,no\\n41.9,yes\\n",1\n bag2,\'-1,no\',0\n{0 bag2,1 "{1 yes}",2 1}\n'
    )
    data = read_arff(_write(tmp_path, text))
    inner = (Attribute("f1", "numeric"), Attribute("f2", "nominal", ("no", "yes")))
    assert data.attributes[1] == Attribute("bag", "relational", (), inner)
    expected = [[[42, 0], [41.9, 1]], [[-1, 0]], [[0, 1]]]
    assert [bag.tolist() for bag in data.bags[1]] == expected
    np.testing.assert_array_equal(data.matrix.toarray()[:, 2], [1, 0, 1])


def test_latin_1_names_are_read(tmp_path):
    text = "@relation r\n@attribute \xe9t\xe9 numeric\n@data\n1\n".encode("latin-1")
    assert read_arff(_write(tmp_path, text)).attributes[0].name == "\xe9t\xe9"


HEADER = "@relation r\n@attribute a numeric\n@attribute b {x,y}\n@data\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ("a,b\n1,2\n", "line 1: expected @relation, @attribute, @end or @data; got 'a,b'"),
        ("@relation r\n", "line 1: an ARFF file must have a line @data"),
        ("@relation r\n@attribute a\n@data\n", "line 2: expected the name and the type"),
        ("@relation r\n@attribute a shade\n@data\n", "'a' must be numeric, nominal"),
        (HEADER + "1,x\n1\n", "line 6: expected 2 values, one per attribute; got 1"),
        (
            HEADER + "1,z\n",
            "line 5: expected one of x, y for attribute 'b'; got 'z'",
        ),
        (HEADER + "one,x\n", "line 5: expected a finite number, or .* missing; got 'one'"),
        (HEADER + "{2 1}\n", "line 5: expected columns from 0 to 1"),
        (HEADER + "{-1 1}\n", "line 5: expected the number of a column"),
        (HEADER + "{0 1,1}\n", "line 5: expected pairs of a column and a value"),
        (HEADER + "1,'x\n", "line 5"),
        (
            "@relation r\n@attribute s string\n@data\n{}\n",
            "expected a value of attribute 's'",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named_with_file_and_line(tmp_path, text, message):
    path = _write(tmp_path, text)
    with pytest.raises(FileFormatError, match=message) as error:
        read_arff(path)
    assert error.value.path == str(path)
    assert error.value.place.startswith("line ")
