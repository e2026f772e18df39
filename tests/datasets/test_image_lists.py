import json
import sys

import numpy as np
import pytest

from skmlc.datasets import load_image_set
from skmlc.exceptions import FileFormatError
from skmlc.inputs import Images

Image = pytest.importorskip("PIL.Image")
ORIENTATION = 0x0112


def _picture(path, height=20, width=30, orientation=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.zeros((height, width, 3), dtype=np.uint8))
    exif = Image.Exif()
    if orientation is not None:
        exif[ORIENTATION] = orientation
    picture.save(path, exif=exif)


def _table(folder, text, name="labels.csv"):
    for stem in ("a", "b", "c"):
        _picture(folder / "images" / f"{stem}.jpg")
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    "name, text",
    [
        ("labels.csv", "file,labels\na.jpg,sea|sky\nb.jpg,sky\nc.jpg,\n"),
        ("labels.csv", "image_name,tags\na,sea sky\nb,sky\nc,\n"),
        ("labels.csv", '\ufeff"file","labels"\r\n"a.jpg","sea, sky"\r\nb,sky\r\nc,""\r\n'),
        ("labels.csv", "file;labels\na.jpg;sea|sky\nb.jpg;sky\nc.jpg;\n"),
        ("labels.csv", "file,sea,sky\na.jpg,1,1\nb.jpg,0,1\nc.jpg,0,0\n"),
        ("labels.tsv", "file\tsea\tsky\na\t1\t1\nb\t0\t1\n\nc\t0\t0\n"),
    ],
)
def test_a_table_of_files_and_labels(tmp_path, name, text):
    bunch = load_image_set(_table(tmp_path, text, name))
    assert bunch.target_names == ["sea", "sky"]
    np.testing.assert_array_equal(bunch.target, [[1, 1], [0, 1], [0, 0]])
    assert bunch.target.dtype == np.int64
    assert bunch.images == [str(tmp_path / "images" / f"{stem}.jpg") for stem in "abc"]
    assert Images(bunch.images).read([0]).shape == (1, 3, 20, 30)
    assert (bunch.boxes, bunch.splits) == (None, {"all": slice(0, 3)})


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "must have a line of names"),
        ("file,labels\n", "must have a line of names"),
        ("file\na.jpg\n", "must have a line of names"),
        ("file,labels\na.jpg\n", "line 2: must have 2 columns; got 1"),
        ("file,labels\nz.jpg,sea\n", "line 2: it names a file 'z.jpg' that is not in"),
        ("file,labels\na.jpg,sea\na,sky\n", "line 3: it names the file 'a' twice"),
        ("file,labels\n../../../a.jpg,sea\n", "not in"),
        ("file,labels\n/dev/zero,sea\n", "/dev/zero: must lie within"),
        ("file,sea,sky\na,1,.5\n", "line 2: 'sky' must be 0 or 1; got '.5'"),
        ("file,sea,sky\na,1,\n", "line 2: 'sky' must be 0 or 1; got ''"),
        ("file,sea,sea\na,1,0\n", "labels must differ; got 'sea' twice"),
        ('file,labels\n"a.jpg,sea\n', "line 2: must be a table"),
    ],
)
def test_a_mistake_in_a_table_is_named(tmp_path, text, message):
    with pytest.raises(FileFormatError, match=message):
        load_image_set(_table(tmp_path, text))


COCO = {
    "images": [
        {"id": 7, "file_name": "a.jpg", "height": 20, "width": 30},
        {"id": 3, "file_name": "b.jpg"},
        {"id": 5, "file_name": "c.jpg", "height": 20, "width": 30},
    ],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 18, "bbox": [1, 2, 10, 5.5], "iscrowd": 0},
        {"id": 2, "image_id": 5, "category_id": 90, "bbox": [0, 0, 30, 20], "iscrowd": 1},
        {"id": 3, "image_id": 7, "category_id": 18, "bbox": [20, 10, 10.4, 10]},
        {"id": 4, "image_id": 7, "category_id": 90, "bbox": [5, 5, 0, 0]},
    ],
    "categories": [{"id": 90, "name": "toothbrush"}, {"id": 18, "name": "dog"}],
}


