"""labnet in compiled code (`labnet.c`): torch's features, loss and gradients to rounding, in about 0.6 of its time.

It takes the laboratory's usual case: labnet in float32 on the CPU, with images of 32 × 32 pixels; where the library was
built (`invlab.compiled`), and the processor has vectors of 512 bits. For all else there is torch.
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
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam


class Learner:
    """Call it with a batch of 2 … `most` images and a learning rate: a step of Adam, as torch's with its usual betas.
    It returns the batch's mean cross-entropy (nats) and the share named rightly, both before the step.

    network: one that `takes` takes, to be learned on by nothing else meanwhile.
    """

    def __init__(self, network: LabNet, most: int) -> None:
        self.network, self.most = network, most
        self.library = _library()
        self.statistics, self.seen = statistics(network)
        self.weights = list(network.parameters())  # in the order of the modules, as the compiled code has it
        self.gradients, self.means, self.squares = ([torch.zeros_like(w) for w in self.weights] for _ in range(3))
        self.sizes = (ctypes.c_long * len(self.weights))(*(weight.numel() for weight in self.weights))
        self.steps = 0
        self.place = _place(self.library, most)
        self.scores = torch.empty(network.head.out_features)

    def __call__(self, batch: Batch, rate: float) -> tuple[float, float]:
        told = self.differentiate(batch)
        self.steps += 1
        moving = (self.weights, self.gradients, self.means, self.squares)
        self.library.invlab_labnet_adam(
            *(_pointers(tensors) for tensors in moving), self.sizes, len(self.sizes), rate, *BETAS, EPSILON, self.steps
        )
        return told

    def differentiate(self, batch: Batch) -> tuple[float, float]:
        """Sets the gradient of every weight, moves the batch norms' running statistics, returns as the call does."""
        images, labels = _checked(batch.images), batch.labels.contiguous()
        if not 2 <= len(images) <= self.most or labels.shape != (len(images),) or labels.dtype != torch.int64:
            raise ValueError(f"batch: {len(images)} images, {len(labels)} labels; give 2 … {self.most}, of int64")
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
            self.network.norm.momentum,
            self.network.norm.eps,
        )
        if right < 0:
            raise IndexError(f"labels: one is none of the {len(self.scores)} classes")
        for batches in self.seen:
            batches += 1
        return loss.value, right / len(images)


def features(network: LabNet, images: torch.Tensor) -> torch.Tensor:
    """float32 (N, width) of images (N, 3, 32, 32), as in evaluation mode; each image's are the same in every batch.

    network: one that `takes` takes.
    """
    images, library = _checked(images), _library()
    found = torch.empty(len(images), network.width)
    place = _place(library, 0)
    library.invlab_labnet_features(
        images.data_ptr(),
        _pointers(network.parameters()),
        _pointers(statistics(network)[0]),
        place.data_ptr(),
        found.data_ptr(),
        len(images),
        network.norm.eps,
    )
    return found


def statistics(network: LabNet) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The running mean and variance of each batch norm in turn, and how many batches each has seen."""
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    means, variances, seen = zip(*(norm.buffers() for norm in norms), strict=True)
    return [values for pair in zip(means, variances, strict=True) for values in pair], list(seen)


def takes(network: Network, size: int, learning: bool = False) -> bool:
    """Whether compiled code can run this network on images of `size` pixels a side, and learn all of its weights."""
    if not isinstance(network, LabNet) or size != SIDE or not compiled.has_labnet():
        return False
    return network.widths == WIDTHS and all(
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and (weight.requires_grad or not learning)
        and weight.is_contiguous(memory_format=torch.channels_last if weight.ndim == 4 else torch.contiguous_format)
        for weight in network.parameters()
    )


def _checked(images: torch.Tensor) -> torch.Tensor:
    """The images as compiled code reads them; it would not notice others."""
    if images.shape[1:] != (3, SIDE, SIDE) or images.dtype != torch.float32 or images.device.type != "cpu":
        raise ValueError(f"images: {tuple(images.shape)}, {images.dtype}; give float32 (N, 3, {SIDE}, {SIDE})")
    return images.contiguous()


def _library() -> ctypes.CDLL:
    library = compiled.library()
    if library is None or not compiled.has_labnet():
        raise RuntimeError("labnet's compiled code is not there: ask `takes` first")
    return library


def _place(library: ctypes.CDLL, images: int) -> torch.Tensor:
    """Where a batch of so many images is learned, or (0) any number are looked at."""
    place = torch.zeros(library.invlab_labnet_bytes(images) + ALIGNED, dtype=torch.uint8)
    return place[-place.data_ptr() % ALIGNED :]


def _pointers(tensors: Iterable[torch.Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    """Looked up for every step: a weight may have been given other memory."""
    pointers = [tensor.data_ptr() for tensor in tensors]
    return (ctypes.c_void_p * len(pointers))(*pointers)
