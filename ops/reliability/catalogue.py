"""Every fault that is tried, how it is noticed, and by when: the named times are real life's."""

from typing import NamedTuple


class Fault(NamedTuple):
    """One thing that goes wrong."""

    name: str
    what: str
    noticed: str
    """How, and within which named time."""


NETWORK = (
    Fault(
        "slow-line",
        "100 ms more each way, on REST and both hubs",
        "not at all: it is only slow",
    ),
    Fault("throttled-line", "20 kB a second on every connection", "not at all: it is only slow"),
    Fault(
        "slower-than-patience",
        "every answer takes longer than a request may",
        "the request's time, 5 s",
    ),
    Fault(
        "rest-black-hole",
        "REST connects and nothing comes through",
        "the request's time, 5 s",
    ),
    Fault(
        "rest-answers-lost",
        "requests arrive and are carried out, no answer comes",
        "the request's time, 5 s",
    ),
    Fault(
        "rest-half-open",
        "the server forgets every REST connection and tells nobody",
        "the request's time, 5 s",
    ),
    Fault("rest-refused", "REST connections are reset at once", "at once"),
    Fault("rest-cut-short", "REST connections are reset after some bytes", "at once"),
    Fault(
        "hub-black-hole",
        "one hub, or both, or one way of them, carries nothing",
        "the hubs' ping, 5 s, and its answer's time, 3 s",
    ),
    Fault(
        "hub-half-open",
        "the server forgets the user hub's connection and tells nobody",
        "the hubs' ping, 5 s, and its answer's time, 3 s",
    ),
    Fault("hub-reset", "14 resets of the hubs in a row", "at once"),
    Fault("hub-cut-short", "hub connections are reset after some bytes", "at once"),
    Fault("hub-mute", "the user hub answers and tells nothing", "the poll, 15 s"),
    Fault("everything-held", "no byte moves anywhere", "the hubs' ping, 8 s"),
    Fault("gateway-gone", "nothing can be connected to for 45 s", "at once"),
    Fault("gateway-frozen", "the Gateway accepts and never answers", "the hubs' ping, 8 s"),
    Fault("status-storm", "429, 500, 502 or 503 to everything, done or not", "at once"),
    Fault(
        "token-expired", "the 24 h token runs out, also in a flatten", "10 min early, or by a 401"
    ),
    Fault("token-revoked", "every token is revoked, three times in a second", "by a 401"),
    Fault("login-refused-for-a-while", "no login is answered", "at once"),
    Fault(
        "login-contested",
        "another session logs ours out again and again",
        "the fourth logout in 5 min; then an alarm, and longer and longer truces",
    ),
    Fault("any-weather", "all of these at random, while the trader trades", "as above"),
)
BUDGET = (
    Fault(
        "panic-of-five-accounts",
        "five accounts of ten orders and three positions flatten at once, polls going on",
        "its cost is known before it starts",
    ),
    Fault(
        "panic-of-fifteen-accounts",
        "fifteen such accounts at once: more than a minute's requests",
        "each request is counted before it leaves: closes go first",
    ),
    Fault(
        "refused-on-ten-accounts",
        "the Gateway refuses every close and cancel of ten accounts, and an eleventh breaches",
        "at once; what was refused leaves the slice that the eleventh needs",
    ),
    Fault(
        "budget-spent-by-others",
        "the minute's requests are spent: 429 to everything",
        "at once; first closes are tried all the same",
    ),
    Fault(
        "budget-spent-by-resyncs",
        "gaps have used what reads may use",
        "the last 40 requests are enforcement's",
    ),
    Fault(
        "budget-spent-by-enforcement",
        "enforcement leaves nothing to polls for three minutes",
        "an account whose turn has passed is read all the same",
    ),
)
PROCESS = (
    Fault(
        "desk-killed-at-each-commit",
        "kill -9 before, and after, every commit from the start to the proof",
        "by the process's end, at once",
    ),
    Fault("desk-killed", "kill -9 of the desk", "by the process's end, at once"),
    Fault("desk-hung", "SIGSTOP of the desk", "its silence, 5 s: it is killed and replaced"),
    Fault(
        "desk-killed-for-memory",
        "the kernel kills the desk, for memory has run out",
        "by the process's end, at once",
    ),
    Fault(
        "spare-stopped",
        "SIGSTOP of the desk in waiting, then kill -9 of the desk",
        "it does not take its order, 1 s: it is killed, and another desk is started",
    ),
    Fault("desk-out-of-memory", "the desk gets no more memory", "the desk enforces, or dies"),
    Fault("guardian-killed", "kill -9 of the guardian", "by its pipe, at once: the desk ends"),
    Fault("guardian-and-desk-killed", "kill -9 of both at once", "whoever starts it again"),
    Fault("two-services-on-one-folder", "a second service on one data_dir", "refused at start"),
    Fault("account-hangs", "every call of another account hangs", "nobody else notices"),
    Fault("actor-crash-loop", "another account's actors die again and again", "at once, by alarm"),
)
DISK = (
    Fault("store-killed", "kill -9 of a process that writes", "nothing acknowledged is lost"),
    Fault("power-cut", "the files as they are in the middle of a write", "at the next start"),
    Fault("disk-full", "the disk takes nothing more, and later does", "at once, by alarm"),
    Fault("disk-read-only", "the data folder cannot be written", "refused at start"),
    Fault("disk-slow", "a commit hangs", "20 ms: what reduces risk leaves without it"),
)
GROUPS = {
    "The line and the Gateway": NETWORK,
    "The minute's requests": BUDGET,
    "Processes and actors": PROCESS,
    "The disk": DISK,
}
FAULTS = tuple(fault for group in GROUPS.values() for fault in group)
