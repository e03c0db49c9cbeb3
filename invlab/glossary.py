"""The words of the field as this project uses them: data for the page Glossary and for the links in texts.

The definitions are those of T. Speicher, V. Nanda, K. P. Gummadi, Understanding the Role of Invariance in Transfer
Learning (TMLR 2024), where the paper defines a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MARK = re.compile(r"\[\[([^\[\]|]+)(?:\|([^\[\]]+))?\]\]")  # another term in a text, and perhaps as it is written


@dataclass(frozen=True)
class Term:
    """One word.

    name: as a text writes it in the middle of a sentence. means: two to four sentences, in which [[…]] marks other
    terms. formula: LaTeX, or None. related: names of other terms. pages: files of pages/ where it is met.
    """

    name: str
    means: str
    formula: str | None = None
    related: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


def term(name: str) -> Term:
    """The term of that name, capitals or not. Raises KeyError with the name."""
    found = TERMS.get(name.strip().casefold())
    if found is None:
        raise KeyError(f"the glossary has no term {name!r}")
    return found


def search(text: str) -> list[Term]:
    """The terms whose name holds `text`, then those whose definition does; all of them, by name, for an empty one."""
    wanted, ordered = text.strip().casefold(), sorted(TERMS.values(), key=lambda t: t.name.casefold())
    named = [t for t in ordered if wanted in t.name.casefold()]
    return named + [t for t in ordered if t not in named and wanted in t.means.casefold()]


_ALL = (
    # ------------------------------------------------------------------------------------------------------ the images
    Term(
        "object",
        "A cut-out picture: a foreground with a transparent surrounding. In the lab one object is one class: all "
        "images of a class show the same object, [[transformation|transformed]] and pasted on a [[background]].",
        related=("class", "background", "Transforms-2D"),
        pages=("transformations",),
    ),
    Term(
        "class",
        "What a network has to name. Here all images of a class come from a single picture of one [[object]], its "
        "prototype: so what varies within a class is exactly what the [[transformations]] vary, and the background.",
        related=("object", "chance level"),
        pages=("transformations", "transfer"),
    ),
    Term(
        "background",
        "The image that an object is pasted on. It is drawn at random and says nothing about the class, so a network "
        "that names objects has to learn to ignore it.",
        related=("object", "Transforms-2D"),
        pages=("transformations", "relevance"),
    ),
    Term(
        "transformation",
        "One draw from a [[transformation family]], such as “rotate by 211°”. Applied to an object, it changes how the "
        "object looks and not what it is.",
        r"x' = t(x), \quad t \sim T",
        ("transformation family", "transformations", "orbit"),
        ("transformations",),
    ),
    Term(
        "transformation family",
        "A kind of change and how its parameters are drawn: “rotate by an angle, uniform from 0° to 360°”. The lab has "
        "18, six of each group: geometric, photometric and corruption.",
        related=("transformation", "transformations"),
        pages=("transformations", "sensitivity"),
    ),
    Term(
        "transformations",
        "The families that a task applies, in order, such as *rotate, hue, blur*. The paper calls this set T. They say "
        "what a network that solves the task has reason to become invariant to.",
        related=("transformation family", "same transformations", "disjoint transformations"),
        pages=("transformations", "transfer"),
    ),
    Term(
        "Transforms-2D",
        "The paper's family of data sets. An image is an object, changed by a random draw of the transformations and "
        "pasted on a random background. Whoever makes the data knows every cause of every pixel.",
        r"D(O, T) = \{\, b(t(o)) : o \sim O,\ t \sim T,\ b \sim B \,\}",
        ("object", "transformations", "background"),
        ("transformations",),
    ),
    Term(
        "orbit",
        "All that an object can become under a family: all its rotations, all its hues. A network is invariant to the "
        "family where it puts an object's whole orbit in one place.",
        r"\mathrm{Orb}(x) = \{\, t(x) : t \in T \,\}",
        ("transformation family", "response curve"),
        ("responses",),
    ),
    # -------------------------------------------------------------------------------------------------------- networks
    Term(
        "representation",
        "The numbers that the last layer of a network reads, called the penultimate activations. All that a "
        "[[linear probe]] can use of an image is in them; two images with the same representation are the same to "
        "whatever reads it.",
        r"f(x) \in \mathbb{R}^{d}",
        ("stage", "linear probe", "untrained network"),
        ("home", "responses"),
    ),
    Term(
        "stage",
        "A named place inside a network, from the images to the representation. Measured stage by stage, a network "
        "shows how deep inside it invariance arises.",
        related=("representation", "labnet"),
        pages=("responses",),
    ),
    Term(
        "labnet",
        "The lab's own small network: a residual convolutional network with about 130,000 weights. It is small so that "
        "two of them learn in seconds on two processor cores; the paper's ResNet-18 has some eighty times as many.",
        related=("preset", "architecture"),
        pages=("transfer", "factors"),
    ),
    Term(
        "architecture",
        "How a network is built: which layers, how many, how they are joined. The lab has the paper's five "
        "(ResNet-18, ResNet-50, DenseNet-121, VGG-11, ViT), small forms of them, and labnet.",
        related=("labnet",),
        pages=("factors", "own"),
    ),
    Term(
        "untrained network",
        "A network with the random weights it starts from. It is a yardstick: what an untrained network does as well "
        "was not learned.",
        related=("representation", "epoch"),
        pages=("shift", "learning"),
    ),
    Term(
        "epoch",
        "One pass over all images of a training set. In the lab's trainings the transformation of an image is drawn "
        "anew in every epoch, while its object and background stay.",
        related=("overfitting", "preset"),
        pages=("learning",),
    ),
    # ----------------------------------------------------------------------------------------------------- invariance
    Term(
        "invariance",
        "A representation is invariant to a transformation if it stays the same when the image is transformed. Trained "
        "networks are invariant to a degree only; [[sensitivity]] says to which.",
        r"f(t(x)) = f(x) \quad \text{for all } t \in T",
        ("sensitivity", "equivariance", "lost information"),
        ("sensitivity", "responses"),
    ),
    Term(
        "equivariance",
        "A representation is equivariant if it changes in a predictable way when the image is transformed, as a map of "
        "features moves along with an object. [[invariance|Invariance]] is the special case in which it does not "
        "change at all.",
        r"f(t(x)) = \rho(t)\, f(x)",
        ("invariance", "stage"),
        ("responses",),
    ),
    Term(
        "twin pair",
        "Two images of the same object on the same background, under two independent draws of the transformations. "
        "Whatever differs between twins, the transformations did.",
        r"x_1 = b(t_1(o)), \quad x_2 = b(t_2(o)), \quad t_1, t_2 \sim T",
        ("strangers", "sensitivity"),
        ("transformations", "sensitivity"),
    ),
    Term(
        "strangers",
        "Two random images of the same task, paired without regard to what they show. Their mean distance is the unit "
        "in which the lab measures how far twins lie apart.",
        related=("twin pair", "sensitivity"),
        pages=("sensitivity", "responses"),
    ),
    Term(
        "sensitivity",
        "How far the representation moves when the transformations are drawn anew: the mean distance of [[twin pair|"
        "twins]], divided by the mean distance of [[strangers]]. 0 means invariant; about 1 means that twins are no "
        "more alike than random images of the task.",
        r"S(f, T) = \frac{\mathbb{E}\,\lVert f(x_1) - f(x_2) \rVert_2}{\mathbb{E}\,\lVert f(x_1) - f(x_1') \rVert_2}",
        ("invariance", "twin pair", "strangers", "CKA"),
        ("sensitivity", "transfer", "measures"),
    ),
    Term(
        "response curve",
        "How far a representation is from that of the unchanged object, as one parameter of a family grows: an angle, "
        "a shift of hue. A flat line at 0 is invariance; at 1 the object has moved as far as strangers lie apart.",
        r"r(a) = \frac{\mathbb{E}\,\lVert f(t_a(x)) - f(x) \rVert_2}{\mathbb{E}\,\lVert f(x) - f(x') \rVert_2}",
        ("sensitivity", "orbit"),
        ("responses",),
    ),
    Term(
        "CKA",
        "Centred kernel alignment: how alike two sets of representations of the same images are, from 0 to 1. The "
        "paper uses its linear form on twins as a second opinion on sensitivity. A rotation of the whole set, or a "
        "uniform scaling, does not change it. In the formula, each column's mean has been taken off.",
        r"\mathrm{CKA}(X, Y) = \frac{\lVert X^\top Y \rVert_F^2}{\lVert X^\top X \rVert_F\, \lVert Y^\top Y \rVert_F}",
        ("sensitivity", "STIR"),
        ("measures",),
    ),
    Term(
        "STIR",
        "Shared invariance of two networks: take images that the first network cannot tell apart, and ask whether they "
        "are alike to the second. 1 means that the second ignores all that the first ignores. It has a direction: the "
        "other way round the value may differ.",
        related=("invariance", "CKA"),
        pages=("side_by_side", "measures"),
    ),
    # ------------------------------------------------------------------------------------------------------- transfer
    Term(
        "source task",
        "What a network learns first: its classes and the transformations they come under. What the network becomes "
        "invariant to is decided here.",
        related=("target task", "transfer accuracy"),
        pages=("transfer",),
    ),
    Term(
        "target task",
        "What the learned representation is used for afterwards, often with other objects and few labelled images. "
        "Whether an invariance helps depends on what this task asks.",
        related=("source task", "transfer accuracy"),
        pages=("transfer",),
    ),
    Term(
        "linear probe",
        "A new linear classifier fitted on a frozen representation: the network itself does not change. What it cannot "
        "name, the representation does not hold in a form that a linear reader can use.",
        r"\hat{y} = \arg\max_k\; (W f(x) + c)_k",
        ("transfer accuracy", "fine-tuning"),
        ("transfer", "factors"),
    ),
    Term(
        "transfer accuracy",
        "The share of new test images of the [[target task]] that is named rightly by a [[linear probe]] on the frozen "
        "representation (or by the fine-tuned network, where that is said). Read it beside the [[chance level]].",
        r"A = \frac{\#\{\text{test images named rightly}\}}{\#\{\text{test images}\}}",
        ("linear probe", "fine-tuning", "chance level"),
        ("transfer", "factors", "mismatch"),
    ),
    Term(
        "fine-tuning",
        "Going on with the training of all weights on images of the target task, not of a new head alone. With enough "
        "images it can repair a representation; with few it repairs little.",
        related=("linear probe", "transfer accuracy"),
        pages=("factors",),
    ),
    Term(
        "same transformations",
        "The source's transformations are the target's own. Blue in all figures.",
        related=("disjoint transformations", "transformations"),
        pages=("transfer", "factors"),
    ),
    Term(
        "disjoint transformations",
        "The source's transformations share none with the target's. Where a study draws them, they are as many and "
        "from the same groups, so that only *which* differs. Orange in all figures.",
        related=("same transformations", "mismatch"),
        pages=("transfer", "factors"),
    ),
    Term(
        "mismatch",
        "The source has fewer of the target's transformations than it needs, or more. Too few cost accuracy, family by "
        "family; more than needed cost little or nothing here.",
        related=("same transformations", "disjoint transformations", "distribution shift"),
        pages=("mismatch",),
    ),
    Term(
        "distribution shift",
        "The images a network is used on differ from those it learned. Mild: other objects of the same kind. Strong: "
        "random pixels for a network that learned images, or the reverse.",
        related=("invariance", "source task"),
        pages=("shift",),
    ),
    # ------------------------------------------------------------------------------------------- what can be harmful
    Term(
        "availability",
        "How often an irrelevant object is in the picture at all, as a probability. The more often it is there, the "
        "more a network has to learn to ignore it.",
        r"a = P(\text{object present})",
        ("correlation", "lost information"),
        ("relevance",),
    ),
    Term(
        "correlation",
        "How often the object in the picture is the one that belongs to the picture's class, as a probability. At 1 "
        "either of them gives the class away, and a network has no reason to ignore the object.",
        r"c = P(\text{object chosen by the class})",
        ("availability", "lost information"),
        ("relevance",),
    ),
    Term(
        "lost information",
        "What can no longer be read from a representation because the network learned to ignore it. An invariance is "
        "always a loss; whether it is a gain too depends on whether a task asks for what was lost.",
        related=("invariance", "decoding"),
        pages=("information", "relevance"),
    ),
    Term(
        "decoding",
        "Predicting from a representation what was drawn for an image: the angle, the hue. R² says how well: 1 is "
        "perfect, 0 no better than always saying the mean, below 0 worse than that.",
        r"R^2 = 1 - \frac{\sum_i (a_i - \hat{a}_i)^2}{\sum_i (a_i - \bar{a})^2}",
        ("lost information", "linear probe"),
        ("information",),
    ),
    # -------------------------------------------------------------------------------------------------- how sure we are
    Term(
        "seed",
        "The number from which everything random is drawn: classes, transformations, initial weights, images. The same "
        "seed gives the same result; other seeds show how far the result depends on luck.",
        related=("95 % interval", "claim"),
        pages=("transfer", "runs"),
    ),
    Term(
        "95 % interval",
        "A range made by a rule that catches the true value in 95 of 100 repetitions. The lab says of each what it is "
        "over: twin pairs, test images, or seeds. Over seeds it is Student's: with few seeds it is wide, and rightly "
        "so.",
        r"\bar{x} \pm t_{0.975,\,n-1}\, \frac{s}{\sqrt{n}}",
        ("seed", "bootstrap", "claim"),
        ("transfer", "sensitivity"),
    ),
    Term(
        "bootstrap",
        "An interval found by drawing the measured values again and again, with replacement, and looking how far the "
        "result wanders. The lab draws twin pairs this way for the interval of a sensitivity.",
        related=("95 % interval", "sensitivity"),
        pages=("sensitivity", "responses"),
    ),
    Term(
        "claim",
        "A statement with a direction, tested on several seeds. It *holds* where the whole 95 % interval of each of "
        "its parts speaks for it, *fails* where one speaks against it, and is *undecided* otherwise. That is its "
        "verdict.",
        related=("95 % interval", "seed"),
        pages=("factors", "shift", "mismatch", "relevance", "information"),
    ),
    Term(
        "chance level",
        "What guessing gets right: one in as many as there are classes, where all are equally frequent. An accuracy "
        "means something only beside it.",
        r"\frac{1}{\text{number of classes}}",
        ("transfer accuracy", "class"),
        ("transfer",),
    ),
    Term(
        "overfitting",
        "Learning the images of the training by heart: right on them, worse on others. So accuracy is always measured "
        "on test images that were drawn apart and that the network has not seen.",
        related=("epoch", "transfer accuracy"),
        pages=("factors",),
    ),
    Term(
        "preset",
        "How much computing a question gets: *live* is a click in class, *classroom* the bundled results, *paper* the "
        "published sizes, on a GPU. Every result says which it is from.",
        related=("labnet", "seed"),
        pages=("transfer", "runs"),
    ),
)
TERMS: dict[str, Term] = {t.name.casefold(): t for t in _ALL}
