import pytest
from helpers.parts import JOB, write_images, write_parquets, write_tars


@pytest.fixture(scope="session")
def job():
    return JOB


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def tars(tmp_path_factory):
    return write_tars(tmp_path_factory.mktemp("tars"))


@pytest.fixture(scope="session")
def parquets(tmp_path_factory):
    return write_parquets(tmp_path_factory.mktemp("parquets"))
