"""torchvision's ImageNet networks behind our contract: `features`, `head`, `width` and named stages.

Images come in [−1, 1], as everywhere in the lab; the first step turns them into what torchvision's weights were trained
on. `features` is all of torchvision's forward pass but its last linear layer, in evaluation mode.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.overrides import TorchFunctionMode

from invlab.architectures import facts, is_lab, lab_network
from invlab.networks import Network, Step, average, build, numbered, resized

SETTLING = (16, 64)  # images, and their side, that an untrained network's batch norms are set from
Parts = tuple[dict[str, Step], nn.Module]  # the steps and the head


class ImageNet(Network):
    """A torchvision network, `body`, whose own names its weights keep.

    mean, std: (3,), of the images that it was trained on, in [0, 1].
    """

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self, body: nn.Module, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.body = body
        made, head = STEPS[type(body).__name__](body)
        if not isinstance(head, nn.Linear):
            raise TypeError(f"the last layer of {type(body).__name__} is {type(head).__name__}, not linear")
        self._steps = made
        self.head = head
        self.width = head.in_features
        # x in [−1, 1] is (x + 1) / 2 in [0, 1]
        self.register_buffer("shift", torch.tensor(mean).mul(2).sub(1).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(std).mul(2).view(1, 3, 1, 1), persistent=False)

    def normalised(self, images: torch.Tensor) -> torch.Tensor:
        """Images in [−1, 1] as torchvision's transforms give them; the mean colour becomes 0."""
        return (images - self.shift) / self.scale

    def steps(self) -> dict[str, Step]:
        first, *_ = self._steps
        return {**self._steps, first: lambda images: self._steps[first](self.normalised(images))}


# ------------------------------------------------------------------------------------------------- steps of each family


def chained(*steps: Step) -> Step:
    """One step after the other."""

    def run(x: torch.Tensor) -> torch.Tensor:
        for step in steps:
            x = step(x)
        return x

    return run


def flat(maps: torch.Tensor) -> torch.Tensor:
    return maps.flatten(1)


def channels_first(step: Step) -> Step:
    """A step on (N, H, W, C) as one on (N, C, H, W), which is what all stages of maps are."""
    return lambda maps: step(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def resnet(body: Any) -> Parts:
    stem = chained(body.conv1, body.bn1, body.relu, body.maxpool)
    blocks = numbered([body.layer1, body.layer2, body.layer3, body.layer4])
    return {"stem": stem, **blocks, "features": chained(body.avgpool, flat)}, body.fc


def densenet(body: Any) -> Parts:
    """Each block with the transition before it, the last with the final norm and its ReLU."""
    named = dict(body.features.named_children())
    blocks = [named[f"denseblock{i}"] for i in range(1, 5)]
    between = [named[f"transition{i}"] for i in range(1, 4)]
    steps = [blocks[0], *(chained(*pair) for pair in zip(between, blocks[1:], strict=True))]
    steps[-1] = chained(steps[-1], named["norm5"], torch.relu)
    stem = chained(*(named[name] for name in ("conv0", "norm0", "relu0", "pool0")))
    return {"stem": stem, **_numbered(steps), "features": average}, body.classifier


def pooled_stack(body: Any) -> Parts:
    """VGG and AlexNet: convolutions up to each pooling are a block; the layers before the last make the features."""
    layers = list(body.features)
    ends = [0, *(i + 1 for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d))]
    blocks = [nn.Sequential(*layers[a:b]) for a, b in pairwise(ends)]
    features = chained(body.avgpool, flat, body.classifier[:-1])
    return {**_numbered(blocks), "features": features}, body.classifier[-1]


def stack(body: Any) -> Parts:
    """EfficientNet and MobileNet: `features`, averaged, and what of the classifier stands before its last layer."""
    pool = getattr(body, "avgpool", nn.AdaptiveAvgPool2d(1))
    first, *blocks = body.features
    features = chained(pool, flat, body.classifier[:-1])
    return {"stem": first, **numbered(blocks), "features": features}, body.classifier[-1]


def convnext(body: Any) -> Parts:
    """Each block with the halving before it."""
    stem, first, *rest = body.features
    blocks = [first, *(nn.Sequential(*pair) for pair in zip(rest[0::2], rest[1::2], strict=True))]
    features = chained(body.avgpool, body.classifier[:-1])
    return {"stem": stem, **numbered(blocks), "features": features}, body.classifier[-1]


def vit(body: Any) -> Parts:
    """As our own ViT: class token first, positions interpolated where the images have another size."""

    def tokens(images: torch.Tensor) -> torch.Tensor:
        grid = body.conv_proj(images)
        first = body.class_token.expand(len(images), -1, -1)
        positions = resized(body.encoder.pos_embedding, grid.shape[2], grid.shape[3])
        return torch.cat([first, grid.flatten(2).transpose(1, 2)], 1) + positions

    features = chained(lambda x: body.encoder.ln(x[:, 0]), body.heads[:-1])
    return {"stem": tokens, **numbered(body.encoder.layers), "features": features}, body.heads[-1]


def swin(body: Any) -> Parts:
    """Each block with the merging of patches before it."""
    stem, first, *rest = body.features
    blocks = [first, *(chained(*pair) for pair in zip(rest[0::2], rest[1::2], strict=True))]
    made = _numbered([channels_first(block) for block in blocks])
    features = chained(lambda maps: body.norm(maps.permute(0, 2, 3, 1)), body.permute, body.avgpool, flat)
    return {"stem": lambda images: stem(images).permute(0, 3, 1, 2), **made, "features": features}, body.head


