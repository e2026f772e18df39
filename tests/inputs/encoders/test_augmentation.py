"""Random views are windows and mirror images of what they are of."""

import numpy as np
import torch

from skmlc.inputs.encoders.augmentation import random_crop, random_flip


def crop_by_hand(image, left, top, width, height):
    """Cut a window (edges in pixels) of an image (H, W) and resize it, pixel by pixel."""
    n_rows, n_columns = image.shape
    result = np.empty_like(image)
    for i in range(n_rows):
        for j in range(n_columns):
            y = np.clip(top + (i + 0.5) * height / n_rows - 0.5, 0, n_rows - 1)
            x = np.clip(left + (j + 0.5) * width / n_columns - 0.5, 0, n_columns - 1)
            a, b = int(y), int(x)
            c, d = min(a + 1, n_rows - 1), min(b + 1, n_columns - 1)
            upper = image[a, b] * (1 - (x - b)) + image[a, d] * (x - b)
            lower = image[c, b] * (1 - (x - b)) + image[c, d] * (x - b)
            result[i, j] = upper * (1 - (y - a)) + lower * (y - a)
    return result


def ramps(n_samples, height, width):
    """Return images whose pixels tell their place: channel 0 the column, channel 1 the row."""
    rows, columns = np.mgrid[:height, :width].astype(float)
    return torch.tensor(np.stack([columns, rows])).expand(n_samples, -1, -1, -1)


def test_a_crop_is_a_window_interpolated_as_by_hand():
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(rng.normal(size=(6, 1, 12, 18)))
    both = torch.cat([noise, ramps(6, 12, 18)], dim=1)
    torch.manual_seed(0)
    views = random_crop(both, 0.4).numpy()
    for before, after in zip(both[:, 0].numpy(), views):
        # The ramps tell the window: their middle pixels are linear in its place and size.
        step_x, step_y = after[1, 6, 9] - after[1, 6, 8], after[2, 6, 9] - after[2, 5, 9]
        left = after[1, 6, 8] + 0.5 - 8.5 * step_x
        top = after[2, 5, 9] + 0.5 - 5.5 * step_y
        expected = crop_by_hand(before, left, top, 18 * step_x, 12 * step_y)
        np.testing.assert_allclose(after[0], expected, atol=1e-9)


def test_windows_have_the_sides_that_are_allowed_and_keep_within_the_image():
    torch.manual_seed(0)
    views = random_crop(ramps(2000, 10, 20), 0.5)
    width = views[:, 0, 5, 11] - views[:, 0, 5, 10]
    height = views[:, 1, 6, 10] - views[:, 1, 5, 10]
    left = views[:, 0, 5, 10] + 0.5 - 10.5 * width
    top = views[:, 1, 5, 10] + 0.5 - 5.5 * height
    aspect = width / height
    for side, edge, n in ((width, left, 20), (height, top, 10)):
        assert 0.5 - 1e-9 < side.min() < 0.51
        assert 0.98 < side.max() < 1 + 1e-9
        assert -1e-9 < edge.min() < 0.1
        assert n - 0.1 < (edge + n * side).max() < n + 1e-9
    assert 1.15 < aspect.max() < 1.23
    assert 0.81 < aspect.min() < 0.87


def test_half_of_the_images_are_mirrored_and_the_others_left():
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.random((400, 2, 3, 4)))
    torch.manual_seed(0)
    after = random_flip(images).numpy()
    mirrored = [np.array_equal(a, np.flip(b, 2)) for a, b in zip(after, images.numpy())]
    same = [np.array_equal(a, b) for a, b in zip(after, images.numpy())]
    assert np.all(np.array(mirrored) ^ np.array(same))
    assert 160 < sum(mirrored) < 240


def test_views_are_cut_in_float32_under_autocast():
    torch.manual_seed(0)
    expected = random_crop(ramps(4, 9, 8).float(), 0.5)
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(random_crop(ramps(4, 9, 8).float(), 0.5), expected)


def test_nothing_from_beyond_the_edge_is_seen():
    views = random_crop(torch.ones(500, 1, 4, 4), 0.3)
    torch.testing.assert_close(views, torch.ones_like(views))
