"""What people say to each other: turns with speakers, times and words.

Belongs here: the rhythm of a conversation and its sentences. Does not: who is there (demo.py).
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meeting_etl.sandbox.world.names import PRODUCTS

_WORDS_PER_SECOND = 2.4
_SHORTEST_TURN_MS = 600
_LONGEST_TURN_MS = 60_000

_SHORT = (
    "Right.",
    "Yes, exactly.",
    "Can you hear me?",
    "Go ahead.",
    "Sorry, you first.",
    "That makes sense.",
    "Okay.",
    "Hm, let me think.",
    "Good question.",
    "We lost you for a second.",
    "Danke, das reicht mir.",
    "Ευχαριστώ πολύ.",
    "ありがとうございます。",
    "Спасибо, понятно.",
    "شكرا جزيلا.",
    "धन्यवाद।",
)
_LONG = (
    "What we would like to understand is how {product} behaves with more than {number} sites.",
    "Our budget for this year is {amount} and I do not see it growing before {month}.",
    "The pilot ran for {number} weeks and the numbers were better than we had planned.",
    "If we sign by the end of {month} I can hold the price at {amount}.",
    "Security will ask where the data is kept and for how long, so let us prepare that now.",
    "I will send you the summary today and the offer by the middle of {month}.",
    "The rollout starts with {number} users and we add the others when the training is done.",
    "Who else on your side has to agree before this can go to procurement?",
    "We compared three vendors and {product} was the only one that worked without a gateway.",
    "Let me share my screen, you should see the dashboard in a moment.",
    "The integration took {number} days, most of it waiting for a firewall change.",
    "To be honest the renewal depends on the support times, they were not good in {month}.",
    "Could you walk us through the discount for a term of three years?",
    "I have noted two open points, the export format and the audit log.",
    "From our side the next step is a workshop with the people from operations.",
    "It saves the team about {number} hours a month, which is roughly {amount} a year.",
)
_MONTHS = ("January", "March", "April", "June", "September", "October", "December")


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: place of the speaker in the list, milliseconds from the start, words."""

    speaker: int
    offset_ms: int
    duration_ms: int
    text: str


def turns(
    rng: random.Random, weights: Sequence[float], length_ms: int, most: int
) -> Iterator[Turn]:
    """A conversation of at most `most` turns within `length_ms`.

    Speakers come by weight, rarely twice in a row; turns last from under a second to a minute;
    between them lie pauses, now and then a long one, and sometimes two people talk at once.
    """
    at, last = int(rng.uniform(500, 9_000)), -1
    places = range(len(weights))
    for _ in range(most):
        lasts = int(rng.lognormvariate(8.9, 0.9))
        lasts = max(_SHORTEST_TURN_MS, min(lasts, _LONGEST_TURN_MS))
        if at + lasts > length_ms:
            return
        speaker = rng.choices(places, weights)[0]
        if speaker == last:
            speaker = rng.choices(places, weights)[0]
        yield Turn(speaker, at, lasts, _words(rng, lasts))
        at, last = max(0, at + lasts + _gap(rng, lasts)), speaker


def _gap(rng: random.Random, lasts_ms: int) -> int:
    """Milliseconds until the next turn; negative where that begins before this one is over."""
    if rng.random() < 0.02:
        return int(rng.uniform(15_000, 80_000))
    return max(int(rng.gauss(700, 1_100)), -lasts_ms // 2, -2_000)


def _words(rng: random.Random, lasts_ms: int) -> str:
    wanted = lasts_ms / 1000 * _WORDS_PER_SECOND
    if wanted < 6:
        return rng.choice(_SHORT)
    said: list[str] = []
    while wanted > 4:
        sentence = rng.choice(_LONG)
        said.append(
            sentence.format(
                product=rng.choice(PRODUCTS),
                number=rng.randrange(2, 90),
                amount=f"{rng.randrange(12, 480)},000 euros",
                month=rng.choice(_MONTHS),
            )
        )
        wanted -= len(sentence.split())
    return " ".join(said)
