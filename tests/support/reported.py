"""A labelled set whose three members are good at different questions, with hostile names."""

import random

from bestofinf.evaluation import EvaluationSet, Question, Samples


def made(questions=24, seed=0, hard=()):
    rng = random.Random(seed)
    rows = []
    for number in range(questions):
        samples = {}
        for place, name in enumerate(("alpha", "beta", "gamma")):
            skill = 0.9 if number % 3 == place else 0.45
            skill = 0.05 if number in hard else skill
            answers = tuple(
                "right" if rng.random() < skill else rng.choice(["a", "b", f"c{place}", None])
                for _ in range(30)
            )
            samples[name] = Samples(answers, (50 + 10 * place,) * 30)
        prompt = f"What of <b>{number}</b> & co </script>?"
        rows.append(Question(f"q{number}", samples, gold="right", prompt=prompt, dataset="made"))
    return EvaluationSet(tuple(rows), name="made <set>")
