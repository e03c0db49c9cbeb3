"""Networks behind one contract: `features(images) -> (N, width)`, `head`, `width`, and named stages on the way.

The five architectures of the paper in their CIFAR form (3 × 3 stem of stride 1, no pooling after it), made of
torchvision's blocks; for each a `-small` setting, the same kind of network, shallower and narrower, that one CPU core
can train; and labnet, the laboratory's own.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice, pairwise

import torch
import torch.nn.functional as F
from torch import nn

Step = Callable[[torch.Tensor], torch.Tensor]


class Network(nn.Module):
    """A representation, reached in named stages, and a linear head that reads it.

    features(images): float32 (N, 3, S, S) in [−1, 1] -> (N, width), the representation f(x).
    stages: the names of the activations on the way, in order; the last is `features`.
    head: the final linear layer, width -> classes.
    """

    width: int
    head: nn.Linear

    def steps(self) -> dict[str, Step]:
        """What makes each stage of the one before, in order; the first takes the images."""
        raise NotImplementedError

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(self.steps())

    def walk(self, images: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        """(name, activation) after every stage."""
        x = images
        for name, step in self.steps().items():
            x = step(x)
            yield name, x

    def features(self, images: torch.Tensor) -> torch.Tensor:
        for _, x in self.walk(images):  # noqa: B007 - the last is the representation; none before it is kept
            pass
        return x

    def stage_features(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """The activation after every stage: maps (N, C, H, W) or tokens (N, T, C), and `features` (N, width)."""
        return dict(self.walk(images))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))


def average(maps: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) -> (N, C)."""
    return F.adaptive_avg_pool2d(maps, 1).flatten(1)


def numbered(blocks: Iterable[nn.Module]) -> dict[str, nn.Module]:
    return {f"block{number}": block for number, block in enumerate(blocks, 1)}


# ------------------------------------------------------------------------------------------------------------- labnet


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions that halve the side, beside an averaged 1 × 1 shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = F.relu(self.norm1(self.conv1(x)), inplace=True)
        halved = F.avg_pool2d(x, 2, ceil_mode=True)  # an odd side is rounded up, as the strided convolution does
        return F.relu(self.norm2(self.conv2(inner)) + self.shortcut(halved), inplace=True)


