"""The statistics of `make bench-peers`: what it may claim, and when it must be silent."""

import math
import random
import sys
from pathlib import Path

import pytest

PEERS = Path(__file__).resolve().parents[2] / "bench/peers"
sys.path.insert(0, str(PEERS))

import chart
import compare
import figures
import inference
import proxies
import schedule
from inference import Interval


def noisy_pairs(ratio, spread, count=inference.MIN_PAIRS, seed=1):
    """(ours, theirs) with that ratio, and a machine whose speed differs from pair to pair."""
    draw = random.Random(seed)
    speeds = [draw.uniform(0.5, 2) for _ in range(count)]
    return [(ratio * speed * math.exp(draw.gauss(0, spread)),
             speed * math.exp(draw.gauss(0, spread))) for speed in speeds]


def compare_pairs(pairs, noise=0.02):
    return inference.compare(pairs, noise, random.Random(7))


# --- intervals ---

def test_the_ratio_is_the_median_of_the_pairs_and_not_the_ratio_of_means():
    pairs = [(1, 2), (10, 20), (100, 200), (3000, 30)]
    assert inference.ratio_of(pairs, random.Random(1)).middle == pytest.approx(0.5)


def test_an_outlier_widens_the_interval_and_is_not_removed():
    calm = inference.ratio_of(noisy_pairs(1, 0.01), random.Random(1))
    wild = inference.ratio_of(noisy_pairs(1, 0.01)[:8] + [(3, 1)] * 4, random.Random(1))
    assert wild.high > 2.9 and calm.high < 1.05


def test_the_interval_turns_over_when_the_sides_do():
    pairs = noisy_pairs(0.8, 0.05)
    there = inference.ratio_of(pairs, random.Random(3))
    back = inference.ratio_of([(b, a) for a, b in pairs], random.Random(3))
    assert there.middle == pytest.approx(1 / back.middle)
    assert there.low == pytest.approx(1 / back.high, rel=0.01)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    draw, hits = random.Random(5), 0
    for _ in range(300):
        values = [draw.gauss(0, 1) for _ in range(inference.MIN_PAIRS)]
        interval = inference.bootstrap_median(values, draw, resamples=400)
        hits += interval.low <= 0 <= interval.high
    assert 0.88 <= hits / 300 <= 0.99


def test_equal_values_give_an_interval_without_width():
    assert inference.bootstrap_median([3.0] * 12, random.Random(1)) == (3, 3, 3)


# --- claims ---

def test_claims_a_difference_that_is_clear():
    assert compare_pairs(noisy_pairs(0.7, 0.02)).claim == "less"
    assert compare_pairs(noisy_pairs(1.4, 0.02)).claim == "more"


def test_claims_nothing_where_the_interval_includes_1():
    found = compare_pairs(noisy_pairs(0.97, 0.3))
    assert found.ratio.low < 1 < found.ratio.high
    assert found.claim == "none"


def test_claims_nothing_that_is_smaller_than_the_noise():
    pairs = noisy_pairs(0.97, 0.001)
    assert compare_pairs(pairs, noise=0.04).claim == "none"
    assert compare_pairs(pairs, noise=0.01).claim == "less"


def test_claims_nothing_from_too_few_pairs():
    few = noisy_pairs(0.5, 0.01, count=inference.MIN_PAIRS - 1)
    assert compare_pairs(few).claim == "none"


def test_claims_nothing_when_the_machine_is_too_noisy():
    assert compare_pairs(noisy_pairs(0.5, 0.01), noise=0.06).claim == "none"


def test_noise_is_the_half_width_drawn_around_1_so_that_bias_counts():
    assert inference.noise_of(Interval(1, 0.98, 1.02)) == pytest.approx(1 / 0.98 - 1)
    assert inference.noise_of(Interval(1.06, 1.05, 1.07)) == pytest.approx(0.07)


def test_a_proxy_against_itself_is_no_difference_in_most_seeds():
    same = inference.ratio_of(noisy_pairs(1, 0.02, seed=100), random.Random(1))
    noise = inference.noise_of(same)
    claims = [compare_pairs(noisy_pairs(1, 0.02, seed=s), noise).claim for s in range(20)]
    assert claims.count("none") >= 18


# --- verdicts ---

def block(proxy, value, disturbances=(), failures=()):
    return {"proxy": proxy, "value": value, "disturbances": list(disturbances),
            "failures": list(failures)}


def judged(value_of, pair_count=inference.MIN_PAIRS, **remarks):
    order = random.Random(11)
    plan = schedule.make("cong", ["nginx"], pair_count, order)
    quads = [(quad, [block(name, value_of(name, order), **remarks) for name in quad.blocks])
             for quad in plan]
    return compare.judge(figures.FIGURES["h1"], quads, order)


def clear(name, order):
    return (7 if name == "cong" else 10) * math.exp(order.gauss(0, 0.01))


def test_a_quiet_machine_and_a_clear_difference_are_valid():
    figure = judged(clear)
    assert figure["verdict"] == "VALID"
    assert [c["claim"] for c in figure["comparisons"]] == ["less"]
    assert figure["comparisons"][0]["ratio"]["middle"] == pytest.approx(0.7, rel=0.02)
    assert figure["proxies"]["nginx"]["value"]["middle"] == pytest.approx(10, rel=0.02)


@pytest.mark.parametrize("remarks, word", [({"failures": ["3 errors"]}, "failures"),
                                           ({"disturbances": ["busy"]}, "disturbed")])