def _coco(folder, content=COCO, split="val"):
    for stem in ("a", "b", "c"):
        _picture(folder / split / f"{stem}.jpg")
    (folder / "annotations").mkdir(exist_ok=True)
    path = folder / "annotations" / f"instances_{split}.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def _check_coco(bunch):
    assert [path.rpartition("/")[2] for path in bunch.images] == ["a.jpg", "b.jpg", "c.jpg"]
    assert bunch.target_names == ["toothbrush", "dog"]
    np.testing.assert_array_equal(bunch.target, [[1, 1], [0, 0], [1, 0]])
    expected = [[1, 2, 11, 7.5], [20, 10, 30.4, 20], [5, 5, 5, 5]]
    np.testing.assert_allclose(bunch.boxes[0], expected)
    assert [len(boxes) for boxes in bunch.boxes] == [3, 0, 1]
    assert [labels.tolist() for labels in bunch.box_labels] == [[1, 1, 0], [], [0]]


def test_coco_gives_labels_and_boxes_as_the_containers_take_them(tmp_path):
    bunch = load_image_set(_coco(tmp_path))
    _check_coco(bunch)
    X = Images(bunch.images, boxes=bunch.boxes)
    boxes, _ = X.read_boxes([0])
    np.testing.assert_allclose(boxes[1], [20 / 30, 10 / 20, 1, 1])


def test_a_folder_of_coco_has_a_split_per_file(tmp_path):
    _coco(tmp_path, split="train2017")
    _coco(tmp_path, split="val2017")
    bunch = load_image_set(tmp_path)
    assert bunch.splits == {"train2017": slice(0, 3), "val2017": slice(3, 6)}
    assert len(bunch.images) == len(bunch.boxes) == 6
    part = load_image_set(tmp_path, split="val2017")
    _check_coco(part)
    assert all("val2017" in path for path in part.images)
    with pytest.raises(ValueError, match="size must be left out"):
        load_image_set(tmp_path, size="8x8")


def test_coco_agrees_with_its_own_reader(tmp_path):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    path = _coco(tmp_path)
    theirs, ours = coco.COCO(str(path)), load_image_set(path)
    for row, number in enumerate((7, 3, 5)):
        found = theirs.loadAnns(theirs.getAnnIds(imgIds=number))
        names = {theirs.loadCats(item["category_id"])[0]["name"] for item in found}
        assert names == {ours.target_names[i] for i in np.flatnonzero(ours.target[row])}
        corners = ours.boxes[row].astype(float)
        corners[:, 2:] -= corners[:, :2]
        np.testing.assert_allclose(
            corners, np.reshape([item["bbox"] for item in found], (-1, 4)), rtol=1e-5
        )


def _changed(where, key, value, place=0):
    content = json.loads(json.dumps(COCO))
    content[where][place][key] = value
    return content


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "must be JSON"),
        ("[" * 100_000, "must be JSON"),
        ("[]", "must be an object with images"),
        ({**COCO, "annotations": {}}, "must be an object with annotations"),
        (_changed("images", "id", "7"), "images 0: id must be a whole number; got '7'"),
        (_changed("images", "id", 3), "images 1: id must differ; got 3 again"),
        (
            _changed("images", "file_name", "b.jpg"),
            "images 1: it names the file 'b.jpg' twice",
        ),
        (_changed("images", "file_name", None), "images 0: must name a file; got 'None'"),
        (_changed("images", "file_name", "../../x.jpg"), "images 0: it names a file"),
        (_changed("images", "width", 31), "height and width must be.*20 x 30; got 20 x 31"),
        (
            _changed("annotations", "image_id", 99),
            "annotations 0: image_id and category_id",
        ),
        (
            _changed("annotations", "category_id", 1),
            "annotations 0: image_id and category_id",
        ),
        (
            _changed("annotations", "bbox", [1, 2, 3]),
            "annotations 0: bbox must be left, top",
        ),
        (_changed("annotations", "bbox", [0, 0, -1, 1]), "boxes must lie in the image"),
        (_changed("annotations", "bbox", [31, 0, 1, 1]), "boxes must lie in the image"),
        (
            json.dumps(_changed("annotations", "bbox", [0, 0, 1, 1e99])).replace(
                "e+99", "e999"
            ),
            "annotations 0: bbox must be left, top",
        ),
        (_changed("categories", "id", 18), "categories: id must differ"),
        (_changed("categories", "name", "dog"), "labels must differ; got 'dog' twice"),
    ],
)
def test_a_mistake_in_coco_is_named(tmp_path, content, message):
    with pytest.raises(FileFormatError, match=message):
        load_image_set(_coco(tmp_path, content))


XML = """<annotation>
  <folder>VOC2012</folder><filename>{file}</filename>
  <source><database>The VOC2007 Database</database></source>
  <size><width>30</width><height>20</height><depth>3</depth></size>
  {objects}
</annotation>"""
DOG = """<object><name>dog</name><pose>Left</pose><truncated>1</truncated>
  <bndbox><xmin>1</xmin><ymin>3</ymin><xmax>30</xmax><ymax>20</ymax></bndbox>
  <part><name>head</name>
    <bndbox><xmin>9</xmin><ymin>9</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>
</object>"""
CAT = (
    DOG.replace("dog", "cat").replace("<part>", "<part><part/>").replace("ymin>3", "ymin>4")
)


