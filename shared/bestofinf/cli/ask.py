"""``bestofinf ask``: one question to your own models, with the vote shown live."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from bestofinf._extras import require
from bestofinf.cli.live import VoteView, votes_table
from bestofinf.errors import UsageError

TINY = "tiny:"


def ask(
    question: Annotated[str, typer.Argument(help="What to ask.")],
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            "-m",
            metavar="PROVIDER:MODEL[=WEIGHT]",
            help="A member; repeat it for an ensemble. tiny:sum, tiny:mul, tiny:clock and "
            "tiny:weak are in the box and need no key.",
        ),
    ],
    rule: Annotated[str, typer.Option(help="When to stop: a preset or a rule.")] = "balanced",
    answer: Annotated[str, typer.Option(help="How replies become votes.")] = "auto",
    weights: Annotated[
        str | None, typer.Option(help="A file that `bestofinf fit --out` wrote.")
    ] = None,
    max_samples: Annotated[int, typer.Option(help="Most samples.")] = 64,
    concurrency: Annotated[int, typer.Option(help="Most requests at a time.")] = 8,
    temperature: Annotated[
        float | None, typer.Option(help="Sent to every model; their own by default.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Address of an OpenAI-compatible server.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask your own models until the answer is settled, and watch the vote.

    Example: `bestofinf ask "What is 17 * 23?" -m openai:gpt-5-mini -m anthropic:claude-haiku-4-5`
    """
    adapter = require("langchain_bestofinf", extra="langchain", purpose="bestofinf ask")
    callbacks = require("langchain_core.callbacks", extra="langchain", purpose="bestofinf ask")
    members, given = zip(*(member(text, temperature, base_url) for text in model), strict=True)
    if weights is not None and any(given):
        raise UsageError("give the weights either with the models or as a file, not both")
    ensemble = adapter.AdaptiveEnsembleChat(
        members=list(members),
        weights=weights,
        rule=rule,
        answer=answer,
        max_samples=max_samples,
        concurrency=concurrency,
    )
    console = Console(stderr=True)
    with VoteView(console, question) as view:

        class Shown(callbacks.BaseCallbackHandler):  # type: ignore[name-defined,misc]
            def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
                if name == "bestofinf.sample":
                    view.update(data)

        message = ensemble.invoke(question, {"callbacks": [Shown()]})
    trace = message.response_metadata["bestofinf"]
    if as_json:
        typer.echo(json.dumps({"reply": message.text} | trace, ensure_ascii=False))
        return
    out = Console()
    out.print(message.text, markup=False, highlight=False)
    if trace["votes"]:
        out.print()
        out.print(votes_table(trace["votes"], str(trace["answer"])))
    tokens = sum(usage["output_tokens"] for usage in trace["usage_by_member"].values())
    out.print(
        f"\n[dim]{trace['n_samples']} samples, {tokens:,} tokens, "
        f"confidence {trace['confidence']:.3f}; {escape(trace['reason'])}[/]"
    )


def named(text: str) -> str:
    """Return the name of a member as given on the command line, without its weight."""
    return text.partition("=")[0]


def member(
    text: str,
    temperature: float | None,
    base_url: str | None,
    price: tuple[float, float] | None = None,
) -> tuple[Any, bool]:
    """Return a member, and whether a weight was given."""
    from bestofinf.records import Member

    name, _, weight = text.partition("=")
    try:
        heavy = float(weight) if weight else 1.0
    except ValueError:
        raise UsageError(f"--model {text!r}: the weight must be a number") from None
    model = _model(name, temperature, base_url)
    return Member(model, weight=heavy, name=name, price=price or (0.0, 0.0)), bool(weight)


def _model(name: str, temperature: float | None, base_url: str | None) -> Any:
    options: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
    if name.startswith(TINY):
        tiny = require("langchain_bestofinf.tiny", extra="langchain", purpose="bestofinf ask")
        return tiny.TinyChat(model=name.removeprefix(TINY), **options)
    if base_url is not None:
        options |= {"base_url": base_url}
    if not options:
        return name
    models = require("langchain.chat_models", extra="langchain", purpose="naming a model by text")
    return models.init_chat_model(name, **options)
