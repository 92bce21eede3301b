"""Which rows train, which judge during the search, and which are kept for the end."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import BadInput, Source
from objectives.reading import counted, listing, quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

MOST_HELD_OUT = 0.9  # of the rows
GROUP_DRAWS = 32  # random assignments of groups, of which the best balanced is taken


def check(source: Source) -> None:
    """Raise BadInput for shares or ways to split that cannot be."""
    for name, share in source.shares.items():
        if not 0.0 < share < 1.0:
            raise BadInput(f"--{name} {share}: give a share of the rows above 0 and below 1")
    if sum(source.shares.values()) > MOST_HELD_OUT:
        said = " and ".join(f"--{name} {share}" for name, share in source.shares.items())
        raise BadInput(f"{said}: less than a tenth of the rows would be left for training")
    if source.group is not None and source.time_order:
        raise BadInput(f"--group {source.group!r} and --time-order: choose one way to split")
    if not source.folds:
        return
    if source.time_order:
        raise BadInput(
            f"--folds {source.folds} and --time-order: a fold would be judged by nets that were "
            "trained on later rows; leave --folds out, and the rows before the test set judge"
        )
    if source.validation != Source.validation:
        raise BadInput(
            f"--validation {source.validation} and --folds {source.folds}: each fold is the "
            "validation set in turn; leave one of them out"
        )


def kind(source: Source) -> str:
    """Return the name of the way to split: `group`, `time` or `stratified`."""
    if source.group is not None:
        return "group"
    if source.time_order:
        return "time"
    return "stratified"


def cut_by(source: Source, *, fits: bool) -> tuple[float, float]:
    """Return the shares of validation and test by which rows are cut.

    fits: whether both leave enough for training. If not, folds take another share of validation,
    which they join to training; where it fits, studies are of the same rows in every version.
    """
    if source.folds and not fits:
        return (1.0 - source.test) / 2, source.test
    return source.validation, source.test


def split(
    y: NDArray[Any], source: Source, classes: list[str], groups: Rows | None = None
) -> tuple[Rows, Rows, Rows]:
    """Return the rows of train, validation and test.

    y: a class's number for every row, or just a number, where there are no classes. groups: a
    group's number for every row. The order is random, but in time where the split is by time.
    Raises BadInput where a part would lack what it needs.
    """
    rows = len(y)
    labels = y.astype(np.int64) if classes else _bands(y)
    if rows < 3:
        raise BadInput(f"{counted(rows, 'row')} with a label: three parts need three at least")
    rng = np.random.default_rng(source.seed)
    shares = cut_by(source, fits=source.validation + source.test <= MOST_HELD_OUT)
    if groups is not None:
        found = _by_group(groups, labels, shares, rng, source.group)
    elif source.time_order:
        found = _cut(np.arange(rows), shares)
    else:
        found = _stratified(labels, classes, shares, rng)
    if classes:
        _check_classes(found, labels, classes, kind(source))
    return found


def parts(
    y: NDArray[Any], source: Source, classes: list[str], groups: Rows | None = None
) -> list[tuple[Rows, Rows, Rows]]:
    """Return the rows of train, validation and test, as `split` does.

    With folds, the first of them has all rows but the test part's for training, and none for
    validation; then come the folds, whose test part is the same. Raises BadInput.
    """
    train, validation, test = split(y, source, classes, groups)
    if not source.folds:
        return [(train, validation, test)]
    rest = np.concatenate([train, validation])
    labels = y.astype(np.int64) if classes else _bands(y)
    cut = divided(rest, labels, source, classes, groups)
    return [(rest, rest[:0], test), *((*fold, test) for fold in cut)]


def divided(
    rows: Rows,
    labels: Rows,
    source: Source,
    classes: list[str],
    groups: Rows | None = None,
) -> list[tuple[Rows, Rows]]:
    """Return the training and the validation rows of each fold: each row is validated once.

    Rows of one label are dealt evenly to the folds, as in scikit-learn's StratifiedKFold; groups
    stay whole, as in its StratifiedGroupKFold. Raises BadInput for more folds than there can be.

    Args:
        rows: Those to be divided.
        labels: A number for every row of the table, of a class or a band of like values.
        source: With the number of folds and the seed.
        classes: Their names, none where the labels are bands.
        groups: A group's number for every row of the table, or None.
    """
    count, held = source.folds, labels[rows]
    if count < 2:
        raise BadInput(f"--folds {count}: give 2 or more")
    if groups is not None:
        fold_of = _grouped(held, groups[rows], source)
    else:
        sizes = np.bincount(held, minlength=len(classes)) if classes else np.array([len(rows)])
        if count > (least := int(sizes.min())):
            whose = f"of class {quoted(classes[sizes.argmin()])} " if classes else ""
            raise BadInput(
                f"--folds {count}: {counted(least, 'row')} {whose}outside the test set, and each "
                "fold needs one: give fewer folds, or leave --folds out"
            )
        order = np.random.default_rng([source.seed, count]).permutation(len(rows))
        order = order[np.argsort(held[order], kind="stable")]
        fold_of = np.empty(len(rows), np.int64)
        fold_of[order] = np.arange(len(rows)) % count
    found = [(rows[fold_of != fold], rows[fold_of == fold]) for fold in range(count)]
    for place, fold in enumerate(found, 1) if classes else ():
        _check_classes(fold, labels, classes, f"{kind(source)}, fold {place}")
    return found


def _grouped(labels: Rows, groups: Rows, source: Source) -> Rows:
    """Return the fold of each row, groups whole."""
    from sklearn.model_selection import StratifiedGroupKFold

    count, there = source.folds, len(np.unique(groups))
    if count > there:
        raise BadInput(
            f"--folds {count}: --group {source.group!r} has {counted(there, 'group')} outside "
            f"the test set: give --folds {there} at most"
        )
    folds = StratifiedGroupKFold(count, shuffle=True, random_state=source.seed)
    fold_of = np.empty(len(labels), np.int64)
    with warnings.catch_warnings(action="ignore"):  # of a class with fewer rows than folds
        for fold, (_, chosen) in enumerate(folds.split(labels, labels, groups)):
            if not len(chosen):
                raise BadInput(
                    f"--folds {count}: the groups of {source.group!r} are too unequal for so many "
                    "folds: give fewer"
                )
            fold_of[chosen] = fold
    return fold_of


def _bands(y: NDArray[Any]) -> Rows:
    """Return up to 20 bands of like values, so that all parts have high and low ones."""
    ranks = np.empty(len(y), np.int64)
    ranks[np.argsort(y, kind="stable")] = np.arange(len(y))
    return ranks * max(1, min(20, len(y) // 10)) // max(1, len(y))


def _cut(order: Rows, shares: tuple[float, float]) -> tuple[Rows, Rows, Rows]:
    """Cut an order of rows in three, each part with one row at least."""
    rows = len(order)
    validation, test = (max(1, round(share * rows)) for share in shares)
    train = max(1, rows - validation - test)
    validation = max(1, min(validation, rows - train - 1))
    return order[:train], order[train : train + validation], order[train + validation :]


def _stratified(
    labels: Rows, classes: list[str], shares: tuple[float, float], rng: np.random.Generator
) -> tuple[Rows, Rows, Rows]:
    pieces = []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        if len(rows) < 3:
            raise BadInput(
                f"class {quoted(classes[label])} has {counted(len(rows), 'row')}, and train, "
                "validation and test need one each: add rows, or take the class out"
            )
        pieces.append(_cut(rows, shares))
    train, validation, test = (
        rng.permutation(np.concatenate([piece[part] for piece in pieces])) for part in range(3)
    )
    return train, validation, test


def _by_group(
    groups: Rows,
    labels: Rows,
    shares: tuple[float, float],
    rng: np.random.Generator,
    name: str | None,
) -> tuple[Rows, Rows, Rows]:
    """Give whole groups to the parts, sizes and classes as near to the shares as they go."""
    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < 3:
        raise BadInput(f"--group {name!r} has {counted(len(sizes), 'group')}: three are needed")
    wanted = np.array([1.0 - sum(shares), *shares])
    # Rows of each class in each group.
    width = int(labels.max()) + 1
    cells = numbers * width + labels
    table = np.bincount(cells, minlength=len(sizes) * width).reshape(len(sizes), width)
    best, part_of = np.inf, np.zeros(len(sizes), np.int64)
    for _ in range(max(1, min(GROUP_DRAWS, 200_000 // len(sizes)))):
        drawn = _assign(sizes, wanted, rng)
        held = np.stack([table[drawn == part].sum(axis=0) for part in range(3)])
        error = np.abs(held / table.sum(axis=0) - wanted[:, None]).sum()
        if error < best:
            best, part_of = error, drawn
    found = part_of[numbers]
    train, validation, test = (rng.permutation(np.flatnonzero(found == part)) for part in range(3))
    return train, validation, test


def _assign(sizes: Rows, wanted: NDArray[np.float64], rng: np.random.Generator) -> Rows:
    """Return a part for each group: large ones first, each where most rows are wanting."""
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order] * rng.uniform(0.5, 1.0, len(sizes)))]
    gaps = (wanted * sizes.sum()).tolist()
    held = [0, 0, 0]
    found = np.zeros(len(sizes), np.int64)
    for place, group in enumerate(order.tolist()):
        empty = [part for part in range(3) if not held[part]]
        open_parts = empty if len(order) - place <= len(empty) else range(3)
        part = max(open_parts, key=gaps.__getitem__)
        gaps[part] -= int(sizes[group])
        held[part] += 1
        found[group] = part
    return found


def _check_classes(found: tuple[Rows, ...], labels: Rows, classes: list[str], how: str) -> None:
    """Raise BadInput where a class is never trained on, or a part holds one class alone."""
    advice = "change the shares, or split another way"
    lacking = sorted(set(range(len(classes))) - set(np.unique(labels[found[0]]).tolist()))
    if lacking:
        names = listing(classes[label] for label in lacking)
        raise BadInput(f"split by {how}: the training part has no row of class {names}: {advice}")
    for name, rows in zip(("validation", "test"), found[1:], strict=False):
        present = np.unique(labels[rows])
        if len(present) < 2:
            only = listing(classes[label] for label in present)
            raise BadInput(f"split by {how}: the {name} part holds class {only} alone: {advice}")
