"""Whether numbers, one of each round, fall into two groups.

The rule is Otsu's ("A Threshold Selection Method from Gray-Level Histograms", IEEE Transactions on Systems, Man, and
Cybernetics 9, 1979, pages 62 to 66), which is Fisher's for two groups ("On Grouping for Maximum Homogeneity", Journal
of the American Statistical Association 53, 1958): of all ways to split the sorted numbers in two, the one with
the least variance within the groups, which is the one with the most between them. Otsu's measure of how
separate the groups are is the share of the whole variance that is between them.

Numbers without any groups have such a best split, too: its share tends to 0.64 where they are normal, and to 0.75
where they are uniform, and is larger where they are few. With these limits, of ten normal numbers that spread
widely (by a tenth of their mean and more) 7 in 100 are called two groups, and none that spread by less; of ten uniform
ones 20 in 100; and of ten from two groups that are a third of their mean apart and spread by a tenth of
that distance, 98 in 100. So two modes are something to look for a cause of, not a proof that there is one.
"""

import collections
import statistics

LEAST_ROUNDS = 8
LEAST_IN_GROUP = 2
LEAST_SHARE = 0.85  # of the variance, between the groups
LEAST_DISTANCE = 0.15  # of the groups' means, of the lower one

Modes = collections.namedtuple("Modes", "low high share")  # two sorted lists; the share of the variance between


def best_split(numbers):
    """The split with the most variance between its groups, as Modes; None where all numbers are equal, or where
    they are too few."""
    numbers = sorted(numbers)
    whole = statistics.pvariance(numbers) * len(numbers) if numbers else 0
    middle = statistics.mean(numbers) if numbers else 0
    splits = []
    for count in range(LEAST_IN_GROUP, len(numbers) - LEAST_IN_GROUP + 1):
        groups = numbers[:count], numbers[count:]
        between = sum(len(group) * (statistics.mean(group) - middle) ** 2 for group in groups)
        splits.append(Modes(*groups, between / whole if whole else 0))
    best = max(splits, key=lambda split: split.share, default=None)
    return best if best and best.share else None


def two_modes(numbers):
    """The two groups as Modes; None where the numbers are one group, or too few to tell. The numbers are positive."""
    if len(numbers) < LEAST_ROUNDS:
        return None
    best = best_split(numbers)
    if not best or best.share < LEAST_SHARE:
        return None
    low, high = statistics.mean(best.low), statistics.mean(best.high)
    return best if high - low > LEAST_DISTANCE * low else None


def describe(numbers):
    """As `0.76 in 6, 1.02 in 4`; empty where there are no two modes."""
    found = two_modes(numbers)
    if not found:
        return ""
    return ", ".join(f"{statistics.mean(group):.3g} in {len(group)}" for group in (found.low, found.high))
