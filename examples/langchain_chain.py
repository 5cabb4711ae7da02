"""An ensemble in a chain, where a chat model would stand. Runs offline, with a simulated model."""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from simulated import Simulated

from langchain_bestofinf import AdaptiveEnsembleChat

model = AdaptiveEnsembleChat([Simulated(skill=0.6)], rule="thorough")
prompt = ChatPromptTemplate.from_template("What is {a} plus {b}? Give the number.")
chain = prompt | model | StrOutputParser()

print("one call  ", chain.invoke({"a": 17, "b": 25}))
print("a batch   ", chain.batch([{"a": n, "b": n} for n in (1, 2, 3)]))
print("a stream  ", "|".join(chain.stream({"a": 17, "b": 25})))

message = (prompt | model).invoke({"a": 17, "b": 25})
trace = message.response_metadata["bestofinf"]
print("votes     ", trace["votes"])
print("confidence", round(trace["confidence"], 3))
print("reason    ", trace["reason"])
print("samples   ", trace["n_samples"])
print(
    "tokens    ",
    sum(u["input_tokens"] + u["output_tokens"] for u in trace["usage_by_member"].values()),
)
