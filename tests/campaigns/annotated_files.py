"""Valid files of ARFF and its companions, and of images and their lists, for the campaigns."""

import gzip
import io
import json
import zipfile

import numpy as np
from PIL import Image
from scipy import sparse

from skmlc.datasets import load_bags, load_image_set, load_multilabel
from skmlc.inputs import Images
from tests.campaigns.forms import Format, check_bunch

DENSE = """% a comment
@relation 'toy: -C 2'
@attribute cat {0,1}
@attribute dog {NO,YES}
@attribute "x y" numeric
@attribute color {red,'dark blue',green} % three
@attribute n real
@data
1,NO,0.5,red,3
0,YES,-1e3,'dark blue',4 % behind
?,NO,?,green,.5
1,YES,7,?,2,{0.5}
"""
SPARSE = """@relation "toy: -C -2"
@attribute a numeric
@attribute b {0,1}
@attribute c {2,1}
@attribute cat {0,1}
@attribute dog {0,1}
@data
{0 1.5,1 1,3 1}
{}
{2 1,4 1}, {3}
{0 -2, 1 '1', 3 ?}
"""
TEXTS = r"""@relation 'toy: -C 1'
@attribute cat {0,1}
@attribute text string
@data
1,'it\'s a "cat", 50\% \u00e9'
0,none
1,"a\tb\nc"
"""
KEEL = """@relation toy
@attribute x real [0.0, 2.0]
@attribute spare integer [0, 9]
@attribute cat {0, 1}
@attribute dog {0, 1}
@inputs x
@outputs cat, dog
@data
0.5, 7, 1, 0
1.5, <null>, 0, 1
"""
BAGS = """@relation toy
@attribute id {bag1,bag2,bag3}
@attribute bag relational
 @attribute f numeric
 @attribute g {no,yes}
@end bag
@attribute cat {0,1}
@attribute dog {0,1}
@data
bag1,"42,no\\n41.9,yes\\n",1,0
bag2,'-1,no',0,1
{0 bag3,1 "{1 yes}\\n{0 3}",2 1}
"""
XML = """<?xml version="1.0" encoding="utf-8"?>
<labels xmlns="http://mulan.sourceforge.net/labels">
<label name="cat"><label name="dog"></label></label>
</labels>
"""
COCO = {
    "info": {"year": 2017},
    "images": [
        {"id": 9, "file_name": "a.png", "height": 6, "width": 8},
        {"id": 4, "file_name": "b.png", "height": 6, "width": 8},
    ],
    "annotations": [
        {"id": 1, "image_id": 9, "category_id": 18, "bbox": [1, 2, 4.5, 3], "iscrowd": 0},
        {"id": 2, "image_id": 4, "category_id": 2, "bbox": [0, 0, 8, 6], "iscrowd": 1},
    ],
    "categories": [{"id": 2, "name": "cat"}, {"id": 18, "name": "dog"}],
}
VOC = """<annotation><folder>VOC2012</folder><filename>a.png</filename>
<size><width>8</width><height>6</height><depth>3</depth></size>
<object><name>dog</name><difficult>0</difficult>
<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>7</xmax><ymax>5</ymax></bndbox></object>
<object><name>cat</name>
<bndbox><xmin>2</xmin><ymin>2</ymin><xmax>8</xmax><ymax>6</ymax></bndbox></object>
</annotation>
"""
PICTURE = np.random.default_rng(0).integers(0, 256, size=(6, 8, 3), dtype=np.uint8)


def _text(name, content, pack=None):
    """Return a writer of one file of text."""

    def write(folder):
        data = content.encode()
        (folder / name).write_bytes(data if pack is None else pack(data))
        return folder / name

    return write


def _with_xml(damaged):
    def write(folder):
        (folder / "toy.arff").write_text(DENSE.replace("toy: -C 2", "toy"))
        (folder / "toy.xml").write_text(XML)
        return folder / damaged

    return write


def _read_table(path):
    """Read an ARFF file, in which NaN stands for what is missing and nothing is infinite."""
    bunch = load_multilabel(path.with_name("toy.arff") if path.suffix == ".xml" else path)
    if sparse.issparse(bunch.data):
        assert not np.isinf(bunch.data.data).any()
        assert len(bunch.feature_names) == bunch.data.shape[1]
        bunch.data.data[np.isnan(bunch.data.data)] = 0
    if bunch.sample_weight is not None:
        assert bunch.sample_weight.shape == (bunch.target.shape[0],)
        assert (bunch.sample_weight >= 0).all()
        assert np.isfinite(bunch.sample_weight).all()
    check_bunch(bunch)


def _read_bags(path):
    check_bunch(load_bags(path, labels=-2))


def _pictures(folder):
    folder.mkdir(exist_ok=True)
    for name in ("a.png", "b.png"):
        Image.fromarray(PICTURE).save(folder / name)


def _table(text):
    def write(folder):
        _pictures(folder / "images")
        return _text("labels.csv", text)(folder)

    return write