FIRST = XML.format(file="1.jpg", objects=DOG + CAT + DOG)


def _voc(folder, first=FIRST):
    for stem in "123":
        _picture(folder / "JPEGImages" / f"{stem}.jpg")
    (folder / "Annotations").mkdir(exist_ok=True)
    (folder / "Annotations" / "1.xml").write_text(first)
    (folder / "Annotations" / "2.xml").write_text(XML.format(file="2", objects=""))
    (folder / "Annotations" / "3.xml").write_text(
        XML.format(file=r"C:\x\3.jpg", objects=CAT)
    )
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True, exist_ok=True)
    (lists / "train.txt").write_text("3\n1\n")
    (lists / "test.txt").write_text("2\n")
    return folder


def test_voc_gives_labels_boxes_and_splits(tmp_path):
    bunch = load_image_set(_voc(tmp_path))
    assert bunch.target_names == ["cat", "dog"]
    np.testing.assert_array_equal(bunch.target, [[1, 1], [0, 0], [1, 0]])
    np.testing.assert_array_equal(
        bunch.boxes[0], [[0, 2, 30, 20], [0, 3, 30, 20], [0, 2, 30, 20]]
    )
    assert [labels.tolist() for labels in bunch.box_labels] == [[1, 0, 1], [], [0]]
    assert bunch.splits["train"].tolist() == [2, 0]
    train = load_image_set(tmp_path, split="train")
    assert [path.rpartition("/")[2] for path in train.images] == ["3.jpg", "1.jpg"]
    assert [len(boxes) for boxes in train.boxes] == [1, 3]
    np.testing.assert_array_equal(train.target, [[1, 0], [1, 1]])
    assert len(Images(train.images, boxes=train.boxes)) == 2


LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    "content, message",
    [
        ("<annotation>", "1.xml, line 1: must be XML; no element found"),
        (
            LAUGHS + "<annotation>&b;</annotation>",
            "1.xml, line 1: must have no document type",
        ),
        ('<?xml version="1.0" encoding="q"?><a/>', "1.xml, line 1: must be XML"),
        (XML.format(file="9.jpg", objects=""), "1.xml: it names a file"),
        (XML.format(file="2.jpg", objects=""), "2.xml: it names the file '2' twice"),
        (
            XML.format(file="1.jpg", objects="<object/>"),
            "line 5: an object must have a name",
        ),
        (
            XML.format(file="1.jpg", objects=DOG.replace(">30<", ">x<")),
            "1.xml, line 5: xmax must be a number; got 'x'",
        ),
        (
            XML.format(file="1.jpg", objects=DOG.replace(">30<", ">1_0<")),
            "1.xml, line 5: xmax must be a number; got '1_0'",
        ),
        (
            XML.format(file="1.jpg", objects=DOG).replace("<width>30", "<width>20"),
            "height and width must be those of the image",
        ),
    ],
)
def test_a_mistake_in_voc_is_named(tmp_path, content, message):
    with pytest.raises(FileFormatError, match=message):
        load_image_set(_voc(tmp_path, content))


def test_voc_files_may_be_nested_to_any_depth(tmp_path):
    deep = "<x>" * 100_000 + "</x>" * 100_000
    assert sys.getrecursionlimit() < 100_000
    bunch = load_image_set(_voc(tmp_path, XML.format(file="1.jpg", objects=DOG + deep)))
    assert len(bunch.boxes[0]) == 1


def test_lists_of_splits_name_images_that_are_there(tmp_path):
    path = _voc(tmp_path) / "ImageSets" / "Main" / "test.txt"
    for text in ("9\n", "2\n2\n"):
        path.write_text(text)
        with pytest.raises(FileFormatError, match=r"test\.txt: must list images"):
            load_image_set(tmp_path)


def test_boxes_are_those_of_the_upright_picture(tmp_path):
    path = _coco(tmp_path)
    _picture(tmp_path / "val" / "c.jpg", 30, 20, orientation=6)
    assert Images([tmp_path / "val" / "c.jpg"]).image_shape == (3, 20, 30)
    _check_coco(load_image_set(path))
    _picture(tmp_path / "val" / "c.jpg", 20, 30, orientation=6)
    with pytest.raises(
        FileFormatError, match=r"c\.jpg: height and width.*upright: 30 x 20"
    ):
        load_image_set(path)