class LabNet(Network):
    """A small residual network for two CPU cores: 32 × 32 -> 16 × 16 × 32 -> 8 × 8 × 48 -> 4 × 4 × 80, averaged."""

    def __init__(self, classes: int, widths: tuple[int, ...] = (32, 48, 80)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        self.blocks = nn.Sequential(*(ResidualBlock(inputs, outputs) for inputs, outputs in pairwise(widths)))
        self.widths = widths
        self.width = widths[-1]
        self.head = nn.Linear(self.width, classes)

    def begin(self, images: torch.Tensor) -> torch.Tensor:
        return F.relu(self.norm(self.stem(images)), inplace=True)

    def steps(self) -> dict[str, Step]:
        return {"stem": self.begin, **numbered(self.blocks), "features": lambda maps: maps.mean((2, 3))}


# --------------------------------------------------------------------------------------- the architectures of the paper


class ResNet(Network):
    """Residual blocks of two 3 × 3 convolutions, or bottlenecks (1 × 1, 3 × 3, 1 × 1) with four times the channels.

    He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, CVPR 2016; torchvision's blocks, whose
    bottleneck has its stride in the 3 × 3 convolution. Stages: stem, block1 … block4, of half the side each from
    block2 on. Any side from 16 pixels.

    depths: blocks of each stage. widths: 3 × 3 channels of each stage. stride: of the stem.
    """

    def __init__(
        self,
        classes: int,
        depths: tuple[int, ...],
        widths: tuple[int, ...] = (64, 128, 256, 512),
        bottleneck: bool = False,
        stride: int = 1,
    ) -> None:
        super().__init__()
        from torchvision.models.resnet import BasicBlock, Bottleneck  # 1.4 s to import, and labnet does not need it

        block = Bottleneck if bottleneck else BasicBlock
        body: OrderedDict[str, nn.Module] = OrderedDict(
            conv1=nn.Conv2d(3, widths[0], 3, stride, padding=1, bias=False),
            bn1=nn.BatchNorm2d(widths[0]),
            relu=nn.ReLU(inplace=True),
        )
        inputs = widths[0]
        for number, (depth, planes) in enumerate(zip(depths, widths, strict=True), 1):
            body[f"layer{number}"] = residual_stage(block, inputs, planes, depth, 1 if number == 1 else 2)
            inputs = planes * block.expansion
        self.width = inputs
        self.head = nn.Linear(self.width, classes)  # before the body: weights are drawn in this order
        self.body = nn.Sequential(body)

    def steps(self) -> dict[str, Step]:
        return {"stem": self.body[:3], **numbered(self.body[3:]), "features": average}


def residual_stage(block: type, inputs: int, planes: int, depth: int, stride: int) -> nn.Sequential:
    """`depth` of torchvision's blocks; the first has the stride, and a projection where the shape changes."""
    outputs = planes * block.expansion  # type: ignore[attr-defined]
    projection = None
    if stride != 1 or inputs != outputs:
        projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    return nn.Sequential(block(inputs, planes, stride, projection), *(block(outputs, planes) for _ in range(depth - 1)))


class DenseNet(Network):
    """Every layer reads all layers of its block before it, and adds `growth` channels.

    Huang, Liu, van der Maaten, Weinberger, Densely Connected Convolutional Networks, CVPR 2017, the BC form: a 1 × 1
    bottleneck of 4 × growth channels in each layer, half the channels and half the side between blocks, 2 × growth
    channels from the stem. Stages: stem, block1 … (each from block2 on with the transition before it, the last with the
    final norm and ReLU). Any side from 16 pixels.

    depths: layers of each block. stride: of the stem.
    """

    def __init__(self, classes: int, depths: tuple[int, ...], growth: int = 12, stride: int = 1) -> None:
        super().__init__()
        from torchvision.models import densenet

        made = densenet.DenseNet(growth, depths, num_init_features=2 * growth)
        _, norm, relu, _, first, *rest, last = made.features  # its 7 × 7 convolution and its pooling are left out
        stem = nn.Conv2d(3, 2 * growth, 3, stride, padding=1, bias=False)
        self.stem = nn.Sequential(stem, norm, relu)
        blocks = [first, *(nn.Sequential(*pair) for pair in zip(rest[0::2], rest[1::2], strict=True))]
        blocks[-1] = nn.Sequential(blocks[-1], last, nn.ReLU(inplace=True))
        self.blocks = nn.Sequential(*blocks)
        self.width = made.classifier.in_features
        self.head = nn.Linear(self.width, classes)

    def steps(self) -> dict[str, Step]:
        return {"stem": self.stem, **numbered(self.blocks), "features": average}


class VGG(Network):
    """Plain stacks of 3 × 3 convolutions with batch norm, each ending in a 2 × 2 maximum.

    Simonyan, Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015, configuration A.
    CIFAR form: five poolings leave one pixel of 32, so a global average takes the place of the 7 × 7 grid, and one
    linear layer that of the three with 4,096 channels and dropout between: those hold 124 of VGG-11's 133 million
    parameters, for 1,000 classes of photographs of 224 pixels, and as in the other CNNs the representation then is the
    last convolution's. Stages: block1 … block5 (the first convolution is block1's). Any side from 16 pixels; poolings
    round an odd side up.

    channels: of the convolutions of each block.
    """

    def __init__(self, classes: int, channels: tuple[tuple[int, ...], ...]) -> None:
        super().__init__()
        from torchvision.models.vgg import make_layers

        plan = [layer for block in channels for layer in (*block, "M")]
        layers = iter(make_layers(plan, batch_norm=True))  # three for a convolution: it, its norm, its ReLU
        blocks = [nn.Sequential(*islice(layers, 3 * len(block) + 1)) for block in channels]
        for block in blocks:
            block[-1] = nn.MaxPool2d(2, ceil_mode=True)  # one pixel stays one, so that 16 × 16 passes five of them
        self.blocks = nn.Sequential(*blocks)
        self.width = channels[-1][-1]
        self.head = nn.Linear(self.width, classes)

    def steps(self) -> dict[str, Step]:
        return {**numbered(self.blocks), "features": average}


class PatchEmbedding(nn.Conv2d):
    """One linear map for all patches: a convolution whose stride is its side, and which no ReLU follows."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__(3, width, patch, stride=patch)


class ViT(Network):
    """A transformer encoder that reads an image as a sequence of patches and a class token.

    Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021; torchvision's encoder (norm before attention and MLP,
    no dropout). The representation is the class token after the last norm. Stages: stem (patches, class token first,
    with their positions: (N, 1 + T, width)), block1 …

    Learned positions belong to a grid of 32 / patch a side: for other sides they are interpolated (bicubic), as the
    paper proposes for other resolutions, and a patch over the edge is filled up with zeros.

    depth: encoder blocks. hidden: width of each block's MLP.
    """

    def __init__(self, classes: int, width: int, depth: int, heads: int, hidden: int, patch: int = 4) -> None:
        super().__init__()
        from torchvision.models import VisionTransformer

        body = VisionTransformer(32, patch, depth, heads, width, hidden)
        body.conv_proj = PatchEmbedding(width, patch)
        body.heads = nn.Identity()
        self.body = body
        self.width = width
        self.head = nn.Linear(width, classes)

    def steps(self) -> dict[str, Step]:
        encoder = self.body.encoder
        return {"stem": self.tokens, **numbered(encoder.layers), "features": lambda x: encoder.ln(x[:, 0])}

    def tokens(self, images: torch.Tensor) -> torch.Tensor:
        side = self.body.patch_size
        over = (-images.shape[3] % side, -images.shape[2] % side)
        grid = self.body.conv_proj(F.pad(images, (0, over[0], 0, over[1])) if any(over) else images)
        first = self.body.class_token.expand(len(images), -1, -1)
        positions = resized(self.body.encoder.pos_embedding, grid.shape[2], grid.shape[3])
        return torch.cat([first, grid.flatten(2).transpose(1, 2)], 1) + positions


def resized(positions: torch.Tensor, high: int, wide: int) -> torch.Tensor:
    """Position embeddings (1, 1 + T, C) of a square grid, the class token's first -> (1, 1 + high · wide, C)."""
    side = math.isqrt(positions.shape[1] - 1)
    if (high, wide) == (side, side):
        return positions
    grid = positions[:, 1:].transpose(1, 2).unflatten(2, (side, side))
    grid = F.interpolate(grid, size=(high, wide), mode="bicubic", align_corners=False)
    return torch.cat([positions[:, :1], grid.flatten(2).transpose(1, 2)], 1)


