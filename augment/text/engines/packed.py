"""Linear layers on x86 CPUs, their weights laid out once as oneDNN multiplies them fastest."""

from typing import Any

import torch
from torch import Tensor, nn

ROWS = 32
"""Rows that the layout is made for; it is right for any number."""

_onednn: Any = torch.ops.mkldnn


class PackedLinear(nn.Module):
    """`linear`, for inference alone.

    torch's own layer reorders its weight in each call, which costs as much as the product where the rows are few.

    Source:
        The operations that torch.compile puts in place of a linear layer on a CPU; torch has no public name for them.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        parameters = dict(linear.named_parameters())
        bias = parameters.get("bias")
        with torch.inference_mode():
            self.weight = _onednn._reorder_linear_weight(parameters["weight"].detach(), ROWS)
        self.bias = None if bias is None else bias.detach()

    def forward(self, inputs: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        return _onednn._linear_pointwise(inputs, self.weight, self.bias, "none", [], "")


def pack(model: nn.Module) -> None:
    """Put a `PackedLinear` in the place of each linear layer of `model`, where this torch on this CPU has it."""
    if not _available(next(model.parameters()).dtype):
        return
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, PackedLinear(child))


def _available(dtype: torch.dtype) -> bool:
    if not (torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability().startswith("AVX")):
        return False
    if not (hasattr(_onednn, "_linear_pointwise") and hasattr(_onednn, "_reorder_linear_weight")):
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and bool(_onednn._is_mkldnn_bf16_supported()))
