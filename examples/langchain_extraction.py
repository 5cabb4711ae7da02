"""Structured output, voted on as a whole and field by field. Runs offline, with a simulated model."""

from pydantic import BaseModel
from simulated import Simulated

from bestofinf.answers import JsonAnswer
from langchain_bestofinf import AdaptiveEnsembleChat


class Person(BaseModel):
    """A person in a text."""

    name: str
    age: int
    height_cm: int


TEXT = "Ann is 34 years old and 171 centimetres tall."
model = AdaptiveEnsembleChat([Simulated(skill=0.7)], rule="thorough")

whole = model.with_structured_output(Person, include_raw=True).invoke(TEXT)
print("voted on as a whole:", whole["parsed"])
print("  votes:", whole["raw"].response_metadata["bestofinf"]["votes"])

by_field = model.with_structured_output(
    Person, answer=JsonAnswer(fields=["name", "age", "height_cm"], schema=Person), include_raw=True
).invoke(TEXT)
print("voted on by field:  ", by_field["parsed"])
print("  samples:", by_field["raw"].response_metadata["bestofinf"]["n_samples"])
