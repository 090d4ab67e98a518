import os
import signal
import sys
import threading
import time

import pytest

from tfadvseg.study.launching import Job, StudyStopped, failure_reason, run_jobs


def job(folder, name, *programs):
    """Python programs, one after the other."""
    commands = tuple((sys.executable, "-c", program) for program in programs)
    return Job(name, commands, folder / f"{name}.log")


def test_a_failure_does_not_end_the_others(tmp_path):
    jobs = [
        job(tmp_path, "bad", "import sys; print('error: no such file.'); print('x'); sys.exit(2)"),
        job(tmp_path, "killed", "import os; os.kill(os.getpid(), 9)"),
        job(tmp_path, "good", "print('done')", "print('measured')"),
        job(tmp_path, "half", "import sys; sys.exit(1)", "print('never')"),
    ]
    codes = {}
    run_jobs(jobs, 1, lambda each, code: codes.update({each.name: code}))
    assert codes == {"bad": 2, "killed": -9, "good": 0, "half": 1}
    assert failure_reason(jobs[0], 2) == "no such file."
    assert failure_reason(jobs[1], -9) == "ended by SIGKILL"
    lines = jobs[2].log.read_text().splitlines()
    assert [line for line in lines if not line.startswith("$ ")] == ["done", "measured"]
    assert "never" not in jobs[3].log.read_text().splitlines()


def test_processes_at_a_time_share_the_cores(tmp_path):
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("one core cannot be divided")
    show = "import os, time; print('cores', *sorted(os.sched_getaffinity(0))); time.sleep(1)"
    jobs = [job(tmp_path, str(i), f"import time; time.sleep(.3); {show}") for i in range(2)]
    started = time.monotonic()
    run_jobs(jobs, 2)
    took = time.monotonic() - started
    shares = []
    for each in jobs:
        (line,) = [x for x in each.log.read_text().splitlines() if x.startswith("cores")]
        shares.append([int(word) for word in line.split()[1:]])
    assert sorted(shares[0] + shares[1]) == cores
    assert took < 2 * 1.3 + 1, "one after the other"


def test_a_signal_stops_what_runs_and_starts_nothing_more(tmp_path):
    saves = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved', flush=True), sys.exit(75)))\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    jobs = [job(tmp_path, "first", saves), job(tmp_path, "second", "print('started')")]

    def interrupt():
        while not jobs[0].log.exists() or "ready\n" not in jobs[0].log.read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(StudyStopped):
        run_jobs(jobs, 1)
    assert jobs[0].log.read_text().endswith("saved\n")
    assert not jobs[1].log.exists()


def test_what_a_run_that_ended_raises_stops_the_others(tmp_path):
    jobs = [job(tmp_path, "slow", "import time; time.sleep(60)"), job(tmp_path, "fast", "")]

    def refuse(each, code):
        raise ValueError(each.name)

    started = time.monotonic()
    with pytest.raises(ValueError, match="fast"):
        run_jobs(jobs, 2, refuse)
    assert time.monotonic() - started < 30


def test_a_line_for_a_shell(tmp_path):
    made = Job("a", (("x", "--name=a b"), ("y",)), tmp_path / "log")
    assert made.as_shell() == "x '--name=a b' && y"
