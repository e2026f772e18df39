import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skmlc.datasets import load_digit_scenes


@pytest.fixture(scope="module")
def scenes():
    return load_digit_scenes(2000, random_state=0)


def _instances_of(scenes):
    """Scene of every instance."""
    return np.repeat(np.arange(len(scenes.target)), np.diff(scenes.bags.offsets))


def test_the_parts_have_the_documented_shapes_and_types(scenes):
    n_digits = scenes.bags.offsets[-1]
    assert scenes.images.shape == (2000, 40, 40)
    assert scenes.images.dtype == np.float32
    assert 0 <= scenes.images.min() < scenes.images.max() <= 1
    assert scenes.bags.instances.shape == (n_digits, 64)
    assert scenes.boxes.shape == (n_digits, 4)
    assert scenes.target.shape == (2000, 10)
    assert scenes.target.dtype == np.int64
    assert scenes.target_names == list("0123456789")
    assert len(scenes.digit_labels) == len(scenes.faint) == n_digits


def test_the_target_is_the_set_of_the_digits_of_the_scene(scenes):
    scene = _instances_of(scenes)
    for i in range(50):
        labels = scenes.digit_labels[scene == i]
        assert sorted(labels) == np.flatnonzero(scenes.target[i]).tolist()


def test_every_digit_is_the_image_of_its_label():
    scenes = load_digit_scenes(200, faint=0, noise=0)
    digits = load_digits()
    np.testing.assert_array_equal(digits.target[scenes.digit_images], scenes.digit_labels)
    np.testing.assert_allclose(
        scenes.bags.instances * 16, digits.data[scenes.digit_images], atol=1e-5
    )


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_the_boxes_hold_the_instances(scale):
    scenes = load_digit_scenes(30, scale=scale)
    assert scenes.images.shape == (30, 20 * scale, 20 * scale)
    scene = _instances_of(scenes)
    for i, (left, top, right, bottom) in enumerate(scenes.boxes.astype(int)):
        crop = scenes.images[scene[i], top:bottom:scale, left:right:scale]
        np.testing.assert_array_equal(crop.ravel(), scenes.bags.instances[i])


def test_digits_do_not_overlap_and_the_ground_is_empty_without_noise():
    scenes = load_digit_scenes(200, noise=0)
    scene = _instances_of(scenes)
    covered = np.zeros(scenes.images.shape, dtype=int)
    for i, (left, top, right, bottom) in enumerate(scenes.boxes.astype(int)):
        covered[scene[i], top:bottom, left:right] += 1
    assert covered.max() == 1
    assert (scenes.images[covered == 0] == 0).all()


def test_instances_stand_in_reading_order(scenes):
    rows, columns = scenes.boxes[:, 1] // 20, scenes.boxes[:, 0] // 20
    place = 4 * _instances_of(scenes) + 2 * rows + columns
    assert (np.diff(place) > 0).all()


def test_conditional_probabilities_are_those_documented(scenes):
    P = scenes.conditional_probabilities
    np.testing.assert_allclose(P[3], [0.1, 0.3, 0.6, 1, 0.6, 0.3, 0.1, 0, 0, 0])
    for i in range(10):  # the matrix goes around the ring
        np.testing.assert_allclose(np.roll(P[i], 3 - i), P[3])


def test_digits_come_together_as_the_conditional_probabilities_say():
    Y = load_digit_scenes(10000, scale=1, random_state=1).target
    together = Y.T @ Y
    counts = np.diag(together)
    scenes = load_digit_scenes(1)
    # Four and five standard errors, with 2500 scenes for each digit.
    np.testing.assert_allclose(
        together / counts[:, None], scenes.conditional_probabilities, atol=0.04
    )
    np.testing.assert_allclose(counts / len(Y), 0.25, atol=0.022)


def test_the_label_graph_joins_the_likeliest_partners(scenes):
    likeliest = (scenes.conditional_probabilities > 0.4) & ~np.eye(10, dtype=bool)
    np.testing.assert_array_equal(scenes.label_graph, likeliest)
    assert (scenes.label_graph.sum(axis=1) == 2).all()


def test_training_and_test_scenes_share_no_digit_image(scenes):
    test = load_digit_scenes(2000, subset="test", random_state=5)
    assert not set(scenes.digit_images) & set(test.digit_images)


@pytest.mark.parametrize("random_state", [0, 7])
def test_the_split_of_the_digit_images_does_not_depend_on_the_seed(random_state):
    target = load_digits().target
    rank = np.array([np.sum(target[:i] == target[i]) for i in range(len(target))])
    for subset, is_test in (("train", False), ("test", True)):
        scenes = load_digit_scenes(3000, subset=subset, random_state=random_state)
        assert ((rank[scenes.digit_images] % 3 == 2) == is_test).all()
    scenes = load_digit_scenes(3000, subset="all", random_state=random_state)
    assert set(rank[scenes.digit_images] % 3) == {0, 1, 2}


def test_the_same_seed_gives_the_same_scenes():
    first, second, other = (load_digit_scenes(50, random_state=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first.boxes, second.boxes)
    assert (first.target != other.target).any()


def test_subsets_are_independent_for_the_same_seed():
    train, test = (
        load_digit_scenes(500, subset=s, random_state=0) for s in ("train", "test")
    )
    same = (train.target == test.target).all(axis=1).mean()
    assert same < 0.1  # one of 40 label sets by chance


def test_global_random_state_is_left_alone():
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    load_digit_scenes(5, random_state=0)
    assert np.random.random() == expected  # noqa: NPY002


def test_faint_is_the_share_of_faint_digits():
    assert not load_digit_scenes(50, faint=0).faint.any()
    assert load_digit_scenes(50, faint=1).faint.all()
    assert abs(load_digit_scenes(2000, faint=0.3).faint.mean() - 0.3) < 0.04


def test_faint_digits_are_hard_and_clear_ones_are_easy(scenes):
    test = load_digit_scenes(500, subset="test")
    model = LogisticRegression(max_iter=300).fit(scenes.bags.instances, scenes.digit_labels)
    right = model.predict(test.bags.instances) == test.digit_labels
    assert right[~test.faint].mean() > 0.85
    assert right[test.faint].mean() < 0.8


def test_noise_reaches_the_ground():
    quiet, noisy = (load_digit_scenes(20, noise=noise).images for noise in (0, 0.3))
    assert (quiet == 0).mean() > 0.4
    assert noisy.std() > quiet.std() > 0
    assert noisy[quiet == 0].mean() > 0.1


@pytest.mark.parametrize(
    "parameter",
    [
        {"n_samples": 0},
        {"n_samples": 2.5},
        {"subset": "valid"},
        {"scale": 0},
        {"faint": 1.5},
        {"noise": -1},
        {"noise": float("inf")},
    ],
)
def test_a_parameter_out_of_range_is_named(parameter):
    [name] = parameter
    with pytest.raises(ValueError, match=f"{name} must be"):
        load_digit_scenes(**parameter)
