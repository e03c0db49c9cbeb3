"""The figures of the paper, as data: T. Speicher, V. Nanda, K. P. Gummadi, *Understanding the Role of Invariance in
Transfer Learning*, TMLR 2024 (arXiv 2407.04325). ResNet-18, 10 seeds unless said; values read off a plot are ± 0.01."""

from __future__ import annotations

SOURCE = (
    "Speicher, Nanda and Gummadi, Understanding the Role of Invariance in Transfer Learning, TMLR 2024 "
    "(arXiv 2407.04325)"
)

# Sensitivity: mean and standard deviation over families and seeds, by what a network was trained on, its kind, column.
SHIFT_COLUMNS = ("in-distribution", "mild", "strong", "cifar10", "cifar100")
SHIFT: dict[str, dict[str, dict[str, tuple[float, float]]]] = {
    trained: {kind: dict(zip(SHIFT_COLUMNS, zip(*both, strict=True), strict=True)) for kind, both in rows.items()}
    for trained, rows in {
        "image": {
            "same": ((0.12, 0.21, 0.56, 0.37, 0.35), (0.07, 0.10, 0.16, 0.19, 0.17)),
            "other": ((0.40, 0.41, 0.69, 0.51, 0.50), (0.15, 0.14, 0.15, 0.20, 0.18)),
            "none": ((0.39, 0.42, 0.69, 0.48, 0.48), (0.15, 0.15, 0.16, 0.22, 0.20)),
        },
        "random": {
            "same": ((0.12, 0.44, 0.24, 0.40, 0.37), (0.08, 0.15, 0.10, 0.22, 0.20)),
            "other": ((0.64, 0.69, 0.33, 0.46, 0.45), (0.16, 0.16, 0.11, 0.21, 0.20)),
            "none": ((0.65, 0.70, 0.35, 0.49, 0.47), (0.18, 0.17, 0.13, 0.20, 0.19)),
        },
    }.items()
}  # fmt: skip

# Transfer accuracy: placement -> trained on -> probed on.
RELEVANCE_TASKS = ("C", "C+O for C", "C+O for O", "O")
RELEVANCE: dict[str, dict[str, dict[str, float]]] = {
    placement: {source: dict(zip(RELEVANCE_TASKS, values, strict=True)) for source, values in rows.items()}
    for placement, rows in {
        "fixed": {
            "C": (0.98, 0.95, 0.80, 1.00),
            "C+O for C": (0.98, 0.98, 0.53, 1.00),
            "C+O for O": (0.31, 0.24, 1.00, 1.00),
            "O": (0.36, 0.35, 0.85, 1.00),
        },
        "translated": {
            "C": (0.98, 0.89, 0.56, 1.00),
            "C+O for C": (0.98, 0.97, 0.15, 1.00),
            "C+O for O": (0.26, 0.13, 1.00, 0.98),
            "O": (0.29, 0.28, 0.25, 1.00),
        },
    }.items()
}
# Sensitivity: placement -> trained on -> to swapping C, to swapping O.
RELEVANCE_SENSITIVITY: dict[str, dict[str, tuple[float, float]]] = {
    "fixed": {"C": (0.99, 0.21), "C+O for C": (1.00, 0.08), "C+O for O": (0.11, 0.99), "O": (0.98, 0.19)},
    "translated": {"C": (0.99, 0.21), "C+O for C": (1.00, 0.08), "C+O for O": (0.13, 0.99), "O": (1.00, 0.11)},
}

# Transfer accuracy of a linear probe, mixed transformations; read off plots. factor -> value -> (same, disjoint).
FACTORS: dict[str, dict[str, tuple[float, float]]] = {
    "class relationship": {
        "subset": (0.95, 0.77),
        "disjoint": (0.98, 0.86),
        "same": (1.00, 0.91),
        "superset": (1.00, 0.92),
    },
    "architecture": {
        "resnet18": (0.98, 0.87),
        "resnet50": (0.99, 0.89),
        "densenet121": (0.98, 0.83),
        "vgg11": (0.97, 0.83),
        "vit": (0.98, 0.84),
    },
    "pretraining samples": {
        "1000": (0.95, 0.81),
        "10000": (0.98, 0.84),
        "50000": (0.99, 0.83),
        "100000": (0.98, 0.83),
        "500000": (0.99, 0.84),
    },
    "transfer samples": {
        "50": (0.82, 0.45),
        "200": (1.00, 0.64),
        "500": (1.00, 0.69),
        "2000": (1.00, 0.77),
        "5000": (1.00, 0.83),
    },
}
# factor -> range within disjoint, gap between same and disjoint, range within same.
FACTOR_RANGES: dict[str, tuple[float, float, float]] = {
    "class relationship": (0.15, 0.12, 0.05),
    "architecture": (0.07, 0.12, 0.02),
    "pretraining samples": (0.03, 0.15, 0.04),
}

# Transfer accuracy on the task with eight families after training with the first k of them; read off a plot.
MISMATCH_ON_8 = {1: 0.27, 2: 0.28, 3: 0.37, 4: 0.52, 5: 0.62, 6: 0.80, 7: 0.88, 8: 0.98}
MISMATCH_AT_LEAST = 0.98  # wherever the source has at least the target's families
