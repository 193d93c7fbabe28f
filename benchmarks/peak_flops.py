"""What a GPU can compute at most: the denominator of model FLOPs utilisation."""

BF16_PEAK = {"H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "A100": 312e12}
"""Dense bf16 operations a second by what a device's name contains, from NVIDIA's data sheets; the first that fits."""


def bf16_peak(device_name: str) -> float | None:
    """Of a device as PyTorch names it; None where it is not known."""
    return next((peak for name, peak in BF16_PEAK.items() if name in device_name), None)
