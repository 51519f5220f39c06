"""The contrastive loss of C-Rend (paper eq. 3 and 4), and forms of it that act where the paper's does not.

Shapes: B patches, P points, C channels of a hybrid vector; channel 0 of probabilities and labels is the ovary (whole organ), 1 the follicles.
Everything is computed in float32, whatever autocast is on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HIGH_CONFIDENCE = 0.9
EPSILON = 1e-6
CLASSES = 3  # follicle, ovary without follicles, background


@dataclass(frozen=True)
class Form:
    """What the loss compares; the defaults are the paper's form.

    confident: a class's high-confidence points are its `confident` most probable ones, instead of those above 0.9; 0, as in the paper.
        Early in a training, or in a short one, no point of one of the classes may reach 0.9, and then the loss is 0.
    background: a third class; most wrong voxels among those re-predicted lie between ovary and background.
    hard: low-confidence points are drawn to the high ones of their class and pushed from all points of other classes, too (hard anchors: Wang et
        al., Exploring cross-image pixel contrast for semantic segmentation, ICCV 2021, eq. 3); in eq. 3 of the paper the high ones alone are.
    centred: the mean vector of a patch's points is subtracted first. Features after a ReLU all point the same way: their cosines lie in [0, 1].
    temperature: cosines are divided by it before the exponential, and the logarithm is multiplied by it, so that the loss stays within [0, 4]
        (Khosla et al., Supervised contrastive learning, NeurIPS 2020, eq. 2).
    prototypes: above 0, vectors are compared with running means of each class's high-confidence vectors over patches, which keep this much of
        themselves at each (Zhou et al., Rethinking semantic segmentation: a prototype view, CVPR 2022, eq. 9), instead of with each other.
    detail: False leaves the channels of the full-size map out.
    ramp_steps: the loss's weight grows linearly over this many steps.
    """

    confident: int = 0
    background: bool = False
    hard: bool = False
    centred: bool = False
    temperature: float = 1.0
    prototypes: float = 0.0
    detail: bool = True
    ramp_steps: int = 0


PAPER = Form()


class Prototypes(nn.Module):
    """Running means of the classes' vectors, (CLASSES, C), and which of them have been seen; checkpoints keep both."""

    def __init__(self, channels: int, momentum: float):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("means", torch.zeros(CLASSES, channels))
        self.register_buffer("seen", torch.zeros(CLASSES, dtype=torch.bool))

    @torch.no_grad()
    def update(self, number: int, vectors: Tensor) -> None:
        """vectors (N, C), of unit length, of class `number`."""
        mean = vectors.mean(0)
        old = self.means[number]
        self.means[number] = F.normalize(torch.lerp(mean, old, self.momentum) if self.seen[number] else mean, dim=0, eps=EPSILON)
        self.seen[number] = True


def contrastive_loss(*arguments, **options) -> Tensor:
    """Eq. 3 and 4: hybrid vectors of a class are drawn together, those of follicle and ovary pushed apart. Takes what `contrast` takes."""
    return contrast(*arguments, **options)[0]


def contrast(
    hybrid: Tensor,
    probabilities: Tensor,
    labels: Tensor,
    gamma: float = 2.0,
    most: int = 2048,
    generator: torch.Generator | None = None,
    form: Form = PAPER,
    prototypes: Prototypes | None = None,
) -> tuple[Tensor, Tensor]:
    """The contrastive loss, and the share of the patches in which it acted.

    hybrid (B, C, P) carries the gradient; probabilities (B, 2, P) and labels (B, 2, P) only choose the points.
    The two classes are follicle and ovary *without* follicles; of the latter the probability is min(p_ovary, 1 - p_follicle),
    so both channels must agree before a point counts as confident. In each patch and for each class:

        high   labelled so and p > 0.9, at most `most`, drawn at random
        low    labelled so and not high, the `most` closest to 0.5
        pos_i  = mean over low  k of the same class  exp(cos(high_i, low_k))         eq. 3
        neg_i  = mean over high k of the other class exp(cos(high_i, high_k))
        loss   = gamma - mean_i log(pos_i / neg_i)                                   eq. 4

    Eq. 4 as printed, gamma - (1/N) sum(-log(pos/neg)), falls when vectors of one class move *apart*; the sign here is the
    one that the paper's text asks for. Means instead of sums over k keep log(pos/neg) within [-2, 2] and so, for gamma = 2,
    the loss within [0, 4] however many points each set has. The result is the mean over the classes and patches that have
    all three sets; the others contribute nothing, and 0 comes back when none has. `form` says what else is compared; with several
    other classes the negatives are those of all of them. ValueError where shapes do not fit.
    """
    if not (hybrid.ndim == 3 and probabilities.shape == labels.shape == (hybrid.shape[0], 2, hybrid.shape[2])):
        raise ValueError(
            f"hybrid (B, C, P) with probabilities and labels (B, 2, P) expected, "
            f"not {tuple(hybrid.shape)}, {tuple(probabilities.shape)}, {tuple(labels.shape)}"
        )
    with torch.autocast(hybrid.device.type, enabled=False):
        hybrid = hybrid.float()
        if form.centred:
            hybrid = hybrid - hybrid.mean(dim=2, keepdim=True)
        unit = F.normalize(hybrid, dim=1, eps=EPSILON).transpose(1, 2)
        terms, acted = [], 0
        for vectors, p, label in zip(unit, probabilities.detach().float(), labels):
            sets = [_high_and_low(*one, most, generator, form.confident) for one in _classes(p, label, form.background)]
            found = _terms(vectors, sets, form) if prototypes is None else _terms_by_prototypes(vectors, sets, form, prototypes)
            terms += [gamma - term for term in found]
            acted += bool(found)
        loss = torch.stack(terms).mean() if terms else hybrid.new_zeros(())
        return loss, hybrid.new_tensor(acted / len(unit))