def regnet(body: Any) -> Parts:
    blocks = numbered(body.trunk_output)
    return {"stem": body.stem, **blocks, "features": chained(body.avgpool, flat)}, body.fc


def shufflenet(body: Any) -> Parts:
    blocks = [body.stage2, body.stage3, body.stage4, body.conv5]
    return {"stem": chained(body.conv1, body.maxpool), **_numbered(blocks), "features": average}, body.fc


def mnasnet(body: Any) -> Parts:
    """The stem is the first eight layers, up to the first block of inverted residuals; the last block ends the maps."""
    layers = list(body.layers)
    blocks = [*layers[8:14], nn.Sequential(*layers[14:])]
    steps = {"stem": nn.Sequential(*layers[:8]), **numbered(blocks)}
    return {**steps, "features": chained(average, body.classifier[:-1])}, body.classifier[-1]


def _numbered(steps: list[Any]) -> dict[str, Step]:
    return {f"block{number}": step for number, step in enumerate(steps, 1)}


STEPS: dict[str, Callable[[Any], Parts]] = {
    "ResNet": resnet,
    "DenseNet": densenet,
    "VGG": pooled_stack,
    "AlexNet": pooled_stack,
    "VisionTransformer": vit,
    "SwinTransformer": swin,
    "ConvNeXt": convnext,
    "EfficientNet": stack,
    "MobileNetV2": stack,
    "MobileNetV3": stack,
    "MNASNet": mnasnet,
    "ShuffleNetV2": shufflenet,
    "RegNet": regnet,
}

# ------------------------------------------------------------------------------------------------------------ building


class Draws(TorchFunctionMode):
    """While it is on, initial weights are drawn from `generator`; without one they are 0.

    torchvision's networks draw theirs from the global generator while they are built, which takes seconds, and for
    nothing where a file's weights follow.
    """

    RANDOM = (
        torch.Tensor.normal_,
        torch.Tensor.uniform_,
        *(getattr(nn.init, f"{how}_") for how in ("normal", "uniform", "kaiming_normal", "kaiming_uniform")),
    )

    def __init__(self, generator: torch.Generator | None) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in self.RANDOM:
            if self.generator is None:
                tensor = args[0] if args else kwargs["tensor"]
                tensor.data.zero_()  # some draw again and again until all values lie in a range
                return tensor
            kwargs["generator"] = self.generator
        return func(*args, **kwargs)


def fused(network: Network) -> Network:
    """The same function, for looking only: batch norms folded into the convolutions before them; `network` is used up.

    A norm's scale and shift take as long to apply as to read and write the maps: without them a ResNet-50 answers a
    fifth faster. The lab's networks are returned as they are.
    """
    if not isinstance(network, ImageNet):
        return network
    _fold(network.body)
    again = ImageNet(network.body, *((x.flatten().tolist()) for x in ((network.shift + 1) / 2, network.scale / 2)))
    return again.eval().to(memory_format=torch.channels_last)


def _fold(module: nn.Module) -> None:
    """In torchvision's modules a norm that follows a convolution in their order follows it in their forward pass too;
    the tests compare every family's features."""
    children = list(module.named_children())
    for (name, one), (after, norm) in pairwise(children):
        if isinstance(one, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, name, fuse_conv_bn_eval(one, norm))
            setattr(module, after, nn.Identity())
    for _, child in module.named_children():
        _fold(child)


def bare(name: str, classes: int) -> Network:
    """The network `name`, a row of `ARCHITECTURES`, its weights not drawn: load some."""
    return _lab(name, classes, None) if is_lab(name) else _torchvision(name, classes, None)


def untrained(name: str, generator: torch.Generator) -> Network:
    """The network as its training begins, every weight drawn from `generator` (a CPU one).

    Batch norms, which at that moment normalise by the batch, take their statistics from a few images of coloured
    clouds: with the statistics they are built with, the signal of a deep network fades to nothing, or overflows.
    """
    if is_lab(name):
        return _lab(name, 10, generator)
    network = _torchvision(name, 1000, generator)
    settle(network, generator)
    return network


def _lab(name: str, classes: int, generator: torch.Generator | None) -> Network:
    return build(lab_network(name), classes, generator or torch.Generator()).eval()


def _torchvision(name: str, classes: int, generator: torch.Generator | None) -> Network:
    from torchvision.models import get_model, get_model_weights

    facts(name)  # its sentence for an unknown name
    images = get_model_weights(name).DEFAULT.transforms()
    with Draws(generator):
        body = get_model(name, weights=None, num_classes=classes)
    return ImageNet(body, images.mean, images.std).eval().to(memory_format=torch.channels_last)


@torch.no_grad()
def settle(network: Network, generator: torch.Generator) -> None:
    """Set the batch norms' statistics from a few images that are drawn from `generator`."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    count, side = SETTLING
    rough = torch.rand(count, 3, 8, 8, generator=generator) * 2 - 1
    clouds = nn.functional.interpolate(rough, size=(side, side), mode="bilinear")
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of what is seen
        norm.train()
    network.features(clouds.contiguous(memory_format=torch.channels_last))
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    network.eval()
