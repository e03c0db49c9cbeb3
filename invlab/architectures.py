"""Which networks can be audited, in plain numbers: torchvision's for ImageNet, and the lab's own.

No torch here: pages, specs and the command line list networks, sizes and costs before anything is loaded. Where both
have a network of one name (resnet18, resnet50, densenet121, vgg11), the plain name is torchvision's, and the lab's,
which has the CIFAR form, is called `resnet50-cifar`.
"""

from __future__ import annotations

from dataclasses import dataclass

LAB_SIZE = 32  # pixels a side, what the lab's networks learn on
CIFAR = "-cifar"
CALL_SECONDS = 0.003  # of an image beside its arithmetic, on two CPU cores
SECONDS_A_GFLOP = 0.0125  # of two CPU cores: 19 images of ResNet-50 in a second
# The lab's, of 32 × 32 pixels: billions of multiply-adds an image.
LAB: dict[str, float] = {
    "labnet": 0.01,
    "resnet18": 0.56,
    "resnet50": 1.3,
    "densenet121": 0.13,
    "vgg11": 0.15,
    "vit": 0.82,
    "resnet18-small": 0.014,
    "resnet50-small": 0.011,
    "densenet121-small": 0.016,
    "vgg11-small": 0.014,
    "vit-small": 0.01,
}


@dataclass(frozen=True)
class Facts:
    """size: side of the images its weights were made for, pixels. gflops: billions of multiply-adds an image of that
    size. megabytes: of the file of torchvision's DEFAULT weights, 2²⁰ bytes; 0 where there is none."""

    size: int
    gflops: float
    megabytes: int = 0


