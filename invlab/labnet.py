"""labnet's step of learning in compiled code (`labnet.c`): the loss and gradients of torch's autograd to rounding, in
about 0.6 of its time.

It takes the laboratory's usual case: labnet in float32 on the CPU, with images of 32 × 32 pixels; where the library was
built (`invlab.compiled`), and the processor has vectors of 512 bits. All else learns through autograd.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import TYPE_CHECKING

from invlab import compiled
from invlab.networks import LabNet, Network
from invlab.tasks import Batch

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch

SIDE = 32
WIDTHS = (32, 48, 80)
ALIGNED = 64  # bytes


class Step:
    """Call it with a batch of 2 … `most` images: it sets the gradient of every weight of `network`, moves the batch
    norms' running statistics, and returns the batch's mean cross-entropy (nats) and the share named rightly.

    network: one that `takes` takes, on which nothing else computes meanwhile.
    """

    def __init__(self, network: LabNet, most: int) -> None:
        self.network, self.most = network, most
        self.library = _library()
        norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        means, variances, self.seen = zip(*(norm.buffers() for norm in norms), strict=True)
        self.statistics = [values for pair in zip(means, variances, strict=True) for values in pair]
        self.momentum, self.epsilon = network.norm.momentum, network.norm.eps
        self.weights = list(network.parameters())  # in the order of the modules, as the compiled code has it
        self.gradients = [torch.empty_like(weight) for weight in self.weights]
        place = torch.zeros(self.library.invlab_labnet_bytes(most) + ALIGNED, dtype=torch.uint8)
        self.place = place[-place.data_ptr() % ALIGNED :]
        self.scores = torch.empty(network.head.out_features)

    def __call__(self, batch: Batch) -> tuple[float, float]:
        images, labels = batch.images.contiguous(), batch.labels.contiguous()
        self._check(images, labels)
        for weight, gradient in zip(self.weights, self.gradients, strict=True):
            weight.grad = gradient
        loss = ctypes.c_double()
        right = self.library.invlab_labnet_step(
            images.data_ptr(),
            labels.data_ptr(),
            _pointers(self.weights),
            _pointers(self.gradients),
            _pointers(self.statistics),
            self.place.data_ptr(),
            self.scores.data_ptr(),
            ctypes.addressof(loss),
            len(images),
            len(self.scores),
            self.momentum,
            self.epsilon,
        )
        if right < 0:
            raise IndexError(f"labels: one is none of the {len(self.scores)} classes")
        for batches in self.seen:
            batches += 1
        return loss.value, right / len(images)

    def _check(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """What compiled code would not notice."""
        if images.shape[1:] != (3, SIDE, SIDE) or images.dtype != torch.float32 or images.device.type != "cpu":
            raise ValueError(f"images: {tuple(images.shape)}, {images.dtype}; give float32 (N, 3, {SIDE}, {SIDE})")
        if not 2 <= len(images) <= self.most or labels.shape != (len(images),) or labels.dtype != torch.int64:
            raise ValueError(f"batch: {len(images)} images, {len(labels)} labels; give 2 … {self.most}, of int64")


def takes(network: Network, size: int) -> bool:
    """Whether compiled code can learn this network, on images of `size` pixels a side."""
    if not isinstance(network, LabNet) or size != SIDE or not runs():
        return False
    return network.widths == WIDTHS and all(
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and weight.requires_grad
        and weight.is_contiguous(memory_format=torch.channels_last if weight.ndim == 4 else torch.contiguous_format)
        for weight in network.parameters()
    )


def runs() -> bool:
    """Whether the library is there, and this processor has what labnet's step needs."""
    library = compiled.library()
    return library is not None and bool(library.invlab_labnet_runs())


def _library() -> ctypes.CDLL:
    library = compiled.library()
    if library is None or not library.invlab_labnet_runs():
        raise RuntimeError("labnet's compiled step is not there: ask `takes` first")
    return library


def _pointers(tensors: Iterable[torch.Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    """Looked up for every step: a weight may have been given other memory."""
    pointers = [tensor.data_ptr() for tensor in tensors]
    return (ctypes.c_void_p * len(pointers))(*pointers)
