import signal
import threading
from contextlib import contextmanager, suppress

import pytest

from signbit.files import atomic_write
from signbit.signals import StopSignal, signal_of, stop_if_asked, stop_signals

HANDLED = (signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("signum", HANDLED)
def test_a_signal_raises_what_ctrl_c_does_and_the_handlers_are_put_back(signum):
    before = [signal.getsignal(one) for one in HANDLED]
    with pytest.raises(KeyboardInterrupt) as stop, stop_signals():
        signal.raise_signal(signum)
    assert signal_of(stop.value) == signum
    assert [signal.getsignal(one) for one in HANDLED] == before


def test_ctrl_c_is_told_from_them():
    assert signal_of(KeyboardInterrupt()) == signal.SIGINT
    assert signal_of(None) == signal.SIGINT


def test_the_next_signals_of_a_closing_terminal_do_not_cut_the_cleaning_up():
    cleaned = []

    @contextmanager
    def cleaning_up():
        try:
            yield
        finally:
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGTERM)
            cleaned.append(True)

    with pytest.raises(StopSignal) as stop, stop_signals(), cleaning_up():
        signal.raise_signal(signal.SIGHUP)
    assert cleaned
    assert stop.value.signum == signal.SIGHUP


def test_somebody_who_insists_is_heard(monkeypatch):
    monkeypatch.setattr("signbit.signals._REPEAT_SECONDS", 0.0)
    with stop_signals():
        for _ in range(2):
            with pytest.raises(StopSignal):
                signal.raise_signal(signal.SIGTERM)


def test_a_signal_whose_exception_was_dropped_is_raised_once_more():
    stop_if_asked()
    with stop_signals():
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(StopSignal):
            stop_if_asked()
    stop_if_asked()


@pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda signum, frame: None])
def test_a_signal_that_is_ignored_or_handled_stays_so(handler):
    before = signal.signal(signal.SIGHUP, handler)
    try:
        with stop_signals():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == handler
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_leave_signals_alone():
    found = []

    def look():
        with stop_signals():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


def test_a_signal_while_a_temporary_file_is_made_leaves_none(tmp_path, monkeypatch):
    def create(path):
        path.touch()
        raise StopSignal(signal.SIGTERM)

    monkeypatch.setattr("signbit.files._create", create)
    with pytest.raises(StopSignal):
        atomic_write(tmp_path / "result.csv", "x")
    assert not list(tmp_path.iterdir())