def facts(name: str) -> Facts:
    """Of the network `name`; ValueError for an unknown one lists some that are known."""
    if name not in ARCHITECTURES:
        raise ValueError(f"there is no network {name!r} to audit; choose from {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def is_lab(name: str) -> bool:
    """Whether the network is one of the lab's own, not torchvision's."""
    return name not in IMAGENET


def lab_network(name: str) -> str:
    """The row of `invlab.networks.NETWORKS` that an audited lab network is: `resnet50` of `resnet50-cifar`."""
    return name.removesuffix(CIFAR)


def audited(network: str) -> str:
    """What a row of `invlab.networks.NETWORKS` is called here."""
    return network + CIFAR if network in IMAGENET or network == "vit" else network


def image_seconds(name: str, size: int) -> float:
    """A rough estimate for one image of `size` pixels on two CPU cores."""
    known = facts(name)
    return CALL_SECONDS / (10 if is_lab(name) else 1) + SECONDS_A_GFLOP * known.gflops * (size / known.size) ** 2


# torchvision's, with the side, the cost and the file that it gives for the DEFAULT weights. Left out: GoogLeNet and
# Inception, which normalise images once more, SqueezeNet, whose head is no linear layer, MaxVit, which takes no other
# size, and two with files of 2.4 GB.
IMAGENET: dict[str, Facts] = {
    "resnet18": Facts(224, 1.81, 45),
    "resnet34": Facts(224, 3.66, 83),
    "resnet50": Facts(224, 4.09, 98),
    "resnet101": Facts(224, 7.8, 171),
    "resnet152": Facts(224, 11.5, 230),
    "wide_resnet50_2": Facts(224, 11.4, 263),
    "wide_resnet101_2": Facts(224, 22.8, 485),
    "resnext50_32x4d": Facts(224, 4.23, 96),
    "resnext101_32x8d": Facts(224, 16.4, 340),
    "resnext101_64x4d": Facts(224, 15.5, 319),
    "densenet121": Facts(224, 2.83, 31),
    "densenet161": Facts(224, 7.73, 110),
    "densenet169": Facts(224, 3.36, 55),
    "densenet201": Facts(224, 4.29, 77),
    "vgg11": Facts(224, 7.61, 507),
    "vgg11_bn": Facts(224, 7.61, 507),
    "vgg13": Facts(224, 11.3, 508),
    "vgg13_bn": Facts(224, 11.3, 508),
    "vgg16": Facts(224, 15.5, 528),
    "vgg16_bn": Facts(224, 15.5, 528),
    "vgg19": Facts(224, 19.6, 548),
    "vgg19_bn": Facts(224, 19.6, 548),
    "alexnet": Facts(224, 0.714, 233),
    "vit_b_16": Facts(224, 17.6, 330),
    "vit_b_32": Facts(224, 4.41, 337),
    "vit_l_16": Facts(224, 61.6, 1161),
    "vit_l_32": Facts(224, 15.4, 1169),
    "swin_b": Facts(224, 15.4, 335),
    "swin_s": Facts(224, 8.74, 190),
    "swin_t": Facts(224, 4.49, 108),
    "swin_v2_b": Facts(256, 20.3, 336),
    "swin_v2_s": Facts(256, 11.5, 191),
    "swin_v2_t": Facts(256, 5.94, 109),
    "convnext_base": Facts(224, 15.4, 338),
    "convnext_large": Facts(224, 34.4, 755),
    "convnext_small": Facts(224, 8.68, 192),
    "convnext_tiny": Facts(224, 4.46, 109),
    "efficientnet_b0": Facts(224, 0.386, 20),
    "efficientnet_b1": Facts(240, 0.687, 30),
    "efficientnet_b2": Facts(288, 1.09, 35),
    "efficientnet_b3": Facts(300, 1.83, 47),
    "efficientnet_b4": Facts(380, 4.39, 74),
    "efficientnet_b5": Facts(456, 10.3, 117),
    "efficientnet_b6": Facts(528, 19.1, 165),
    "efficientnet_b7": Facts(600, 37.7, 255),
    "efficientnet_v2_l": Facts(480, 56.1, 455),
    "efficientnet_v2_m": Facts(480, 24.6, 208),
    "efficientnet_v2_s": Facts(384, 8.37, 83),
    "mobilenet_v2": Facts(224, 0.301, 14),
    "mobilenet_v3_large": Facts(224, 0.217, 21),
    "mobilenet_v3_small": Facts(224, 0.057, 10),
    "mnasnet0_5": Facts(224, 0.104, 9),
    "mnasnet0_75": Facts(224, 0.215, 12),
    "mnasnet1_0": Facts(224, 0.314, 17),
    "mnasnet1_3": Facts(224, 0.526, 24),
    "shufflenet_v2_x0_5": Facts(224, 0.04, 5),
    "shufflenet_v2_x1_0": Facts(224, 0.145, 9),
    "shufflenet_v2_x1_5": Facts(224, 0.296, 14),
    "shufflenet_v2_x2_0": Facts(224, 0.583, 28),
    "regnet_x_1_6gf": Facts(224, 1.6, 35),
    "regnet_x_3_2gf": Facts(224, 3.18, 59),
    "regnet_x_8gf": Facts(224, 8, 151),
    "regnet_x_16gf": Facts(224, 15.9, 208),
    "regnet_x_32gf": Facts(224, 31.7, 412),
    "regnet_x_400mf": Facts(224, 0.414, 21),
    "regnet_x_800mf": Facts(224, 0.8, 28),
    "regnet_y_1_6gf": Facts(224, 1.61, 43),
    "regnet_y_3_2gf": Facts(224, 3.18, 75),
    "regnet_y_8gf": Facts(224, 8.47, 151),
    "regnet_y_16gf": Facts(224, 15.9, 319),
    "regnet_y_32gf": Facts(224, 32.3, 554),
    "regnet_y_400mf": Facts(224, 0.402, 17),
    "regnet_y_800mf": Facts(224, 0.834, 25),
}

ARCHITECTURES: dict[str, Facts] = {**{audited(name): Facts(LAB_SIZE, cost) for name, cost in LAB.items()}, **IMAGENET}
