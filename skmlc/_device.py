"""The device of PyTorch that a user names."""

import torch

__all__ = ["check_device"]


def check_device(device):
    """Raise an error for a device that PyTorch does not know or that is not there.

    Parameters
    ----------
    device : str or torch.device
        As the user gave it; "auto" and "distributed" are fine.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    if isinstance(device, str) and device in ("auto", "distributed"):
        return
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise ValueError(
            "device must be 'auto', 'cpu', 'cuda' or another device of PyTorch; got "
            f"{device!r}: a GPU of NVIDIA is 'cuda'."
        ) from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device must be available; got {str(device)!r}, and PyTorch finds no CUDA here: "
            "pass device='auto' or 'cpu'."
        )