def _terms(vectors: Tensor, sets, form: Form) -> list[Tensor]:
    """mean log(pos / neg) of every class of one patch that has the points for it. vectors (P, C), of unit length."""
    found = []
    for number, (high, low) in enumerate(sets):
        others = [part for other, pair in enumerate(sets) if other != number for part in (pair if form.hard else pair[:1])]
        other = torch.cat(others)
        if not (len(high) and len(low) and len(other)):
            continue
        pairs = [(high, low)] + ([(low, high)] if form.hard else [])
        each = [_log_ratio(vectors[anchor], vectors[same], vectors[other], form.temperature) for anchor, same in pairs]
        found.append(torch.cat(each).mean())
    return found


def _terms_by_prototypes(vectors: Tensor, sets, form: Form, prototypes: Prototypes) -> list[Tensor]:
    """As `_terms`, against the running means of the classes, which then learn from this patch."""
    found = []
    for number, (high, low) in enumerate(sets):
        others = [other for other in range(len(sets)) if other != number and prototypes.seen[other]]
        anchors = torch.cat([high, low]) if form.hard else low
        if prototypes.seen[number] and others and len(anchors):
            means = prototypes.means
            found.append(_log_ratio(vectors[anchors], means[[number]], means[others], form.temperature).mean())
    for number, (high, _) in enumerate(sets):
        if len(high):
            prototypes.update(number, vectors[high].detach())
    return found


def _classes(p: Tensor, label: Tensor, background: bool = False) -> list[tuple[Tensor, Tensor]]:
    """Follicle, ovary without follicles and, where asked for, background in one patch: (probability (P,), labelled so (P,) bool) of each."""
    ovary, follicle = label[0] > 0.5, label[1] > 0.5
    classes = [(p[1], follicle), (torch.minimum(p[0], 1 - p[1]), ovary & ~follicle)]
    return classes + [(1 - p.amax(0), ~ovary & ~follicle)] if background else classes


def _high_and_low(p: Tensor, labelled: Tensor, most: int, generator: torch.Generator | None, best: int = 0) -> tuple[Tensor, Tensor]:
    """Indices of a class's high-confidence points and of its low-confidence ones, `most` of each at most."""
    confident = p > HIGH_CONFIDENCE
    if best:
        # Of the class's own points at most half: the others are what is drawn to them.
        inside = torch.nonzero(labelled).flatten()
        chosen = inside[p[inside].topk(min(best, len(inside) // 2), sorted=False).indices]
        confident = torch.zeros_like(labelled)
        confident[chosen] = True
    high = torch.nonzero(labelled & confident).flatten()
    if len(high) > most:
        device = generator.device if generator is not None else high.device
        high = high[torch.randperm(len(high), generator=generator, device=device)[:most].to(high.device)]
    low = torch.nonzero(labelled & ~confident).flatten()
    if len(low) > most:
        low = low[(p[low] - 0.5).abs().topk(most, largest=False, sorted=False).indices]
    return high, low


def _log_ratio(anchors: Tensor, same: Tensor, others: Tensor, temperature: float) -> Tensor:
    """temperature * log(pos / neg) of each of `anchors` (N, C): (N,). pos and neg: mean exp(cosine / temperature) to `same` and to `others`."""
    pos, neg = (_log_mean_similarity(anchors, k, temperature) for k in (same, others))
    return temperature * (pos - neg)


def _log_mean_similarity(vectors: Tensor, others: Tensor, temperature: float) -> Tensor:
    """log of the mean over `others` (M, C) of exp(cosine / temperature) to each of `vectors` (N, C), unit length both: (N,).

    Never the exponential itself, which at a temperature of 0.01 is beyond single precision."""
    return (vectors @ others.T / temperature).logsumexp(dim=1) - math.log(len(others))
