"""Two providers in one ensemble, with weights, and a third model where they do not agree.

Runs offline, with simulated models; ``"openai:gpt-5-mini"`` or ``ChatAnthropic(...)`` would stand
in their place.
"""

from simulated import Simulated

from bestofinf import Member, NoConsensusError
from langchain_bestofinf import AdaptiveEnsembleChat

members = [
    Member(Simulated(model="cheap", skill=0.55), weight=0.4, price=(1e-7, 4e-7)),
    Member(Simulated(model="dear", skill=0.8), weight=0.6, price=(1e-6, 4e-6), cost=10),
]
model = AdaptiveEnsembleChat(members, rule="balanced", min_confidence=0.9)

trace = model.invoke("What is 17 plus 25?").response_metadata["bestofinf"]
print("answer", trace["answer"], "by", trace["winner_member"], "with", trace["votes"])
for name, usage in trace["usage_by_member"].items():
    print(f"  {name}: {usage['calls']} calls, {usage['cost']:.6f} $")

guessing = [Simulated(model="guess", skill=0.1)]
try:
    AdaptiveEnsembleChat(guessing, min_confidence=0.9, max_samples=8).invoke("What is 3 plus 4?")
except NoConsensusError as error:
    print("refused:", str(error).partition(" (")[0])

strong = Simulated(model="strong", skill=1.0)
careful = AdaptiveEnsembleChat(guessing, min_confidence=0.9, max_samples=8, escalate_to=strong)
trace = careful.invoke("What is 3 plus 4?").response_metadata["bestofinf"]
print("escalated to", trace["winner_member"])