# ------------------------------------------------------------------------------------------------------------ building


def build(name: str, classes: int, generator: torch.Generator, device: str = "cpu") -> Network:
    """The network `name` with a head for `classes`, its weights drawn from `generator` (a CPU one).

    Raises ValueError for an unknown name. The weights do not depend on the device.
    """
    network = _without_weights(name, classes).to_empty(device="cpu")
    initialise(network, generator)
    return network.to(device).to(memory_format=torch.channels_last)


def restore(name: str, classes: int, tensors: dict[str, torch.Tensor], device: str = "cpu") -> Network:
    """The network `name` with the weights and statistics of `tensors`, which it takes over.

    Raises ValueError for an unknown name, RuntimeError for tensors of another network.
    """
    network = _without_weights(name, classes)
    network.load_state_dict(tensors, assign=True)
    return network.to(device).to(memory_format=torch.channels_last)


def _without_weights(name: str, classes: int) -> Network:
    if name not in NETWORKS:
        raise ValueError(f"there is no network {name!r}; choose from {', '.join(NETWORKS)}")
    with torch.device("meta"):  # torch's own initialisation would read the global generator
        return NETWORKS[name](classes)


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw every weight from `generator`, and set every statistic.

    Convolutions He-normal by fan-out; linear layers uniform by fan-in; of a transformer, patches normal by fan-in,
    attention Xavier-uniform (as torchvision's), class token and positions normal of 0.02; biases 0, norms 1 and 0.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.normal_(0, spread(module), generator=generator)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            module.weight.uniform_(-bound, bound, generator=generator)
            module.bias.zero_()
        elif isinstance(module, nn.MultiheadAttention):  # its output projection is a linear layer, met on its own
            nn.init.xavier_uniform_(module.in_proj_weight, generator=generator)
            module.in_proj_bias.zero_()
        elif isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
            module.reset_parameters()
        else:
            for bare in module.parameters(recurse=False):  # a class token, position embeddings
                bare.normal_(0, 0.02, generator=generator)


def spread(convolution: nn.Conv2d) -> float:
    """The standard deviation of a convolution's first weights."""
    pixels = convolution.kernel_size[0] * convolution.kernel_size[1]
    if isinstance(convolution, PatchEmbedding):
        return math.sqrt(1 / (convolution.in_channels * pixels))
    return math.sqrt(2 / (convolution.out_channels * pixels))


def parameters(network: nn.Module) -> int:
    """How many trainable numbers the network has."""
    return sum(p.numel() for p in network.parameters())


VGG11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))

NETWORKS: dict[str, Callable[[int], Network]] = {
    "labnet": LabNet,
    "resnet18": partial(ResNet, depths=(2, 2, 2, 2)),
    "resnet50": partial(ResNet, depths=(3, 4, 6, 3), bottleneck=True),
    "densenet121": partial(DenseNet, depths=(6, 12, 24, 16)),
    "vgg11": partial(VGG, channels=VGG11),
    "vit": partial(ViT, width=384, depth=7, heads=8, hidden=1536),
    # Small settings: 1,300 … 2,000 images/s learned on one CPU thread. A stem of stride 2, as labnet has, where given.
    "resnet18-small": partial(ResNet, depths=(2, 2, 2, 2), widths=(16, 32, 48, 80), stride=2),
    "resnet50-small": partial(ResNet, depths=(2, 2, 2, 2), widths=(8, 16, 32, 48), bottleneck=True, stride=2),
    "densenet121-small": partial(DenseNet, depths=(1, 2, 4, 4), growth=16, stride=2),
    "vgg11-small": partial(VGG, channels=((16,), (32,), (48, 48), (96, 96), (96, 96))),
    "vit-small": partial(ViT, width=64, depth=2, heads=2, hidden=128),
}
