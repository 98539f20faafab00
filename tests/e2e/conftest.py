import pytest

from env import Certs, Node, tidy


def pytest_addoption(parser):
    parser.addoption("--dossiers", type=int, default=300,
                     help="how many test_exactly_once.py files in each run")


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="module")
def node():
    """One for each file: its counters are the file's own."""
    with Node() as node:
        yield node


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    tidy.begin_test()


@pytest.fixture(autouse=True)
def _tidy():
    yield
    tidy.end_test()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        report.sections += [(f"log of {name}", text) for name, text in tidy.logs()]
