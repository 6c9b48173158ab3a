"""Which films make which batch: order, shares of processes, the stream of unlabelled films."""

from collections import Counter

import numpy as np
import pytest

from train.sampler import probe_rows, share_of, shuffled_batches, unlabelled_batches


def same(films: int) -> np.ndarray:
    """Lengths that leave the order to chance."""
    return np.full(films, 7, dtype=np.int64)


def padded(batches: list[list[int]], lengths: np.ndarray) -> int:
    return sum(len(batch) * int(lengths[batch].max()) for batch in batches)


def test_batches_of_similar_length_need_little_padding():
    # log-normal lengths as plots have them; plain shuffling pads about 65 % on top
    lengths = np.random.default_rng(0).lognormal(4.5, 0.6, 1000).astype(np.int64)
    plain = np.random.default_rng(1).permutation(1000).reshape(250, 4).tolist()
    assert padded(plain, lengths) > 1.5 * lengths.sum()
    assert padded(shuffled_batches(lengths, batch_size=4, seed=1, epoch=1), lengths) < 1.1 * lengths.sum()


def test_similar_length_leaves_the_company_of_a_film_to_chance():
    lengths = np.random.default_rng(0).lognormal(4.5, 0.6, 1000).astype(np.int64)
    company = [{frozenset(batch) for batch in shuffled_batches(lengths, batch_size=4, seed=1, epoch=epoch)} for epoch in (1, 2)]
    assert len(company[0] & company[1]) < 5


def test_batches_do_not_come_in_the_order_of_length():
    lengths = np.arange(64)
    firsts = [batch[0] for batch in shuffled_batches(lengths, batch_size=4, seed=1, epoch=1)]
    assert firsts != sorted(firsts)
    assert firsts != sorted(firsts, reverse=True)


def test_two_processes_share_a_batch_film_by_film():
    assert share_of([5, 6, 7, 8], rank=0, processes=2) == ([5, 7], 1.0)
    assert share_of([5, 6, 7, 8], rank=1, processes=2) == ([6, 8], 1.0)


def test_the_mean_over_processes_of_weighted_means_is_the_mean_over_films():
    # films 1, 2, 9 on two processes: 4/3 · mean(1, 9) and 2/3 · 2; their mean is (20/3 + 4/3) / 2 = 4 = (1 + 2 + 9) / 3
    shares = [share_of([1, 2, 9], rank=rank, processes=2) for rank in range(2)]
    assert shares == [([1, 9], pytest.approx(4 / 3)), ([2], pytest.approx(2 / 3))]
    assert sum(weight * sum(films) / len(films) for films, weight in shares) / 2 == pytest.approx(4)


def test_a_process_without_a_film_takes_the_first_and_does_not_count():
    assert [share_of([4, 3], rank=rank, processes=3) for rank in range(3)] == [([4], 1.5), ([3], 1.5), ([4], 0.0)]


def epoch_of(epoch: int, *, pool: int, sizes: list[int], ratio: float = 1.0, processes: int = 1) -> list[list[tuple[int, int]]]:
    return unlabelled_batches(same(pool), sizes, ratio=ratio, seed=1, epoch=epoch, processes=processes)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(1.0, [4, 4, 2]), (0.5, [2, 2, 1]), (0.3, [2, 2, 1]), (2.5, [10, 10, 5]), (1.1, [5, 5, 3]), (0.01, [1, 1, 1])],
)
def test_the_share_of_unlabelled_films_is_rounded_up_in_each_batch(ratio: float, expected: list[int]):
    assert [len(batch) for batch in epoch_of(1, pool=20, sizes=[4, 4, 2], ratio=ratio)] == expected


def test_what_is_whole_is_not_rounded_up_by_floating_point():
    assert 100 * 0.07 > 7
    assert [len(batch) for batch in epoch_of(1, pool=20, sizes=[100], ratio=0.07)] == [7]


def test_a_small_batch_has_few_companions_wherever_the_order_puts_it():
    assert [len(batch) for batch in epoch_of(1, pool=20, sizes=[4, 1, 4])] == [4, 1, 4]


def test_processes_get_equally_many_unlabelled_films():
    assert [len(batch) for batch in epoch_of(1, pool=20, sizes=[4, 4, 2], ratio=0.7, processes=2)] == [4, 4, 2]


def test_every_unlabelled_film_is_read_once_before_any_is_read_again():
    # 7 films, 10 an epoch: 7 epochs are 10 passes, and each epoch ends within a pass
    readings = [reading for epoch in range(1, 8) for batch in epoch_of(epoch, pool=7, sizes=[4, 4, 2]) for reading in batch]
    assert Counter(readings) == {(film, number): 1 for film in range(7) for number in range(10)}


def test_passes_follow_each_other_through_the_epochs():
    passes = [sorted(number for batch in epoch_of(epoch, pool=7, sizes=[4, 4, 2]) for _, number in batch) for epoch in (1, 2)]
    assert passes == [[0] * 7 + [1] * 3, [1] * 4 + [2] * 6]


def test_passes_through_the_pool_come_in_different_orders():
    order = [[film for film, _ in batches[0]] for batches in (epoch_of(epoch, pool=12, sizes=[12]) for epoch in (1, 2))]
    assert sorted(order[0]) == sorted(order[1]) == list(range(12))
    assert order[0] != order[1]


def test_unlabelled_films_of_one_seed_are_always_the_same_and_those_of_another_differ():
    def stream(seed: int) -> list[list[tuple[int, int]]]:
        return unlabelled_batches(same(50), [4] * 5, ratio=1, seed=seed, epoch=3)

    assert stream(1) == stream(1)
    assert stream(1) != stream(2)


def test_a_pool_of_one_film_fills_every_batch():
    assert epoch_of(2, pool=1, sizes=[2, 1]) in ([[(0, 3), (0, 4)], [(0, 5)]], [[(0, 4), (0, 5)], [(0, 3)]])


def test_unlabelled_films_of_similar_length_meet():
    lengths = np.random.default_rng(0).lognormal(4.5, 0.6, 1000).astype(np.int64)
    batches = [[film for film, _ in batch] for batch in unlabelled_batches(lengths, [4] * 250, ratio=1, seed=1, epoch=1)]
    assert sorted(film for batch in batches for film in batch) == list(range(1000))
    assert padded(batches, lengths) < 1.1 * lengths.sum()


def test_the_probe_is_a_fixed_choice_of_different_films():
    rows = probe_rows(100, count=20, seed=1).tolist()
    assert rows == probe_rows(100, count=20, seed=1).tolist()
    assert len(set(rows)) == 20
    assert set(rows) <= set(range(100))
    assert rows != list(range(20))
    assert rows != probe_rows(100, count=20, seed=2).tolist()