def test_failures_and_disturbances_make_it_invalid_and_withhold_the_claim(remarks, word):
    figure = judged(clear, **remarks)
    assert figure["verdict"] == "INVALID" and word in figure["reasons"][0]
    assert figure["comparisons"][0]["claim"] == "none"


def test_a_proxy_that_differs_from_itself_makes_it_invalid():
    figure = judged(lambda name, order: math.exp(order.gauss(0, 0.3)))
    assert figure["verdict"] == "INVALID" and "A/A" in figure["reasons"][0]


def test_few_pairs_are_a_try_out():
    assert judged(clear, pair_count=2)["verdict"] == "TRY-OUT"


def test_a_quad_that_was_cut_short_is_left_out():
    order = random.Random(1)
    plan = schedule.make("cong", ["nginx"], 12, order)
    quads = [(quad, [block(name, 5) for name in quad.blocks]) for quad in plan]
    del quads[-1][1][2:]
    figure = compare.judge(figures.FIGURES["h1"], quads, order)
    assert sum(c["pairs"] for c in figure["comparisons"]) < 12 or quads[-1][0].is_same


# --- order ---

def test_every_comparison_has_its_pairs_and_a_a_as_many():
    plan = schedule.make("cong", ["nginx", "haproxy"], 12, random.Random(2))
    sides = [quad.sides for quad in plan]
    assert sides.count(("cong", "nginx")) == sides.count(("cong", "haproxy")) == 6
    same = [a for a, b in sides if a == b]
    assert sorted(same) == ["cong", "cong", "haproxy", "haproxy", "nginx", "nginx"]


def test_quads_are_abba_or_baab_and_pairs_are_neighbours_in_the_order_of_the_sides():
    plan = schedule.make("cong", ["nginx"], 40, random.Random(3))
    assert {quad.blocks for quad in plan if not quad.is_same} == {
        ("cong", "nginx", "nginx", "cong"), ("nginx", "cong", "cong", "nginx")}
    for quad in plan:
        assert quad.pairs(quad.blocks) == [quad.sides, quad.sides]


def test_a_machine_that_slows_down_steadily_shifts_no_result():
    plan = schedule.make("cong", ["nginx"], 12, random.Random(4))
    pairs, speed = [], 1.0
    for quad in plan:
        values = []
        for name in quad.blocks:
            speed *= 1.01
            values.append(speed * (0.8 if name == "cong" else 1))
        pairs += [] if quad.is_same else quad.pairs(values)
    assert inference.ratio_of(pairs, random.Random(1)).middle == pytest.approx(0.8, rel=0.002)


def test_a_seed_gives_its_order_again():
    def plan(seed):
        return schedule.make("cong", ["nginx", "haproxy"], 12, random.Random(seed))
    assert plan(1) == plan(1) != plan(2)


# --- what other programs print ---

def test_reads_wrk():
    output = ("  Latency Distribution\n     50%    2.31ms\n     99%  950.00us\n"
              "  Socket errors: connect 0, read 1, write 0, timeout 0\n")
    says, failures = figures.parse_wrk(output)
    assert says == {"p50_us": 2310, "p99_us": 950}
    assert failures == ["Socket errors: connect 0, read 1, write 0, timeout 0"]
    assert figures.parse_wrk("unable to connect")[1] == ["wrk: unable to connect"]


def test_reads_h2load():
    good = "requests: 10 total, 10 started, 10 done, 10 succeeded, 0 failed, 0 errored, 0 timeout"
    assert figures.parse_h2load(good) == ({}, [])
    assert figures.parse_h2load(good.replace("0 failed", "1 failed"))[1]
    assert figures.parse_h2load("")[1]


def test_reads_peer_client_and_wants_resumptions():
    text = ('{"mode":"resume","connections":10,"answers":100,"resumed":%d,"errors":2,'
            '"held":0,"p50_us":1,"p99_us":2}')
    says = {"p50_us": 1, "p99_us": 2}
    assert figures.parse_client(text % 90) == (says, ["2 errors"])
    assert figures.parse_client(text % 45) == (says, ["2 errors",
                                                      "45 of 90 handshakes were resumed"])


def test_reads_strace():
    table = ("% time     seconds  usecs/call     calls    errors syscall\n"
             "------ ----------- ----------- --------- --------- ------------------\n"
             " 60.00    0.012345           1      1200       300 read\n"
             " 40.00    0.010000           1       800           epoll_wait\n"
             "------ ----------- ----------- --------- --------- ------------------\n"
             "100.00    0.022345           1      2000       300 total\n")
    assert figures.parse_strace(table) == {"read": 1200, "epoll_wait": 800}


# --- files ---

def test_no_template_is_left_with_a_word_to_fill_in():
    values = {"PORT": 1, "NODE": 2, "FOLDER": 3, "FILES": 4, "CONNECTIONS": 5, "CERTIFICATE": 6,
              "KEY": 7, "CERTIFICATE_AND_KEY": 8}
    for kind in proxies.KINDS.values():
        assert "@" not in proxies.fill((PEERS / kind["template"]).read_text(), values)


def test_the_chart_is_well_formed_and_names_everybody():
    from xml.etree import ElementTree
    results = {"figures": {"h1": judged(clear)}, "proxies": {"nginx": {"version": "1.22.1"}}}
    text = "".join(ElementTree.fromstring(chart.draw(results)).itertext())
    assert "nginx 1.22.1" in text and "0.70" in text