def _coco(folder):
    _pictures(folder / "images")
    (folder / "instances_toy.json").write_text(json.dumps(COCO))
    return folder / "instances_toy.json"


def _voc(damaged):
    def write(folder):
        _pictures(folder / "JPEGImages")
        (folder / "Annotations").mkdir()
        (folder / "ImageSets" / "Main").mkdir(parents=True)
        (folder / "Annotations" / "a.xml").write_text(VOC)
        (folder / "Annotations" / "b.xml").write_text(VOC.replace("a.png", "b.png"))
        (folder / "ImageSets" / "Main" / "train.txt").write_text("b\n")
        (folder / "ImageSets" / "Main" / "val.txt").write_text("a\n")
        return folder / damaged

    return write


def _read_coco(path):
    _check_images(load_image_set(path))


def _read_voc(path):
    top = next(folder for folder in path.parents if (folder / "JPEGImages").exists())
    _check_images(load_image_set(top))


def _check_images(bunch):
    """Assert that images, labels and boxes hold together, and that the containers take them."""
    n_samples, n_labels = bunch.target.shape
    assert len(bunch.images) == n_samples
    assert len(set(bunch.target_names)) == len(bunch.target_names) == n_labels
    assert np.isin(bunch.target, (0, 1)).all()
    for rows in bunch.splits.values():
        np.arange(n_samples)[rows]
    if bunch.boxes is not None:
        assert [len(boxes) for boxes in bunch.boxes] == [len(a) for a in bunch.box_labels]
        assert all(((a >= 0) & (a < n_labels)).all() for a in bunch.box_labels)
    if n_samples == 0:
        return
    if isinstance(bunch.images[0], str):
        Images(bunch.images, boxes=bunch.boxes, broken=None)
    else:
        Images(bunch.images, channels="last", boxes=bunch.boxes)


def _jpegs():
    """Two JPEG files one after the other, and where they end; one lies on its side."""
    contents = []
    for orientation in (1, 6):
        exif, buffer = Image.Exif(), io.BytesIO()
        exif[0x0112] = orientation
        Image.fromarray(PICTURE).save(buffer, "JPEG", exif=exif)
        contents.append(np.frombuffer(buffer.getvalue(), dtype=np.uint8))
    return np.concatenate(contents), np.cumsum([0, *map(len, contents)])


def _image_folder(damaged):
    def write(folder):
        data, offsets = _jpegs()
        np.savez(folder / "images_jpeg.npz", data=data, offsets=offsets)
        np.savez(folder / "images_6x8.npz", images=np.stack([PICTURE, PICTURE]))
        sparse.save_npz(folder / "Y.npz", sparse.csr_matrix([[1, 0], [1, 1]]))
        meta = {"label_names": ["cat", "dog"], "splits": {"train": [0, 1], "test": [1, 2]}}
        (folder / "meta.json").write_text(json.dumps(meta))
        return folder / damaged

    return write


def _read_image_folder(path):
    for size in (None, "jpeg"):
        _check_images(load_image_set(path.parent, size=size))


def _images_npz(folder):
    np.savez_compressed(
        folder / "toy.npz",
        X6x8=np.stack([PICTURE, PICTURE]),
        Y=[[1, 0], [1, 1]],
        labels=["cat", "dog"],
        boxes=[[0, 0, 1, 1], [0.25, 0.5, 0.5, 0.75]],
        box_image=[0, 1],
        box_label=[0, 1],
    )
    with zipfile.ZipFile(folder / "toy.npz") as file:
        assert file.testzip() is None
    return folder / "toy.npz"


FORMATS = [
    Format("ARFF dense", _text("toy.arff", DENSE), _read_table),
    Format("ARFF sparse", _text("toy.arff", SPARSE), _read_table),
    Format("ARFF.gz", _text("toy.arff.gz", SPARSE, gzip.compress), _read_table),
    Format("ARFF texts", _text("toy.arff", TEXTS), _read_table),
    Format("ARFF of KEEL", _text("toy.dat", KEEL), _read_table),
    Format("ARFF of bags", _text("toy.arff", BAGS), _read_bags),
    Format("MULAN ARFF", _with_xml("toy.arff"), _read_table),
    Format("MULAN XML", _with_xml("toy.xml"), _read_table),
    Format("images, table", _table("file,labels\na.png,cat|dog\nb,dog\n"), _read_coco),
    Format("images, 0 and 1", _table("file,cat,dog\na.png,1,1\nb,0,1\n"), _read_coco),
    Format("images, COCO", _coco, _read_coco),
    Format("images, VOC XML", _voc("Annotations/a.xml"), _read_voc),
    Format("images, VOC list", _voc("ImageSets/Main/val.txt"), _read_voc),
    Format("images, VOC picture", _voc("JPEGImages/a.png"), _read_voc),
    Format("images, arrays", _image_folder("images_6x8.npz"), _read_image_folder),
    Format("images, JPEG", _image_folder("images_jpeg.npz"), _read_image_folder),
    Format("images, npz", _images_npz, _read_coco),
]
